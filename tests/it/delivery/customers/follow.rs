//! The customer of an order changes: deal, contact, company and links follow, and nobody else's do.

use super::world::{World, id, numbers, of_firm, person};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_follows_its_customer_and_no_link_or_card_of_another_changes() {
    let mut world = World::new().await;
    let anna = person("5", "Анна", "Петрова", "+79161000001", "anna@example.com");
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "boris@example.com");
    world.order("A1", &anna).await;
    world.order("A2", &boris).await;
    let before = world.links().await;
    world.order("A1", &boris).await;
    assert_eq!(world.contact_of("A1"), world.contact_of("A2"));
    assert_eq!(world.links().await, before);
    let contacts = world.portal.contacts();
    let annas = contacts.iter().find(|card| card["LAST_NAME"] == "Петрова");
    assert_eq!(
        numbers(annas.unwrap()),
        ["+79161000001", "anna@example.com"]
    );
    // Nothing is left that a later event would write again.
    let updates = || world.portal.stats().methods.get("crm.deal.update").copied();
    let so_far = updates();
    world.order("A1", &boris).await;
    let stats = world.portal.stats();
    assert_eq!(stats.methods.get("crm.deal.update").copied(), so_far);
    // And back again: to the card that she had.
    world.order("A1", &anna).await;
    assert_eq!(world.contact_of("A1")["LAST_NAME"], "Петрова");
    assert_eq!(world.portal.contacts().len(), 2);
    assert_eq!(world.links().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_known_customers_who_share_a_phone_stay_two_and_keep_their_links() {
    let mut world = World::new().await;
    let phone = "+79161000001";
    world
        .order("A1", &person("5", "Анна", "Петрова", phone, ""))
        .await;
    world
        .order("A2", &person("7", "Анна", "Ким", phone, "kim@example.com"))
        .await;
    assert_ne!(world.contact_of("A1")["ID"], world.contact_of("A2")["ID"]);
    let before = world.links().await;
    for (number, customer, last) in [
        ("A3", person("5", "Анна", "Петрова", phone, ""), "Петрова"),
        ("A4", person("7", "Анна", "Ким", phone, ""), "Ким"),
        ("A1", person("7", "Анна", "Ким", phone, ""), "Ким"),
    ] {
        world.order(number, &customer).await;
        assert_eq!(world.contact_of(number)["LAST_NAME"], last, "{number}");
    }
    assert_eq!(world.portal.contacts().len(), 2);
    assert_eq!(world.links().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mended_phone_is_added_to_the_customers_own_card_and_to_nobody_elses() {
    let mut world = World::new().await;
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "");
    world.order("B1", &boris).await;
    for (at, customer) in ["5", ""].into_iter().enumerate() {
        let number = format!("A{at}");
        let mail = format!("a{at}@example.com");
        let typed = format!("+7916100001{at}");
        let wrong = person(customer, "Анна", "Петрова", &typed, &mail);
        world.order(&number, &wrong).await;
        let card = world.contact_of(&number);
        // The mended number is one that somebody else has, too.
        let mended = person(customer, "Анна", "Петрова", "+79161000002", &mail);
        world.order(&number, &mended).await;
        let after = world.contact_of(&number);
        assert_eq!(after["ID"], card["ID"], "{customer:?}");
        assert_eq!(numbers(&after), ["+79161000002", &typed, &mail]);
        assert_eq!(numbers(&world.contact_of("B1")), ["+79161000002"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_phone_that_found_a_stranger_leaves_nothing_with_the_stranger() {
    let mut world = World::new().await;
    let card = serde_json::json!({"fields": {
        "NAME": "Зоя", "LAST_NAME": "Лис", "PHONE": [
            {"VALUE": "+79161000009", "VALUE_TYPE": "WORK"}
        ]
    }});
    world.call("crm.contact.add", &card).await;
    let mail = "guest@example.com";
    world
        .order("A1", &person("", "", "", "+79161000009", mail))
        .await;
    let stranger = world.contact_of("A1");
    world
        .order("A1", &person("", "Анна", "Петрова", "+79161000001", mail))
        .await;
    let own = world.contact_of("A1");
    assert_ne!(own["ID"], stranger["ID"]);
    assert_eq!(own["LAST_NAME"], "Петрова");
    assert!(!numbers(&stranger).contains(&"+79161000001"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_follows_from_a_person_to_a_firm_to_a_branch_and_back() {
    let mut world = World::new().await;
    let anna = || person("5", "Анна", "Петрова", "+79161000001", "");
    let firm = |inn: &str, kpp: &str| of_firm(anna(), "ООО Ромашка", inn, kpp);
    let of = |world: &World| world.company_of("A1").map(|card| id(&card));
    world.order("A1", &anna()).await;
    assert_eq!(of(&world), None);
    world.order("A1", &firm("7707083893", "773601001")).await;
    let first = of(&world);
    assert!(first.is_some());
    world.order("A1", &firm("7736050003", "773601001")).await;
    let second = of(&world);
    assert!(second.is_some() && second != first, "{second:?}");
    world.order("A1", &anna()).await;
    assert_eq!(of(&world), None, "nobody's company any more");
    world.order("A1", &firm("7707083893", "773601001")).await;
    assert_eq!(of(&world), first, "and back again");
    // Another order of the firm, by somebody else, finds the same one.
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "");
    let boris = of_firm(boris, "Ромашка", "7707083893", "773601001");
    world.order("A2", &boris).await;
    assert_eq!(world.company_of("A2").map(|card| id(&card)), first);
    assert_ne!(world.contact_of("A2")["ID"], world.contact_of("A1")["ID"]);
}
