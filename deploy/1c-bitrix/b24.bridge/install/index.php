<?php

use B24Bridge\Bridge;
use B24Bridge\Handlers;
use B24Bridge\Settings;
use B24Bridge\Words;
use Bitrix\Main\EventManager;
use Bitrix\Main\ModuleManager;

if (class_exists('b24_bridge', false)) {
    return;
}

/** How the module comes and goes: Marketplace → Installed solutions, or Settings → Modules. */
class b24_bridge extends CModule
{
    public $MODULE_ID = 'b24.bridge';
    public $MODULE_VERSION;
    public $MODULE_VERSION_DATE;
    public $MODULE_NAME;
    public $MODULE_DESCRIPTION;
    public $PARTNER_NAME = 'b24-bridge';
    public $PARTNER_URI = '';
    public $MODULE_GROUP_RIGHTS = 'N';

    public function __construct()
    {
        $arModuleVersion = [];
        include __DIR__ . '/version.php';
        $this->MODULE_VERSION = $arModuleVersion['VERSION'];
        $this->MODULE_VERSION_DATE = $arModuleVersion['VERSION_DATE'];
        if (self::byHand()) {
            // Those that it does not have.
            require_once dirname(__DIR__) . '/bitrix/Charset.php';
            require_once dirname(__DIR__) . '/bitrix/Words.php';
        } else {
            require_once dirname(__DIR__) . '/autoload.php';
        }
        $this->MODULE_NAME = Words::of('install/index.php', 'B24_BRIDGE_NAME');
        $this->MODULE_DESCRIPTION = Words::of('install/index.php', 'B24_BRIDGE_ABOUT');
    }

    /** Whether an installation by hand is still at work: `init.php` loads it on every hit. */
    private static function byHand(): bool
    {
        return class_exists('B24Bridge\Spool', false) && !defined('B24_BRIDGE_CLASSES');
    }

    public function DoInstall()
    {
        global $APPLICATION;
        if (self::byHand()) {
            $words = Words::of('install/index.php', 'B24_BRIDGE_BY_HAND');
            $APPLICATION->ThrowException($words);
            return false;
        }
        foreach (['PHP 7.4' => PHP_VERSION_ID >= 70400, 'curl' => function_exists('curl_init'),
            'mbstring' => function_exists('mb_convert_encoding'),
            'sale' => ModuleManager::isModuleInstalled('sale')] as $need => $there) {
            if (!$there) {
                $words = Words::of('install/index.php', 'B24_BRIDGE_NEEDS', ['#WHAT#' => $need]);
                $APPLICATION->ThrowException($words);
                return false;
            }
        }
        $this->InstallDB();
        $this->InstallFiles();
        ModuleManager::registerModule($this->MODULE_ID);
        $this->InstallEvents();
        return true;
    }

    /** With `savedata` in the request, as the page of removal asks it, tables and settings stay. */
    public function DoUninstall()
    {
        global $APPLICATION, $step;
        if ((int) $step < 2 && !defined('B24_BRIDGE_UNATTENDED')) {
            $title = Words::of('install/index.php', 'B24_BRIDGE_REMOVE');
            $APPLICATION->IncludeAdminFile($title, __DIR__ . '/unstep.php');
            return true;
        }
        $this->UnInstallEvents();
        $this->UnInstallFiles();
        if (($_REQUEST['savedata'] ?? 'Y') !== 'Y') {
            $this->UnInstallDB();
        }
        ModuleManager::unRegisterModule($this->MODULE_ID);
        return true;
    }

    public function InstallDB()
    {
        $spool = Bridge::spool();
        $spool->install();
        // Orders from now on; an installation by hand has come further, and goes on from there.
        if ($spool->state('swept_until') === 0) {
            $spool->setState('swept_until', time());
        }
        $file = $_SERVER['DOCUMENT_ROOT'] . '/local/b24bridge/config.php';
        $settings = is_file($file) ? require $file : [];
        Settings::import(is_array($settings) ? $settings : []);
        return true;
    }

    public function UnInstallDB()
    {
        Bridge::spool()->drop();
        Settings::forget();
        return true;
    }

    public function InstallEvents()
    {
        $events = EventManager::getInstance();
        foreach (Handlers::EVENTS as [$from, $name, $method]) {
            $events->registerEventHandler(
                $from,
                $name,
                $this->MODULE_ID,
                Handlers::class,
                $method
            );
        }
        foreach (Handlers::OLDER as [$from, $name, $method]) {
            $events->registerEventHandlerCompatible(
                $from,
                $name,
                $this->MODULE_ID,
                Handlers::class,
                $method
            );
        }
        // Not periodical: the next run is a minute after the last one, however long that took.
        CAgent::AddAgent(Bridge::AGENT, $this->MODULE_ID, 'N', 60);
        return true;
    }

    public function UnInstallEvents()
    {
        $events = EventManager::getInstance();
        foreach (array_merge(Handlers::EVENTS, Handlers::OLDER) as [$from, $name, $method]) {
            $events->unRegisterEventHandler(
                $from,
                $name,
                $this->MODULE_ID,
                Handlers::class,
                $method
            );
        }
        CAgent::RemoveModuleAgents($this->MODULE_ID);
        return true;
    }

    public function InstallFiles()
    {
        $tools = $_SERVER['DOCUMENT_ROOT'] . '/bitrix/tools';
        CopyDirFiles(__DIR__ . '/tools', $tools, true, true);
        return true;
    }

    public function UnInstallFiles()
    {
        DeleteDirFilesEx('/bitrix/tools/' . $this->MODULE_ID);
        return true;
    }
}
