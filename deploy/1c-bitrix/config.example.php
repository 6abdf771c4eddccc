<?php

// Copy to config.php. The file is outside of what the web server hands out as text; keep it readable for the site's user alone.
return [
    'url' => 'https://bridge.example',                    // where the bridge listens
    'key' => 'replace-with-a-long-random-key',            // one of [shops.NAME] api_keys
    'source' => 'https://shop.example',                   // names this shop in its events
    'callback_secret' => 'whsec_bWFrZS1vbmUtd2l0aC1vcGVuc3NsLXJhbmQ=', // [shops.NAME] callback_secret
    'paid_statuses' => ['P', 'F'],                        // what a paid order may become by a message that does not say what it denies
    'sites' => [],                                        // only orders of these sites (LID); empty: all
];
