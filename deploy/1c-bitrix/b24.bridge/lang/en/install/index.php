<?php

$MESS['B24_BRIDGE_NAME'] = 'b24-bridge: orders to Bitrix24';
$MESS['B24_BRIDGE_ABOUT'] = 'Sends orders, products and forms to b24-bridge, takes statuses back.';
$MESS['B24_BRIDGE_NEEDS'] = 'The module needs #WHAT#, which is not there.';
$MESS['B24_BRIDGE_BY_HAND'] =
    'Remove the line with /local/b24bridge/include.php from php_interface/init.php, then install'
    . ' again. The tables and the settings are taken over.';
$MESS['B24_BRIDGE_REMOVE'] = 'Remove b24-bridge';
$MESS['B24_BRIDGE_WAITING'] = 'Events that the bridge does not have yet: #COUNT#.';
$MESS['B24_BRIDGE_KEEP'] = 'Keep the tables and the settings';
