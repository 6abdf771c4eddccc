<?php

$b24_bridge_default_option = [
    'paid_statuses' => 'P,F',
    'products' => 'N',
    'article' => 'CML2_ARTICLE,ARTNUMBER,ARTICLE',
    'forms' => '{}',
];
