use crate::config::{Config, Error, Problem};
use std::{collections::BTreeMap, time::Duration};

const SMALL: &str = r#"
[portals.main]
webhook_url = "https://example.bitrix24.ru/rest/1/very-secret-code/"
[shops.main]
portal = "main"
api_keys = ["0123456789abcdef"]
[shops.second]
portal = "main"
api_keys = ["123456789abcdef0"]
"#;
const USER: &str = "
[onec.trade.users.exchange]
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"
";

fn parse(onec: &str) -> Result<Config, Error> {
    Config::parse(&format!("{SMALL}{onec}"), &BTreeMap::new())
}

fn problems(onec: &str) -> Vec<Problem> {
    match parse(onec) {
        Err(Error::Problems(problems)) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

#[test]
fn a_base_needs_its_shops_and_a_user_and_the_rest_is_as_in_the_example() {
    let config = parse(&format!("[onec.trade]\nshops = [\"main\"]\n{USER}")).unwrap();
    let onec = config.onec.values().next().unwrap();
    assert_eq!(onec.base.step, Duration::from_secs(30));
    assert_eq!(onec.base.keep_files, Duration::from_hours(720));
    assert_eq!(onec.base.keep_files_bytes, 2 << 30);
    assert_eq!(onec.base.version_max.to_string(), "3.1");
    assert!(onec.users["exchange"].exchanges("catalog"));
}

#[test]
fn every_fault_of_a_base_is_named_with_its_place() {
    let found = problems(
        r#"
[onec.trade]
shops = ["main", "second", "third"]
also_at = ["bitrix", "/v1/events", "/a b"]
schema_version_max = "4.0"
time_zone = "Moscow"
file_limit = 1
session_ttl = "soon"
keep_files_bytes = "much"
[onec.trade.users.exchange]
password_hash = "secret"
types = ["sales"]
[onec.trade.export]
number_prefix = "A-"
since = "yesterday"
from_status = "X"
[[onec.trade.statuses]]
status = "P"
names = ["В работе"]
[[onec.trade.statuses]]
status = "N"
names = ["в работе"]
"#,
    );
    let keys: std::collections::BTreeSet<&str> =
        found.iter().map(|problem| problem.key.as_str()).collect();
    for key in [
        "onec.trade.shops",
        "onec.trade.also_at",
        "onec.trade.schema_version_max",
        "onec.trade.time_zone",
        "onec.trade.file_limit",
        "onec.trade.session_ttl",
        "onec.trade.keep_files_bytes",
        "onec.trade.users.exchange.password_hash",
        "onec.trade.users.exchange.types",
        "onec.trade.export.number_prefix",
        "onec.trade.export.since",
        "onec.trade.export.from_status",
        "onec.trade.statuses",
    ] {
        assert!(keys.contains(key), "{key}: {found:?}");
    }
}

#[test]
fn a_shop_belongs_to_one_base() {
    let second = USER.replace("trade", "books");
    let found = problems(&format!(
        "[onec.trade]\nshops = [\"main\"]\n{USER}[onec.books]\nshops = [\"main\"]\n{second}"
    ));
    assert!(
        found
            .iter()
            .any(|one| one.sentence.contains("belongs to the base"))
    );
}

#[test]
fn a_part_of_an_address_that_1c_does_not_know_is_refused() {
    let with = |part: &str| {
        format!(
            "[onec.trade]\nshops = [\"main\"]\n{USER}[onec.trade.profiles.person]\n\
             \"Адрес.{part}\" = \"properties.zip\"\n"
        )
    };
    assert!(parse(&with("Почтовый индекс")).is_ok());
    let found = problems(&with("Индекс"));
    let key = "onec.trade.profiles.person.Адрес.Индекс";
    assert!(found.iter().any(|one| one.key == key), "{found:?}");
}

#[test]
fn what_cannot_act_yet_is_refused_and_not_passed_over() {
    for key in ["push = {}", "may = []"] {
        let wrong = parse(&format!("[onec.trade]\nshops = [\"main\"]\n{key}\n{USER}"));
        assert!(matches!(wrong, Err(Error::Toml(_))), "{key}");
    }
}

#[test]
fn orders_of_1c_are_made_in_a_shop_that_is_named_and_what_cannot_act_is_refused_with_a_reason() {
    let base = "[onec.trade]\nshops = [\"main\", \"second\"]\n";
    let prefixes = "[onec.trade.export]\nnumber_prefix = { main = \"A-\", second = \"B-\" }\n";
    let import = |keys: &str| format!("{base}{USER}{prefixes}[onec.trade.import]\n{keys}\n");
    for (keys, key) in [
        ("create_orders = true", "new_orders_shop"),
        ("new_orders_shop = \"third\"", "new_orders_shop"),
        (
            "create_order_for_shipment = true",
            "create_order_for_shipment",
        ),
        ("delivery_service = \"9\"", "delivery_service"),
        ("pay_system = { by_status = \"9\" }", "pay_system"),
        ("grow_basket = true", "grow_basket"),
    ] {
        let found = problems(&import(keys));
        let place = format!("onec.trade.import.{key}");
        assert!(
            found.iter().any(|one| one.key == place),
            "{keys}: {found:?}"
        );
    }
    let config = parse(&import(
        "create_orders = true\nnew_orders_shop = \"second\"\ngrow_basket = false",
    ));
    let config = config.unwrap();
    let import = &config.onec.values().next().unwrap().base.import;
    assert!(import.create_orders);
    assert_eq!(import.new_orders_shop.as_ref().unwrap().as_str(), "second");
}

#[test]
fn products_are_given_in_steps_that_fit_into_memory() {
    let catalogue = |keys: &str| {
        format!("[onec.trade]\nshops = [\"main\"]\n{USER}[onec.trade.catalogue]\n{keys}\n")
    };
    let config = parse(&catalogue("elements_per_step = 50\nstep_seconds = 0")).unwrap();
    let found = config.onec.values().next().unwrap().base.catalogue;
    assert_eq!(
        (found.elements, found.step),
        (50, std::time::Duration::ZERO)
    );
    for (keys, key) in [
        ("elements_per_step = 0", "elements_per_step"),
        ("elements_per_step = 1001", "elements_per_step"),
        ("step_seconds = 301", "step_seconds"),
    ] {
        let found = problems(&catalogue(keys));
        let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, [format!("onec.trade.catalogue.{key}")]);
    }
}

#[test]
fn orders_are_pushed_over_https_unless_the_network_is_said_to_be_ones_own() {
    let push = |more: &str| {
        let push = format!("[onec.trade.push]\nuser = \"bridge\"\npassword = \"p\"\n{more}");
        format!("[onec.trade]\nshops = [\"main\"]\n{USER}{push}\n")
    };
    for fine in [
        "url = \"https://1c.example/ut/hs/orders\"",
        "url = \"http://127.0.0.1:8080/ut/hs/orders\"",
        "url = \"http://1c.example/ut/hs/orders\"\nallow_http = true",
    ] {
        let config = parse(&push(fine)).unwrap();
        let onec = config.onec.values().next().unwrap();
        assert_eq!(onec.base.push.unwrap().to_string(), "2.09");
        assert_eq!(onec.push.as_ref().unwrap().user, "bridge");
    }
    for (faulty, key) in [
        ("url = \"http://1c.example/ut/hs/orders\"", "url"),
        ("url = \"1c.example\"", "url"),
        ("url = \"https://a:b@1c.example/\"", "url"),
        (
            "url = \"https://1c.example/\"\nversion = \"3.2\"",
            "version",
        ),
        (
            "url = \"https://1c.example/\"\npassword_file = \"/x\"",
            "password",
        ),
    ] {
        let found = problems(&push(faulty));
        let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, [format!("onec.trade.push.{key}")], "{faulty}");
    }
}

#[test]
fn receipts_go_only_to_a_base_whose_shops_sell_from_a_stock() {
    let base = format!(
        "[onec.trade]\nshops = [\"main\"]\n{USER}[onec.trade.export]\nreceipts = \"documents\"\n"
    );
    let found = problems(&base);
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["onec.trade.export.receipts"], "{found:?}");
    let of = |shop: &str| {
        format!(
            "{base}[stock.main]\nshops = [\"{shop}\"]\nmaster = \"bridge\"\n\
             [[stock.main.stores]]\nname = \"a\"\n"
        )
    };
    assert!(!problems(&of("second")).is_empty());
    let config = parse(&of("main")).unwrap();
    assert!(config.onec.values().next().unwrap().base.export.receipts);
    let none = base.replace("documents", "none");
    let config = parse(&none).unwrap();
    assert!(!config.onec.values().next().unwrap().base.export.receipts);
    assert!(parse(&base.replace("documents", "reports")).is_err());
}
