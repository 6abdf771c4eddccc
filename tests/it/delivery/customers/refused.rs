//! "This is not he": an operator takes a card from an order, and it stays so.

use super::world::{OPERATOR, World, id, numbers, of_firm, person};
use crate::support::{process, settings::KEY};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_says_this_is_not_he_and_the_order_leaves_the_card_for_good() {
    let mut world = World::new().await;
    world
        .order(
            "C1",
            &person("", "Сан", "", "+79161000001", "a@example.com"),
        )
        .await;
    let first = world.contact_of("C1");
    let other = person("8", "Клара", "", "+79161000001", "k@example.com");
    world.order("C2", &other).await;
    assert_eq!(
        world.contact_of("C2")["ID"],
        first["ID"],
        "nothing speaks against it"
    );
    let view = world.view("C2").await;
    assert_eq!(view["recognised"]["version"], 1, "{view}");
    assert_eq!(view["recognised"]["contact"]["evidence"][0], "phone");
    let it = json!({ "id": id(&first) });
    assert_eq!(world.not_customer_by(KEY, "main/C2", &it).await, 403);
    assert_eq!(world.not_customer_by(OPERATOR, "main/C2", &it).await, 200);
    let again = world.not_customer("main/C2", &it).await;
    assert_eq!(again, 404, "the order has that card no longer");
    world.settled().await;
    let own = world.contact_of("C2");
    assert_ne!(own["ID"], first["ID"]);
    let view = world.view("C2").await;
    let passed = &view["recognised"]["contact"]["passed"];
    assert_eq!(passed[0]["because"], "operator");
    let linked = world.links().await;
    let to_first = |link: &(String, i64)| u64::try_from(link.1) == Ok(id(&first));
    assert!(!linked.iter().any(to_first), "{linked:?}");
    world.order("C3", &other).await;
    assert_eq!(
        world.contact_of("C3")["ID"],
        own["ID"],
        "the word is kept for the next order"
    );
    // The command says it, too.
    let settings = world.settings();
    let said = ["orders", "not-customer", "main", "C3"];
    let mut command = process::command(&said, &settings, &world.database.url);
    assert!(command.status().unwrap().success());
    world.settled().await;
    assert_ne!(world.contact_of("C3")["ID"], own["ID"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_took_back_stays_so_after_events_a_restart_and_in_another_shop() {
    let mut world = World::new().await;
    let card = json!({"fields": {"NAME": "Клиент", "PHONE": [
        {
            "VALUE": "+79161000001", "VALUE_TYPE": "WORK"
        } , {
            "VALUE": "+79161000002", "VALUE_TYPE": "WORK"
        }
    ]}});
    let stranger = world.call("crm.contact.add", &card).await;
    let stranger = stranger.as_u64().unwrap();
    let anna = person("5", "Анна", "Петрова", "+79161000001", "");
    world.order("H1", &anna).await;
    assert_eq!(id(&world.contact_of("H1")), stranger);
    let it = json!({ "id": stranger });
    assert_eq!(world.not_customer("main/H1", &it).await, 200);
    world.settled().await;
    let own = world.contact_of("H1");
    assert_ne!(id(&own), stranger);
    assert_eq!(own["LAST_NAME"], "Петрова");
    // She tells the other number of that card, too; and the bridge starts anew.
    let mut more = anna.clone();
    more["phones"] = json!(["+79161000001", "+79161000002"]);
    world.order("H1", &more).await;
    assert_eq!(world.contact_of("H1")["ID"], own["ID"]);
    world.restart();
    more["emails"] = json!(["anna@example.com"]);
    world.order("H1", &more).await;
    assert_eq!(world.contact_of("H1")["ID"], own["ID"]);
    // The portal's links are gone: also then it is not found.
    sqlx::query("DELETE FROM bridge.links WHERE entity = 'contact'")
        .execute(&world.database.pool)
        .await
        .unwrap();
    let guest = person("", "Анна", "Петрова", "+79161000001", "");
    world.order("H2", &guest).await;
    assert_eq!(world.contact_of("H2")["ID"], own["ID"]);
    world
        .order_of("second", "H3", json!({ "customer": guest }))
        .await;
    assert_eq!(world.contact_of("H3")["ID"], own["ID"]);
    // Whoever else comes to that card is judged for himself.
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "");
    world.order("H4", &boris).await;
    let found = world.contact_of("H4");
    assert!(numbers(&found).contains(&"+79161000002"), "{found}");
    let contacts = world.portal.contacts();
    let card = contacts.iter().find(|card| id(card) == stranger).unwrap();
    assert_eq!(numbers(card), ["+79161000001", "+79161000002"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_an_operator_took_back_is_not_taken_for_the_firm_again() {
    let mut world = World::new().await;
    let of = |world: &World, number: &str| world.company_of(number).map(|card| id(&card));
    let anna = person("5", "Анна", "Петрова", "+79161000001", "");
    let firm = |who| of_firm(who, "ООО Ромашка", "7707083893", "773601001");
    world.order("K1", &firm(anna.clone())).await;
    let wrong = of(&world, "K1").unwrap();
    let contact = world.contact_of("K1")["ID"].clone();
    let body = json!({ "card": "company", "id": wrong });
    assert_eq!(world.not_customer("main/K1", &body).await, 200);
    world.settled().await;
    let own = of(&world, "K1").unwrap();
    assert_ne!(own, wrong);
    assert_eq!(world.contact_of("K1")["ID"], contact, "the person stays");
    // Somebody else orders for the same firm, also in the other shop.
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "");
    world.order("K2", &firm(boris.clone())).await;
    assert_eq!(of(&world, "K2"), Some(own));
    world.restart();
    let told = json!({ "customer": firm(boris) });
    world.order_of("second", "K3", told).await;
    assert_ne!(of(&world, "K3"), Some(wrong));
    // Another firm's card is none of that.
    let other = of_firm(anna, "ООО Лютик", "7736050003", "773601001");
    world.order("K4", &other).await;
    let other = of(&world, "K4").unwrap();
    assert!(other != wrong && other != own, "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_of_the_cards_of_another_portal_is_true_of_none_of_its_successors() {
    let mut world = World::new().await;
    let anna = person("5", "Анна", "Петрова", "+79161000001", "");
    for number in ["L1", "L2", "L3"] {
        world.order(number, &anna).await;
    }
    let card = id(&world.contact_of("L1"));
    let it = json!({ "id": card });
    assert_eq!(world.not_customer("main/L1", &it).await, 200);
    world.settled().await;
    assert_ne!(id(&world.contact_of("L1")), card);
    // Another portal stands at the address: other people have these numbers there, and she has that
    // one.
    world.portal.replace();
    for n in 0..9 {
        let deal = json!({"fields": {"TITLE": format!("Чужая {n}"), "CURRENCY_ID": "RUB"}});
        world.call("crm.deal.add", &deal).await;
    }
    for n in 1..=card {
        let (last, phone) = if n == card {
            ("Петрова", "+79161000001".to_owned())
        } else {
            ("Иванова", format!("+7916200000{n}"))
        };
        let fields = json!({"NAME": "Анна", "LAST_NAME": last, "PHONE": [{"VALUE": phone}]});
        let made = json!({ "fields": fields });
        assert_eq!(world.call("crm.contact.add", &made).await, n);
    }
    world.restart();
    let kept = "SELECT count(*) FROM bridge.refused_cards WHERE left_at IS NULL";
    world
        .until("the bridge knows that it is another", async || {
            let kept = sqlx::query_scalar::<_, i64>(kept);
            kept.fetch_one(&world.database.pool).await.unwrap() == 0
        })
        .await;
    world.order("L9", &anna).await;
    assert_eq!(id(&world.contact_of("L9")), card);
}
