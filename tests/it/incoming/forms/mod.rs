//! Forms of a shop's site: from what a service posts to the lead or deal in the portal.

mod activities;
mod refused;
mod turns;

use crate::support::connections;
use crate::support::{
    database::Database,
    provider,
    settings::Settings,
    shop::{main_shop, rules},
};
use b24_bridge::{
    app::{App, LetterFilter, Registry, Submission, SubmissionFilter},
    clients::bitrix24::{Client, Credentials, Options as ClientOptions},
    config::Config,
    domain::PortalName,
    http::{self, State},
    sandbox::{self, Fault, Plan, Sandbox},
    worker,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "a-token-of-a-form-0123456789";
const FORMS: &str = r#"
[[shops.main.forms]]
name = "callback"
token = "a-token-of-a-form-0123456789"
fields = { "Город" = "UF_CRM_CITY" }
honeypot = "website"

[[shops.main.forms]]
name = "strict"
token = "a-token-of-a-form-0123456789"
require_consent = true
answer = "redirect https://shop.example/спасибо"

[[shops.main.forms]]
name = "deals"
token = "a-token-of-a-form-0123456789"
as = "deal"
funnel = 1
source_id = "CALLBACK"

[[shops.main.forms]]
name = "leads"
token = "a-token-of-a-form-0123456789"
as = "lead"

[[shops.main.forms]]
name = "joins"
token = "a-token-of-a-form-0123456789"
join_open = true

[[shops.main.forms]]
name = "todos"
token = "a-token-of-a-form-0123456789"
as = "todo"

[shops.main.activities]
missed_call_within = "30m"
"#;

/// A portal, a bridge with its API and one worker.
struct Site {
    portal: Sandbox,
    app: App,
    db: Database,
    url: String,
    http: reqwest::Client,
    client: Client,
    stop: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Site {
    async fn new(portal: sandbox::Options) -> Self {
        let site = Self::idle(portal).await;
        site.work();
        site
    }

    /// Without a worker.
    async fn idle(portal: sandbox::Options) -> Self {
        provider();
        let portal = Sandbox::start(portal.plan(Plan::Unlimited)).await.unwrap();
        let db = Database::new().await;
        let settings = Settings::new(&portal.url()).tables(FORMS);
        let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
        let directory = Registry {
            shops: BTreeMap::from([(main_shop(), Arc::new(rules("main")))]),
            portals: vec![PortalName::parse("main").unwrap()],
            forms: config.form_rules(),
            activities: config.activity_rules(),
            catalogues: config.catalogue_rules(),
            ..Registry::default()
        };
        let app = App::new(db.pool.clone(), directory);
        let (_, ready) = watch::channel(true);
        let router = http::router(State {
            app: app.clone(),
            config: Arc::new(config),
            ready,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, router, stop.clone()));
        let credentials = Credentials::webhook(&portal.url()).unwrap();
        let options = ClientOptions {
            timeout: Duration::from_secs(5),
            ..ClientOptions::default()
        };
        Self {
            client: Client::new(credentials, &connections(), &options),
            portal,
            app,
            db,
            url,
            http: crate::portal::sandbox::client(),
            stop,
        }
    }

    fn work(&self) {
        drop(self.work_until(self.stop.clone()));
    }

    /// Works until the portal has a lead, and stops in good order.
    async fn work_until_a_lead_is_there(&self) {
        let first = self.stop.child_token();
        let working = self.work_until(first.clone());
        self.until("the lead is there", async |site| {
            !site.portal.leads().is_empty()
        })
        .await;
        first.cancel();
        working.await.unwrap().unwrap();
    }

    fn work_until(&self, stop: CancellationToken) -> JoinHandle<Result<(), worker::Error>> {
        let options = worker::Settings {
            poll: Duration::from_millis(50),
            doubt: Duration::from_millis(500),
            backoff: Duration::from_millis(20),
            backoff_cap: Duration::from_millis(50),
            attempts: 2,
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            self.client.clone(),
        )]));
        tokio::spawn(worker::run(self.app.clone(), lanes, options, stop))
    }

    async fn post(&self, form: &str, fields: &[(&str, &str)]) -> Response {
        let url = format!("{}/forms/main/{form}/{TOKEN}", self.url);
        self.http.post(url).form(fields).send().await.unwrap()
    }

    /// Posts what must be taken.
    async fn send(&self, form: &str, fields: &[(&str, &str)]) {
        let answer = self.post(form, fields).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "ok");
    }

    async fn submissions(&self) -> Vec<Submission> {
        let filter = SubmissionFilter {
            limit: 100,
            ..SubmissionFilter::default()
        };
        self.app.forms.submissions(&filter).await.unwrap()
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds(self).await {
            let late = Instant::now() > bound;
            let letters = self
                .app
                .dead_letters
                .dead_letters(&LetterFilter::default())
                .await;
            assert!(
                !late,
                "not {what}: {:#?} {letters:?}",
                self.submissions().await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until so many submissions are done.
    async fn done(&self, count: usize) {
        self.until(&format!("{count} done"), async |site| {
            let all = site.submissions().await;
            all.iter().filter(|one| one.state == "done").count() == count
        })
        .await;
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let url = format!("{}{method}", self.portal.url());
        let answer = self.http.post(url).json(&params).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["result"].take()
    }
}

const ANNA: [(&str, &str); 5] = [
    ("Имя", "Анна"),
    ("Телефон", "8 (916) 123-45-67"),
    ("E-mail", "anna@example.com"),
    ("Комментарий", "Перезвоните [b]после[/b] шести"),
    ("utm_source", "yandex"),
];

#[tokio::test]
async fn a_form_becomes_a_lead_with_its_source_where_the_portal_has_leads() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send("callback", &ANNA).await;
    site.done(1).await;
    let leads = site.portal.leads();
    assert_eq!(leads.len(), 1);
    let lead = &leads[0];
    for (field, value) in [
        ("TITLE", "callback: Анна"),
        ("NAME", "Анна"),
        ("SOURCE_ID", "WEB"),
        ("UTM_SOURCE", "yandex"),
        ("ORIGINATOR_ID", "main"),
        ("ORIGIN_ID", "form:1"),
        ("STATUS_ID", "NEW"),
        ("COMMENTS", "Перезвоните (b)после(/b) шести"),
        ("OPPORTUNITY", "0.00"),
        ("IS_RETURN_CUSTOMER", "N"),
    ] {
        assert_eq!(lead[field], value, "{field}");
    }
    assert_eq!(lead["PHONE"][0]["VALUE"], "+79161234567");
    assert_eq!(lead["EMAIL"][0]["VALUE"], "anna@example.com");
    assert!(site.portal.contacts().is_empty() && site.portal.deals().is_empty());
}

#[tokio::test]
async fn a_lead_of_a_known_person_carries_the_contact_and_leaves_its_card_alone() {
    let site = Site::new(sandbox::Options::default()).await;
    let fields = json!({"NAME": "Анна", "PHONE": [{"VALUE": "+79161234567"}]});
    let contact = site
        .ask("crm.contact.add", json!({ "fields": fields }))
        .await;
    site.send("callback", &ANNA).await;
    site.done(1).await;
    let lead = &site.portal.leads()[0];
    assert_eq!(lead["CONTACT_ID"], contact.to_string());
    assert_eq!(lead["IS_RETURN_CUSTOMER"], "Y");
    let cards = site.portal.contacts();
    assert_eq!(cards.len(), 1);
    assert!(cards[0].get("EMAIL").is_none(), "{}", cards[0]);
}

#[tokio::test]
async fn without_leads_it_becomes_a_contact_and_a_deal() {
    let site = Site::new(sandbox::Options {
        leads: false,
        ..sandbox::Options::default()
    })
    .await;
    site.send("callback", &ANNA).await;
    site.done(1).await;
    let (deals, contacts) = (site.portal.deals(), site.portal.contacts());
    assert_eq!((deals.len(), contacts.len()), (1, 1));
    assert!(site.portal.leads().is_empty());
    assert_eq!(deals[0]["ORIGIN_ID"], "form:1");
    assert_eq!(deals[0]["STAGE_ID"], "NEW");
    assert_eq!(deals[0]["CONTACT_ID"], contacts[0]["ID"]);
    assert_eq!(contacts[0]["PHONE"][0]["VALUE"], "+79161234567");
    // The next form of the same person finds the contact.
    site.send(
        "callback",
        &[("phone", "89161234567"), ("message", "ещё раз")],
    )
    .await;
    site.done(2).await;
    assert_eq!(
        (site.portal.deals().len(), site.portal.contacts().len()),
        (2, 1)
    );
}

#[tokio::test]
async fn a_form_may_always_become_a_deal_of_a_funnel() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send("deals", &ANNA).await;
    site.done(1).await;
    let deal = &site.portal.deals()[0];
    assert_eq!(deal["STAGE_ID"], "C1:NEW");
    assert_eq!(deal["SOURCE_ID"], "CALLBACK");
    assert!(site.portal.leads().is_empty());
}

#[tokio::test]
async fn repetitions_and_double_clicks_are_one_and_everybody_sees_success() {
    let site = Site::idle(sandbox::Options::default()).await;
    let clicks = (0..12).map(|_| site.send("callback", &ANNA));
    futures_util::future::join_all(clicks).await;
    assert_eq!(site.submissions().await.len(), 1);
    let mut spelled = ANNA;
    spelled[1].1 = "+79161234567";
    spelled[2].1 = "ANNA@example.com";
    site.send("callback", &spelled).await;
    assert_eq!(
        site.submissions().await.len(),
        1,
        "the same in another spelling"
    );
    spelled[3].1 = "Другой вопрос";
    site.send("callback", &spelled).await;
    assert_eq!(site.submissions().await.len(), 2);
    for _ in 0..3 {
        site.send("callback", &[("tranid", "77:1"), ("Phone", "89160000001")])
            .await;
    }
    site.send("callback", &[("tranid", "77:2"), ("Phone", "89160000001")])
        .await;
    assert_eq!(site.submissions().await.len(), 4);
    site.work();
    site.done(4).await;
    assert_eq!(site.portal.leads().len(), 4);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_lead() {
    let site = Site::idle(sandbox::Options::default()).await;
    site.portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.lead.add"));
    site.send("callback", &ANNA).await;
    site.work();
    site.done(1).await;
    assert_eq!(site.portal.leads().len(), 1);
    let met = site.portal.calls().iter().any(|call| call.fault.is_some());
    assert!(met, "the fault was never met");
}

#[tokio::test]
async fn a_contact_that_appears_meanwhile_comes_to_the_lead_and_to_no_deal_of_its_number() {
    let site = Site::idle(sandbox::Options::default()).await;
    let deal = site
        .ask("crm.deal.add", json!({"fields": {"TITLE": "Чужая"}}))
        .await;
    site.portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.lead.add"));
    site.send("callback", &ANNA).await;
    site.work_until_a_lead_is_there().await;
    let fields = json!({"NAME": "Анна", "PHONE": [{"VALUE": "+79161234567"}]});
    let contact = site
        .ask("crm.contact.add", json!({ "fields": fields }))
        .await;
    site.work();
    site.done(1).await;
    let leads = site.portal.leads();
    assert_eq!(
        (leads.len(), &leads[0]["ID"]),
        (1, &json!(deal.to_string()))
    );
    assert_eq!(leads[0]["CONTACT_ID"], contact.to_string());
    assert_eq!(site.portal.deals()[0]["CONTACT_ID"], Value::Null);
}

#[tokio::test]
async fn leads_that_are_switched_off_in_the_middle_make_no_second_card() {
    let site = Site::idle(sandbox::Options {
        conversion_delay: Duration::from_hours(1),
        ..sandbox::Options::default()
    })
    .await;
    site.portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.lead.add"));
    site.send("callback", &ANNA).await;
    site.work_until_a_lead_is_there().await;
    // Another worker asks the portal anew.
    site.portal.set_leads(false);
    site.work();
    site.done(1).await;
    assert_eq!(site.portal.leads().len(), 1);
    assert!(site.portal.deals().is_empty());
}

#[tokio::test]
async fn a_lead_that_is_converted_is_followed_to_its_deal_and_contact() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send("callback", &ANNA).await;
    site.send("callback", &[("phone", "89160000001"), ("name", "Вера")])
        .await;
    site.done(2).await;
    let lead = site.submissions().await[1].lead_id.unwrap();
    assert!(site.portal.convert_lead(lead.try_into().unwrap()));
    site.until("the deal is known", async |site| {
        site.submissions().await[1].deal_id.is_some()
    })
    .await;
    let deal = &site.portal.deals()[0];
    let [other, anna] = &site.submissions().await[..] else {
        panic!("two");
    };
    let id = |field: &str| deal[field].as_str().map(|id| id.parse().unwrap());
    assert_eq!(
        (anna.deal_id, anna.contact_id),
        (id("ID"), id("CONTACT_ID"))
    );
    assert_eq!((anna.lead_id, anna.state), (Some(lead), "done"));
    assert_eq!((other.deal_id, other.contact_id), (None, None));
    assert_eq!(site.portal.deals().len(), 1, "nothing is written for it");
}

#[tokio::test]
async fn a_lead_that_the_portal_itself_makes_a_deal_of_has_that_deal() {
    let site = Site::idle(sandbox::Options {
        conversion_delay: Duration::from_millis(200),
        ..sandbox::Options::default()
    })
    .await;
    site.portal.set_leads(false);
    site.send("leads", &ANNA).await;
    site.work();
    site.until("the deal is known", async |site| {
        site.submissions().await[0].deal_id.is_some()
    })
    .await;
    assert_eq!(site.portal.deals().len(), 1);
}
