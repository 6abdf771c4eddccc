//! Calls, mails and messages, and what forms put on cards that are there.

use super::{ANNA, Site};
use crate::support::shop::main_shop;
use b24_bridge::{
    app::{Accepted, ActivityView, Actor, LetterFilter, Retry},
    sandbox::{self, Fault},
};
use serde_json::{Value, json};

#[expect(
    clippy::needless_pass_by_value,
    reason = "literals read better by value"
)]
fn event(id: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "type": "shop.activity.recorded.v1", "id": id,
           "source": "/shops/main", "time": "2026-11-26T12:00:00Z", "data": data})
}

fn missed() -> Value {
    json!({"kind": "call", "phone": "8 916 123-45-67", "missed": true})
}

impl Site {
    async fn tell(&self, id: &str, data: Value) -> Accepted {
        let shop = main_shop();
        let events = [event(id, data)];
        let told = self.app.intake.accept_events(Some(&shop), &events).await;
        told.unwrap().remove(0)
    }

    /// A card made by hand.
    async fn card(&self, method: &str, fields: Value) -> u64 {
        let made = self.ask(method, json!({ "fields": fields })).await;
        made.as_u64().unwrap()
    }

    async fn anna(&self) -> u64 {
        let fields = json!({"NAME": "Анна", "PHONE": [{"VALUE": "+79161234567"}],
                            "EMAIL": [{"VALUE": "anna@example.com"}]});
        self.card("crm.contact.add", fields).await
    }

    /// The deal of an order, as the bridge made it.
    async fn deal_of(&self, number: &str, contact: u64) -> u64 {
        let fields = json!({"TITLE": number, "ORIGINATOR_ID": "main", "ORIGIN_ID": number,
                            "CONTACT_ID": contact});
        self.card("crm.deal.add", fields).await
    }

    /// Until nothing waits for the portal.
    async fn quiet(&self) {
        self.until("quiet", async |site| {
            let waits = "SELECT count(*) FROM bridge.subjects WHERE due_at IS NOT NULL";
            let waits: i64 = sqlx::query_scalar(waits)
                .fetch_one(&site.db.pool)
                .await
                .unwrap();
            waits == 0
        })
        .await;
    }

    /// The kinds of activities of a card, in the order they were made.
    fn on(&self, kind: u8, card: u64) -> Vec<String> {
        let (kind, card) = (kind.to_string(), card.to_string());
        let all = self.portal.activities();
        let own = all
            .iter()
            .filter(|row| row["OWNER_TYPE_ID"] == *kind && row["OWNER_ID"] == *card);
        own.map(|row| row["PROVIDER_ID"].as_str().unwrap().to_owned())
            .collect()
    }
}

const CALL: &str = "VOXIMPLANT_CALL";
const TODO: &str = "CRM_TODO";

#[tokio::test]
async fn a_missed_call_stands_on_the_deal_of_its_order_with_a_todo_in_time() {
    let site = Site::new(sandbox::Options::default()).await;
    let anna = site.anna().await;
    let deal = site.deal_of("17", anna).await;
    // A newer deal of hers is not the one that she called about.
    site.deal_of("18", anna).await;
    let mut data = missed();
    data["number"] = json!("17");
    assert_eq!(site.tell("1", data.clone()).await, Accepted::Queued);
    site.quiet().await;
    assert_eq!(site.on(2, deal), [CALL, TODO]);
    let [call, todo] = &site.portal.activities()[..] else {
        panic!("a call and a to-do");
    };
    for (field, value) in [
        ("DIRECTION", "1"),
        ("COMPLETED", "Y"),
        ("ORIGINATOR_ID", "main"),
        ("ORIGIN_ID", "call:1"),
        ("SUBJECT", "Пропущенный звонок: +79161234567"),
    ] {
        assert_eq!(call[field], value, "{field}");
    }
    assert_eq!(call["COMMUNICATIONS"][0]["ENTITY_ID"], anna.to_string());
    let deadline: chrono::DateTime<chrono::Utc> =
        todo["DEADLINE"].as_str().unwrap().parse().unwrap();
    assert_eq!(deadline.to_rfc3339(), "2026-11-26T12:30:00+00:00");
    assert!(site.portal.leads().is_empty());
    // The same event again is the same call; another under its identity is none.
    assert_eq!(site.tell("1", data).await, Accepted::Duplicate);
    assert_eq!(site.tell("1", missed()).await, Accepted::Conflict);
    site.quiet().await;
    assert_eq!(site.portal.activities().len(), 2);
}

#[tokio::test]
async fn what_is_about_an_order_that_is_on_its_way_waits_for_its_deal() {
    let site = Site::idle(sandbox::Options::default()).await;
    let order = crate::support::shop::event("order", "17", 1);
    let shop = main_shop();
    let sent = site.app.intake.accept_events(Some(&shop), &[order]).await;
    assert_eq!(sent.unwrap(), [Accepted::Queued]);
    let mut data = missed();
    data["number"] = json!("17");
    site.tell("1", data).await;
    site.work();
    site.quiet().await;
    let deals = site.portal.deals();
    let deal = deals[0]["ID"].as_str().unwrap().parse().unwrap();
    assert_eq!(site.on(2, deal), [CALL, TODO]);
    assert!(site.portal.leads().is_empty());
}

#[tokio::test]
async fn who_is_known_has_it_on_the_open_deal_else_the_open_lead_else_the_contact() {
    let site = Site::new(sandbox::Options::default()).await;
    let anna = site.anna().await;
    site.tell("1", missed()).await;
    site.quiet().await;
    assert_eq!(site.on(3, anna), [CALL, TODO]);
    let phone = json!({"TITLE": "Анна", "PHONE": [{"VALUE": "+79161234567"}]});
    let lead = site.card("crm.lead.add", phone).await;
    site.tell("2", missed()).await;
    site.quiet().await;
    assert_eq!(site.on(1, lead), [CALL, TODO]);
    let fields = json!({"TITLE": "old", "CONTACT_ID": anna, "STAGE_ID": "WON"});
    site.card("crm.deal.add", fields).await;
    let deal = site
        .card("crm.deal.add", json!({"TITLE": "open", "CONTACT_ID": anna}))
        .await;
    site.tell("3", missed()).await;
    site.quiet().await;
    assert_eq!(site.on(2, deal), [CALL, TODO]);
    assert_eq!(site.portal.activities().len(), 6);
}

#[tokio::test]
async fn whom_nobody_knows_becomes_a_lead_once_and_has_the_call_on_it() {
    let site = Site::idle(sandbox::Options::default()).await;
    for id in ["1", "2", "3"] {
        site.tell(id, missed()).await;
    }
    site.work();
    site.quiet().await;
    let leads = site.portal.leads();
    assert_eq!(leads.len(), 1, "{leads:#?}");
    assert_eq!(leads[0]["SOURCE_ID"], "CALL");
    assert_eq!(leads[0]["ORIGIN_ID"], "call:1");
    let lead = leads[0]["ID"].as_str().unwrap().parse().unwrap();
    assert_eq!(site.on(1, lead).len(), 6);
}

#[tokio::test]
async fn where_there_are_no_leads_it_is_a_contact_and_a_deal() {
    let site = Site::new(sandbox::Options {
        leads: false,
        ..sandbox::Options::default()
    })
    .await;
    site.tell("1", missed()).await;
    site.quiet().await;
    let deal = site.portal.deals()[0]["ID"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(site.on(2, deal), [CALL, TODO]);
    let call = &site.portal.activities()[0];
    let contact = &site.portal.contacts()[0]["ID"];
    assert_eq!(&call["COMMUNICATIONS"][0]["ENTITY_ID"], contact);
}

#[tokio::test]
async fn no_mail_is_ever_sent_to_a_customer() {
    let site = Site::new(sandbox::Options::default()).await;
    let anna = site.anna().await;
    let mut nth = 0;
    for kind in ["mail", "message"] {
        for direction in ["in", "out"] {
            nth += 1;
            let data = json!({"kind": kind, "direction": direction, "email": "anna@example.com",
                              "subject": "Вопрос [b]", "text": "Где заказ?"});
            assert_eq!(site.tell(&nth.to_string(), data).await, Accepted::Queued);
        }
    }
    site.quiet().await;
    assert_eq!(site.portal.mails(), 0);
    assert_eq!(site.on(3, anna), ["CRM_EMAIL"]);
    let mail = &site.portal.activities()[0];
    assert_eq!(
        (&mail["DIRECTION"], &mail["COMPLETED"]),
        (&json!("1"), &json!("N"))
    );
    let comments = site.portal.comments();
    assert_eq!(comments.len(), 3);
    for comment in &comments {
        let words = comment["COMMENT"].as_str().unwrap();
        assert!(
            words.contains("Вопрос (b)") && words.contains("[b24-bridge:main/"),
            "{words}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_puts_nothing_twice() {
    for method in [
        "crm.activity.add",
        "crm.timeline.comment.add",
        "crm.lead.add",
    ] {
        for fault in [Fault::LostAnswer, Fault::HalfAnswer] {
            let site = Site::idle(sandbox::Options::default()).await;
            if method != "crm.lead.add" {
                site.anna().await;
            }
            site.portal.fail_next(fault, 1, Some(method));
            site.tell("1", missed()).await;
            let message = json!({"kind": "message", "phone": "89161234567", "text": "Ау"});
            site.tell("2", message).await;
            site.work();
            site.quiet().await;
            let met = site.portal.calls().iter().any(|call| call.fault.is_some());
            assert!(met, "{method} {fault:?} was never met");
            let (activities, comments) = (site.portal.activities(), site.portal.comments());
            assert_eq!(
                (activities.len(), comments.len(), site.portal.leads().len()),
                (2, 1, usize::from(method == "crm.lead.add")),
                "{method} {fault:?}: {activities:#?} {comments:#?}"
            );
        }
    }
}

#[tokio::test]
async fn a_worker_that_is_stopped_after_a_write_leaves_the_next_one_nothing_to_put_twice() {
    let site = Site::idle(sandbox::Options::default()).await;
    let anna = site.anna().await;
    site.portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.activity.add"));
    site.tell("1", missed()).await;
    let first = site.stop.child_token();
    let working = site.work_until(first.clone());
    site.until("the call is there", async |site| {
        !site.portal.activities().is_empty()
    })
    .await;
    first.cancel();
    working.await.unwrap().unwrap();
    // A deal that is opened meanwhile does not draw it away.
    site.card("crm.deal.add", json!({"TITLE": "open", "CONTACT_ID": anna}))
        .await;
    site.work();
    site.quiet().await;
    assert_eq!(site.on(3, anna), [CALL, TODO]);
    assert_eq!(site.portal.activities().len(), 2);
}

#[tokio::test]
async fn the_order_shows_what_was_said_about_it() {
    let site = Site::new(sandbox::Options::default()).await;
    let shop = main_shop();
    let order = crate::support::shop::event("o1", "17", 1);
    site.app
        .intake
        .accept_events(Some(&shop), &[order])
        .await
        .unwrap();
    site.until("the deal is there", async |site| {
        !site.portal.deals().is_empty()
    })
    .await;
    let mut data = missed();
    data["number"] = json!("17");
    site.tell("1", data).await;
    site.quiet().await;
    let view = site
        .app
        .operations
        .order_view(&shop, "17")
        .await
        .unwrap()
        .unwrap();
    let [one] = &view.activities[..] else {
        panic!("one: {:?}", view.activities);
    };
    let deal = site.portal.deals()[0]["ID"].as_str().unwrap().parse().ok();
    let ActivityView {
        state,
        title,
        deal_id,
        ..
    } = one;
    assert_eq!(
        (state.as_str(), &**title, *deal_id),
        ("done", "Пропущенный звонок", deal)
    );
    assert_eq!(one.fault, None);
    // What cannot be read is told so, and is no call without words.
    let odd = "UPDATE bridge.subjects SET body = '\"odd\"' WHERE kind = 'activity'";
    sqlx::query(odd).execute(&site.db.pool).await.unwrap();
    let view = site.app.operations.order_view(&shop, "17").await;
    let view = view.unwrap().unwrap();
    let fault = view.activities[0].fault.as_deref().unwrap();
    let place = "bridge.subjects holds what this version cannot read: `body` of call:";
    assert!(fault.contains(place), "{fault}");
}

#[tokio::test]
async fn a_form_joins_the_open_deal_of_whom_the_portal_knows() {
    let site = Site::new(sandbox::Options::default()).await;
    // Of whom it knows nothing it makes a lead as any other.
    site.send("joins", &[("phone", "89160000009")]).await;
    site.quiet().await;
    assert_eq!(site.portal.leads().len(), 1);
    let anna = site.anna().await;
    let deal = site
        .card("crm.deal.add", json!({"TITLE": "open", "CONTACT_ID": anna}))
        .await;
    site.send("joins", &ANNA).await;
    site.quiet().await;
    assert_eq!(site.portal.leads().len(), 1);
    assert_eq!(site.on(2, deal), [TODO]);
    let comments = site.portal.comments();
    assert_eq!(comments.len(), 1);
    let words = comments[0]["COMMENT"].as_str().unwrap();
    assert!(words.contains("Перезвоните (b)после(/b) шести"), "{words}");
    assert_eq!(
        site.submissions().await[0].deal_id,
        i64::try_from(deal).ok()
    );
}

#[tokio::test]
async fn a_form_may_become_a_todo() {
    let site = Site::new(sandbox::Options::default()).await;
    let anna = site.anna().await;
    site.send("todos", &ANNA).await;
    site.send("todos", &[("phone", "89160000009"), ("name", "Вера")])
        .await;
    site.quiet().await;
    assert_eq!(site.on(3, anna), [TODO]);
    let leads = site.portal.leads();
    assert_eq!(leads.len(), 1);
    let lead = leads[0]["ID"].as_str().unwrap().parse().unwrap();
    assert_eq!(site.on(1, lead), [TODO]);
    let todo = &site.portal.activities()[0];
    assert_eq!(todo["SUBJECT"], "todos: Анна");
}

#[tokio::test]
async fn what_is_published_by_sql_is_taken_once_and_what_cannot_be_read_is_a_dead_letter() {
    let site = Site::new(sandbox::Options::default()).await;
    let anna = site.anna().await;
    let publish = async |event: Value| {
        let publish = sqlx::query("SELECT bridge.publish_event($1)").bind(event);
        publish.execute(&site.db.pool).await.unwrap();
    };
    publish(event("1", missed())).await;
    publish(event("2", json!({"kind": "fax", "phone": "89161234567"}))).await;
    site.until("the letter is there", async |site| {
        let letters = site
            .app
            .dead_letters
            .dead_letters(&LetterFilter::default())
            .await;
        letters.unwrap().items.len() == 1
    })
    .await;
    site.until("the call is there", async |site| {
        site.on(3, anna).len() == 2
    })
    .await;
    site.quiet().await;
    assert_eq!(site.on(3, anna), [CALL, TODO]);
}

#[tokio::test]
async fn what_cannot_be_understood_is_a_dead_letter_that_can_be_mended() {
    let data = json!({"kind": "call", "phone": "89161234567"});
    let spoilt = "UPDATE bridge.subjects SET body = jsonb_set(body, '{data,kind}', '\"fax\"')";
    let idle = Site::idle(sandbox::Options::default()).await;
    idle.anna().await;
    idle.tell("1", data.clone()).await;
    sqlx::query(spoilt).execute(&idle.db.pool).await.unwrap();
    idle.work();
    let letters = async |site: &Site| {
        let letters = site
            .app
            .dead_letters
            .dead_letters(&LetterFilter::default())
            .await;
        letters.unwrap().items
    };
    idle.until("the letter is there", async |site| {
        letters(site).await.len() == 1
    })
    .await;
    let letter = letters(&idle).await.remove(0);
    assert_eq!(letter.number.as_deref(), Some("call:1"));
    let retry = |payload: Value| Retry {
        payload: Some(payload),
        ..Retry::default()
    };
    let who = Actor::new("operator:anna");
    let wrong = idle
        .app
        .dead_letters
        .retry(letter.id, &who, retry(json!({})))
        .await;
    assert!(wrong.is_err());
    let mended = event("1", data);
    let mended = idle
        .app
        .dead_letters
        .retry(letter.id, &who, retry(mended))
        .await;
    mended.unwrap();
    idle.quiet().await;
    assert_eq!(idle.portal.activities().len(), 1);
}
