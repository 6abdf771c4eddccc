//! Orders to 1C: what they hold, and that each comes at least once, its newest version, and is
//! confirmed item by item.

use super::world::{World, order};
use b24_bridge::sandbox::onec::{Exchange, OneC};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep},
};

#[tokio::test]
async fn an_order_is_read_by_a_module_of_every_version() {
    let tables = r#"
[onec.trade.export]
number_prefix = "САЙТ-"
[onec.trade.export.requisites]
"Промокод" = "properties.promo"
[onec.trade.profiles.default]
"Организация" = { value = "ООО Ромашка" }
"#;
    for encoding in ["windows-1251", "utf-8", "utf-8-bom"] {
        let world = World::with(&format!("encoding = \"{encoding}\""), tables).await;
        world.save(order("142", 1)).await;
        let versions = [
            None,
            Some("2.03"),
            Some("2.05"),
            Some("2.08"),
            Some("2.09"),
            Some("2.10"),
            Some("3.1"),
        ];
        for version in versions {
            let exchange = Exchange {
                version: version.map(str::to_owned),
                says_success: false,
                ..world.exchange()
            };
            let mut base = OneC::new(exchange).unwrap();
            base.sign_in("sale").await.unwrap();
            base.init("sale").await.unwrap();
            assert_eq!(base.query().await.unwrap(), ["7142"], "{version:?}");
            let order = base.order("САЙТ-142").unwrap();
            assert_eq!(order.currency, "руб");
            assert_eq!(order.buyer, "Иванова Анна");
            assert_eq!(order.lines[0].id, "3f1c");
            assert_eq!(order.lines[0].name, "Чай «Ассам» 🍵");
            assert_eq!(order.lines[2].id, "ORDER_DELIVERY");
            for (name, value) in [
                ("Промокод", "ЛЕТО"),
                ("client_type", "опт"),
                ("utm_source", "ya"),
                ("Организация", "ООО Ромашка"),
                ("Статуса заказа ИД", "N"),
                ("Статус заказа", "[N] Принят"),
                ("Способ доставки", "Курьер"),
                ("Адрес доставки", "Москва"),
                ("Заказ оплачен", "false"),
            ] {
                assert_eq!(
                    order.requisites.get(name).map(String::as_str),
                    Some(value),
                    "{name}"
                );
            }
            let documents = match version {
                Some("2.10" | "3.1") => vec!["Выплата безналичных денег", "Отпуск товара"],
                _ => Vec::new(),
            };
            assert_eq!(order.documents, documents, "{version:?}");
        }
    }
}

#[tokio::test]
async fn payments_and_shipments_stand_in_their_order_where_a_client_asks_so() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let exchange = Exchange {
        cml_version: Some("2.10".to_owned()),
        ..world.exchange().version("2.10")
    };
    let mut base = OneC::new(exchange).unwrap();
    base.fetch_orders().await.unwrap();
    assert_eq!(base.order("1").unwrap().documents.len(), 2);
}

#[tokio::test]
async fn a_company_comes_with_its_tax_numbers() {
    let world = World::new().await;
    let mut company = order("1", 1);
    company["customer"] = json!({"kind": "company",
        "company": {"title": "АО «Луч»", "inn": "7707083893", "kpp": "770701001"}});
    world.save(company).await;
    let mut base = world.base_of("2.09");
    base.fetch_orders().await.unwrap();
    let kept = base.order("1").unwrap();
    assert_eq!(kept.buyer, "АО «Луч»");
    assert_eq!(
        kept.tax_numbers,
        Some(("7707083893".to_owned(), "770701001".to_owned()))
    );
}

#[tokio::test]
async fn a_session_that_dies_confirms_nothing_and_a_change_before_success_goes_on_waiting() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(base.query().await.unwrap(), ["71"]);
    // It dies. The next one gets the order again, and the shop changes it meanwhile.
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(base.query().await.unwrap(), ["71"]);
    let mut changed = order("1", 2);
    changed["status"] = json!("P");
    world.save(changed).await;
    assert!(base.query().await.unwrap().is_empty(), "once a session");
    base.success().await.unwrap();
    let told = world.told("1").await;
    assert_eq!(told["onec"]["waits"], true, "{told}");
    assert!(told["onec"]["confirmed_at"].is_string());
    let brought = base.fetch_orders().await.unwrap();
    assert_eq!((brought.queries, brought.orders), (2, 1));
    let kept = base.order("1").unwrap();
    assert_eq!(kept.requisites["Статуса заказа ИД"], "P");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
    let told = world.told("1").await;
    assert_eq!(told["onec"]["waits"], false, "{told}");
    let texts = told["timeline"].to_string();
    assert!(
        texts.contains("the 1C base trade has taken the order as 1"),
        "{texts}"
    );
}

#[tokio::test]
async fn the_old_protocol_gives_all_that_waits_each_time_and_success_confirms_it() {
    let world = World::new().await;
    for number in ["1", "2"] {
        world.save(order(number, 1)).await;
    }
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(base.query().await.unwrap(), ["71", "72"]);
    assert_eq!(base.query().await.unwrap(), ["71", "72"]);
    base.success().await.unwrap();
    assert!(base.query().await.unwrap().is_empty());
    base.success().await.unwrap();
}

#[tokio::test]
async fn a_module_of_3_1_that_never_says_success_confirms_by_asking_again() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let exchange = Exchange {
        says_success: false,
        ..world.exchange().version("3.1")
    };
    let mut base = OneC::new(exchange.clone()).unwrap();
    let brought = base.fetch_orders().await.unwrap();
    assert_eq!((brought.queries, brought.orders), (2, 1));
    assert_eq!(
        base.fetch_orders().await.unwrap().orders,
        0,
        "confirmed by the second query"
    );

    // With an init between them nothing is confirmed, and below 3.0 nothing either.
    world.save(order("2", 1)).await;
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(base.query().await.unwrap(), ["72"]);
    base.init("sale").await.unwrap();
    assert!(base.query().await.unwrap().is_empty());
    base.exchange.version = Some("2.09".to_owned());
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    let told = world.told("2").await;
    assert!(told["onec"]["confirmed_at"].is_null(), "{told}");
}

#[tokio::test]
async fn an_order_keeps_its_identity_whatever_the_settings_become() {
    let world = World::with("", "[onec.trade.export]\nnumber_prefix = \"A-\"").await;
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    base.fetch_orders().await.unwrap();
    let other = world
        .another("", "[onec.trade.export]\nnumber_prefix = \"B-\"")
        .await;
    world.save(order("1", 2)).await;
    world.save(order("2", 1)).await;
    base.exchange.address = format!("{}/exchange/1c/trade", other.url);
    base.fetch_orders().await.unwrap();
    assert!(base.order("A-1").is_some_and(|kept| kept.times == 2));
    assert!(base.order("B-2").is_some());
    let report = other.app.onec.onec_report().await.unwrap();
    assert!(report[0].prefix_changed);
    assert!(!world.site.app.onec.onec_report().await.unwrap()[0].prefix_changed);
    // Another kind of `Ид` is refused at start.
    let third = world
        .another("", "[onec.trade.export]\nid = \"number\"")
        .await;
    let problems = third.app.onec.check_onec_bases().await.unwrap();
    assert_eq!(problems[0].key, "onec.trade.export.id");
}

#[tokio::test]
async fn a_new_base_does_not_get_a_shop_s_history_unasked() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let problems = world.site.app.onec.check_onec_bases().await.unwrap();
    assert_eq!(problems[0].key, "onec.trade.export.since");
    let later = world
        .another("", "[onec.trade.export]\nsince = \"now\"")
        .await;
    assert!(later.app.onec.check_onec_bases().await.unwrap().is_empty());
    let mut base = world.base_of("2.09");
    base.exchange.address = format!("{}/exchange/1c/trade", later.url);
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
    let told = world.told("1").await;
    let why = told["onec"]["held"].as_str().unwrap();
    assert_eq!(why, "it has not changed since the exchange began");
    // It goes once it changes, by the shop's own clock or by its arrival.
    let mut changed = order("1", 2);
    changed["updated_at"] = json!("2126-01-01T00:00:00Z");
    changed["created_at"] = Value::Null;
    world.save(changed).await;
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
}

#[tokio::test]
async fn filters_hold_orders_back_until_the_order_or_the_filter_changes() {
    let world = World::with("", "[onec.trade.export]\nonly_paid = true").await;
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
    let mut paid = order("1", 2);
    paid["paid"] = json!(true);
    world.save(paid).await;
    world.save(order("2", 1)).await;
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    // What 1C has is brought up to date, paid or not.
    world.save(order("1", 3)).await;
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    let other = world.another("", "").await;
    base.exchange.address = format!("{}/exchange/1c/trade", other.url);
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    assert!(base.order("2").is_some());
}

#[tokio::test]
async fn a_deleted_order_is_told_once_and_only_where_1c_has_it() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    base.fetch_orders().await.unwrap();
    world.save(order("2", 1)).await;
    for number in ["1", "2"] {
        world
            .post(
                "shop.order.deleted.v1",
                json!({"number": number, "version": 2}),
            )
            .await;
    }
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    let kept = base.order("1").unwrap();
    assert!(kept.deleted && kept.requisites["Отменен"] == "true");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
}

#[tokio::test]
async fn an_order_that_cannot_be_named_holds_up_nobody_and_is_told() {
    let world = World::with("", "[onec.trade.export]\nnumber_prefix = \"\"").await;
    let mut twin = order("2", 1);
    twin["id"] = json!("71");
    world.save(order("1", 1)).await;
    world.save(twin).await;
    world.save(order("3", 1)).await;
    let mut base = world.base_of("2.09");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 2);
    let report = world.site.app.onec.onec_report().await.unwrap();
    assert_eq!(report[0].refused_orders[0].code, "ONEC-NUMBER");
    assert_eq!(report[0].refused_orders[0].number, "2");
}

#[tokio::test]
async fn an_order_with_a_date_that_cannot_be_read_holds_up_nobody_and_is_told() {
    let world = World::new().await;
    let mut odd = order("1", 1);
    odd["delivery"]["allowed_at"] = json!("вчера");
    world.save(odd).await;
    world.save(order("2", 1)).await;
    let mut base = world.base_of("2.09");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    let report = world.site.app.onec.onec_report().await.unwrap();
    let refused = &report[0].refused_orders[0];
    assert_eq!((&*refused.number, &*refused.code), ("1", "ONEC-ORDER"));
    assert!(refused.why.contains("delivery.allowed_at"), "{refused:?}");
    world.save(order("1", 2)).await;
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
}

#[tokio::test]
async fn an_answer_that_was_not_taken_to_its_end_is_no_offer() {
    let world = World::new().await;
    let long = "о".repeat(9_000);
    for nth in 0..400 {
        let mut one = order(&format!("{nth}"), 1);
        one["comment"] = json!(long);
        world.save(one).await;
    }
    let mut base = world.base_of("2.09");
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    let (_, token) = base.cookie().unwrap();
    let mut stream = TcpStream::connect(&world.site.host).await.unwrap();
    let ask = format!(
        "GET /exchange/1c/trade?type=sale&mode=query&sessid={token} HTTP/1.1\r\nhost: a\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut some = vec![0; 4096];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let open = "SELECT count(*) FROM bridge.onec_offers WHERE state <> 'cut'";
        let open: i64 = sqlx::query_scalar(open)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        let all = "SELECT count(*) FROM bridge.onec_offers";
        let all: i64 = sqlx::query_scalar(all)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if open == 0 && all > 0 {
            break;
        }
        assert!(Instant::now() < until, "the answer is taken for an offer");
        sleep(Duration::from_millis(50)).await;
    }
    // In the same session they are offered again, and a success confirms those alone.
    let mut orders = 0;
    loop {
        let ids = base.query().await.unwrap();
        if ids.is_empty() {
            break;
        }
        orders += ids.len();
    }
    assert_eq!(orders, 400);
    base.success().await.unwrap();
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
}

#[tokio::test]
async fn an_order_goes_again_where_a_person_says_so_with_a_version_of_its_own() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    base.fetch_orders().await.unwrap();
    let first = base.order("1").unwrap().version.clone();
    let shop = b24_bridge::domain::ShopName::parse("main").unwrap();
    let who = b24_bridge::app::Actor::new("cli:anna");
    let app = &world.site.app;
    assert!(
        app.onec
            .onec_resend(&shop, "1", &who)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        app.onec
            .onec_resend(&shop, "none", &who)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    assert!(base.order("1").unwrap().version > first);
}

#[tokio::test]
async fn a_look_at_the_next_answer_changes_nothing() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let base = world.site.app.onec.onec_base("trade").unwrap().clone();
    for _ in 0..2 {
        let mut query = world
            .site
            .app
            .onec
            .preview_onec_query(&base, None)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        while let Some(part) = query.part().await.unwrap() {
            bytes.extend(part);
        }
        bytes.extend(query.end().await.unwrap().unwrap());
        assert_eq!(query.orders(), 1);
        assert!(bytes.starts_with(b"<?xml"));
    }
    assert!(world.told("1").await["onec"]["id"].is_null());
    let mut base = world.base_of("2.09");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
}

#[tokio::test]
async fn what_waits_is_seen_while_no_base_asks_and_is_not_pruned() {
    let world = World::new().await;
    let client = &world.client;
    let url = format!("{}/metrics", world.site.url);
    let waiting = async || {
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        let line = "bridge_onec_orders_waiting{base=\"trade\"} ";
        let found = text.lines().find_map(|one| one.strip_prefix(line));
        found.unwrap().parse::<f64>().unwrap()
    };
    assert!(waiting().await.abs() < 0.1);
    world.save(order("1", 1)).await;
    assert!((waiting().await - 1.0).abs() < 0.1);
    world.save(order("2", 1)).await;
    world.site.app.onec.prune_onec(1_000).await.unwrap();
    // Settled long ago, by the portal's lane.
    sqlx::query("UPDATE bridge.outbox SET state = 'done', settled_at = now() - interval '90 days'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let mut db = world.db.pool.acquire().await.unwrap();
    let pruned = b24_bridge::storage::queue::outbox::prune(&mut db, 1.0, 1_000)
        .await
        .unwrap();
    assert_eq!(pruned, 0);
    let mut base = world.base_of("2.09");
    assert_eq!(base.fetch_orders().await.unwrap().orders, 2);
}
