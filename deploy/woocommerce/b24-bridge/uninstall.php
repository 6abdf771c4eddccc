<?php

// The plugin is deleted: its tables and settings go, unless the settings say that they stay.
if (!defined('WP_UNINSTALL_PLUGIN')) {
    exit;
}
$settings = get_option('b24_bridge', []);
if (is_array($settings) && !empty($settings['keep'])) {
    return;
}
global $wpdb;
foreach (['spool', 'state', 'seen', 'products'] as $table) {
    $wpdb->query("DROP TABLE IF EXISTS {$wpdb->prefix}b24bridge_$table");
}
delete_option('b24_bridge');
delete_option('b24_bridge_tables');
delete_option('b24_bridge_deliveries');
