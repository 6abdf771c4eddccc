//! Logins, sessions, and what odd requests are answered with.

mod catalogue;

use super::world::{PASSWORD, World, order};
use b24_bridge::sandbox::onec::{Exchange, OneC, Shows};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn a_session_is_found_by_whatever_a_client_shows() {
    let world = World::new().await;
    for (nth, shows) in [
        Shows::Everything,
        Shows::Cookie,
        Shows::CookieTwice,
        Shows::Sessid,
        Shows::Login,
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("1{nth}");
        world.save(order(&number, 1)).await;
        let exchange = Exchange {
            shows,
            ..world.exchange()
        };
        let mut base = OneC::new(exchange.version("2.09")).unwrap();
        base.fetch_orders().await.unwrap();
        assert!(base.order(&number).is_some(), "{shows:?}");
        let told = world.told(&number).await;
        assert!(
            told["onec"]["confirmed_at"].is_string(),
            "{shows:?}: {told}"
        );
    }
}

#[tokio::test]
async fn any_process_answers_the_next_request_of_a_session() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let other = world.another("", "").await;
    let mut base = world.base_of("2.09");
    base.sign_in("sale").await.unwrap();
    let at = |url: &str| format!("{url}/exchange/1c/trade");
    base.exchange.address = at(&other.url);
    base.exchange.shows = Shows::Cookie;
    base.init("sale").await.unwrap();
    base.exchange.address = at(&world.site.url);
    assert_eq!(base.query().await.unwrap(), ["71"]);
    base.exchange.address = at(&other.url);
    base.success().await.unwrap();
    assert!(base.query().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_base_is_served_at_the_address_that_stands_in_its_form_already() {
    let world = World::with("also_at = [\"/bitrix/admin/1c_exchange.php\"]", "").await;
    world.save(order("1", 1)).await;
    let mut exchange = world.exchange();
    exchange.address = format!("{}/bitrix/admin/1c_exchange.php", world.site.url);
    let mut base = OneC::new(exchange).unwrap();
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
}

#[tokio::test]
async fn whoever_is_unknown_gets_failure_and_a_sentence_and_never_another_status() {
    let world = World::new().await;
    let failure = |text: &str| assert!(text.starts_with("failure\n"), "{text}");
    let (status, text) = world.raw("nobody", "type=sale&mode=checkauth").await;
    assert_eq!(status, 200);
    failure(&text);
    assert!(
        text.contains("ONEC-LOGIN") && text.contains("nobody"),
        "{text}"
    );
    // No header at all is said to be so: a web server in front may have taken it away.
    let url = format!("{}/exchange/1c/trade?type=sale&mode=query", world.site.url);
    let text = world
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("заголовок Authorization не пришёл"), "{text}");
    // What a user may not exchange.
    let (_, text) = world.raw("clerk", "type=sale&mode=checkauth").await;
    failure(&text);
    let (_, text) = world.raw("clerk", "type=catalog&mode=checkauth").await;
    assert!(text.starts_with("success\n"), "{text}");
    // A session that nobody opened.
    let (_, text) = world
        .raw("exchange", "type=sale&mode=success&sessid=0123")
        .await;
    failure(&text);
    assert!(text.contains("ONEC-SESSION"), "{text}");
    for query in [
        "type=crm&mode=checkauth",
        "mode=checkauth",
        "type=sale&mode=dance",
        "type=sale&mode=init&version=soon",
        "type=get_catalog&mode=query",
        "type=get_catalog&mode=init&outputType=package",
        "type=get_catalog&mode=file&filename=goods.xml",
    ] {
        let (status, text) = world.raw("exchange", query).await;
        assert_eq!(status, 200);
        failure(&text);
        assert!(text.contains("ONEC-REQUEST"), "{query}: {text}");
    }
}

#[tokio::test]
async fn a_base_that_is_not_in_the_settings_is_told_to_1cs_user_by_the_name_that_was_asked() {
    let world = World::new().await;
    for (asked, shown) in [("other", "«other»"), ("%3Cb%3E", "«?b?»")] {
        let query = "type=sale&mode=checkauth";
        let url = format!("{}/exchange/1c/{asked}?{query}", world.site.url);
        let answer = world.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        assert!(text.starts_with("failure\nONEC-REQUEST: "), "{text}");
        assert!(
            text.contains(shown) && text.contains("deploy/1c.md"),
            "{text}"
        );
        // Which bases there are is nobody's business.
        assert!(!text.contains("trade") && !text.contains('<'), "{text}");
    }
    let metrics = world.client.get(format!("{}/metrics", world.site.url));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    let asked = r#"bridge_onec_requests_total{base="-",mode="checkauth",result="failure"} 2"#;
    assert!(metrics.contains(asked), "{metrics}");
    // Another method than 1C's is answered in the form of the exchange, too.
    let url = format!("{}/exchange/1c/trade?type=sale", world.site.url);
    let answer = world.client.delete(url).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("failure\nONEC-REQUEST: "), "{text}");
}

#[tokio::test]
async fn wrong_passwords_are_slowed_and_a_right_one_is_remembered() {
    let world = World::new().await;
    let url = format!(
        "{}/exchange/1c/trade?type=sale&mode=checkauth",
        world.site.url
    );
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    let mut last = String::new();
    for nth in 0..25 {
        let password = format!("wrong {nth}");
        let request = world
            .client
            .get(&url)
            .basic_auth("exchange", Some(password));
        last = request.send().await.unwrap().text().await.unwrap();
        assert!(last.starts_with("failure\n"));
    }
    assert!(last.contains("слишком много"), "{last}");
    // Known from before: the neighbour's tries do not shut it out.
    base.sign_in("sale").await.unwrap();
    assert_eq!(base.exchange.password, PASSWORD);
}

#[tokio::test]
async fn a_session_ends_when_nobody_asks_for_longer_than_it_lasts() {
    let world = World::with("session_ttl = \"1m\"", "").await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    sqlx::query("UPDATE bridge.onec_sessions SET expires_at = now() - interval '1 second'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let words = base.init("sale").await.unwrap_err().to_string();
    assert!(words.contains("init"), "{words}");
    let words = base.success().await.unwrap_err().to_string();
    assert!(words.contains("ONEC-SESSION"), "{words}");
}

#[tokio::test]
async fn statuses_and_ways_to_pay_are_told_to_the_settings_form() {
    let tables = r#"
[[onec.trade.pay_systems]]
id = "1"
name = "Картой"
kind = "acquiring"
[[onec.trade.delivery_services]]
id = "5"
name = "Курьер"
"#;
    let world = World::with("", tables).await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    let lists = base.info().await.unwrap();
    let names: Vec<&str> = lists.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["C\u{442}атусы", "ПлатежныеСистемы", "СлужбыДоставки"]
    );
    let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    assert_eq!(
        lists[0].1,
        [pair("N", "Принят"), pair("P", "Оплачен"), pair("C", "C")]
    );
    assert_eq!(lists[1].1, [pair("1", "Картой")]);
    assert_eq!(lists[2].1, [pair("5", "Курьер")]);
}

#[tokio::test]
async fn who_listens_hears_of_an_order_at_once_and_else_of_nothing() {
    let world = World::new().await;
    let (client, url) = (world.client.clone(), world.site.url.clone());
    let listening = tokio::spawn(async move {
        let url = format!("{url}/exchange/1c/trade?type=listen");
        let request = client.get(url).basic_auth("exchange", Some(PASSWORD));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    });
    // It waits.
    sleep(Duration::from_millis(500)).await;
    assert!(!listening.is_finished());
    world.save(order("1", 1)).await;
    let began = Instant::now();
    assert_eq!(listening.await.unwrap(), (200, "success\n".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(20));
}
