//! MoySklad: documents are read from its API, by the time of their last change and at a webhook's
//! word; made-up data in the shapes of the real ones.

use super::world::{serve, settings};
use crate::support::connections;
use crate::support::{api::Api, provider};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use b24_bridge::{
    clients::{bitrix24, moysklad::Client},
    domain::{PortalName, TillName},
    formats::tills::moysklad::moscow,
    worker,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "moysklad-token-0123456789";
const API_TOKEN: &str = "0123456789abcdef";

/// Documents by entity; how many requests are answered 429 first; whether the token is refused; and
/// which document somebody changes once a page was shown.
#[derive(Default)]
struct Account {
    documents: Vec<(&'static str, Value)>,
    throttles: usize,
    refused: bool,
    touched: Option<Value>,
}

#[derive(Clone)]
struct MoySklad {
    account: Arc<Mutex<Account>>,
    url: String,
}

impl MoySklad {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/remap/1.2", listener.local_addr().unwrap());
        let this = Self {
            account: Arc::default(),
            url,
        };
        let router = Router::new()
            .route("/api/remap/1.2/entity/{entity}", get(list))
            .route("/api/remap/1.2/entity/{entity}/{id}", get(one))
            .route(
                "/api/remap/1.2/entity/{entity}/{id}/positions",
                get(positions),
            )
            .with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    fn put(&self, entity: &'static str, document: Value) {
        let mut account = self.account.lock().unwrap();
        let id = document["id"].clone();
        account.documents.retain(|(_, known)| known["id"] != id);
        account.documents.push((entity, document));
    }

    fn remove(&self, id: &str) {
        let mut account = self.account.lock().unwrap();
        account.documents.retain(|(_, known)| known["id"] != id);
    }

    /// Whether it may be asked so; the answer if not.
    fn refuses(&self, headers: &HeaderMap) -> Option<Response> {
        let shown = headers.get("authorization").and_then(|it| it.to_str().ok());
        if shown != Some(&format!("Bearer {API_TOKEN}")) {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        let mut account = self.account.lock().unwrap();
        if account.refused {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        let throttled = account.throttles > 0;
        account.throttles = account.throttles.saturating_sub(1);
        let asked = [("x-lognex-retry-after", "50")];
        throttled.then(|| (StatusCode::TOO_MANY_REQUESTS, asked).into_response())
    }
}

type Asked = Query<BTreeMap<String, String>>;

fn number(query: &BTreeMap<String, String>, name: &str, usual: usize) -> usize {
    query.get(name).map_or(usual, |text| text.parse().unwrap())
}

/// Of the positions only the first hundred come with a document, and `unshown` never.
fn cut(mut document: Value) -> Value {
    let rows = document["positions"]["rows"].as_array_mut().unwrap();
    let mut size = rows.len();
    rows.truncate(100);
    size += document["unshown"]
        .as_u64()
        .map_or(0, |n| usize::try_from(n).unwrap());
    document["positions"]["meta"] = json!({ "size": size, "limit": 100, "offset": 0 });
    document
}

async fn list(
    State(it): State<MoySklad>,
    Path(entity): Path<String>,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = it.refuses(&headers) {
        return refused;
    }
    let (limit, offset) = (number(&query, "limit", 1_000), number(&query, "offset", 0));
    assert!(
        limit <= 100 && query.contains_key("expand"),
        "more are not expanded: {query:?}"
    );
    let mut conditions = query["filter"].split(';');
    let since = conditions
        .next()
        .unwrap()
        .strip_prefix("updated>=")
        .unwrap()
        .to_owned();
    let deleted = conditions.next() == Some("isDeleted=true");
    let mut account = it.account.lock().unwrap();
    let mut rows: Vec<Value> = account
        .documents
        .iter()
        .filter(|(of, row)| {
            let changed = row["updated"].as_str().unwrap() >= since.as_str();
            *of == entity && changed && row.get("deleted").is_some() == deleted
        })
        .map(|(_, row)| cut(row.clone()))
        .collect();
    rows.sort_by_key(|row| row["updated"].as_str().unwrap().to_owned());
    let meta = json!({ "size": rows.len(), "limit": limit, "offset": offset });
    let page: Vec<_> = rows.iter().skip(offset).take(limit).cloned().collect();
    if page.len() < rows.len()
        && let Some(changed) = account.touched.take()
    {
        let id = changed["id"].clone();
        account.documents.retain(|(_, known)| known["id"] != id);
        account.documents.push(("retaildemand", changed));
    }
    Json(json!({ "context": {}, "meta": meta, "rows": page })).into_response()
}

async fn one(
    State(it): State<MoySklad>,
    Path((entity, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = it.refuses(&headers) {
        return refused;
    }
    if id.starts_with("no-") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let account = it.account.lock().unwrap();
    let mut all = account.documents.iter();
    match all.find(|(of, row)| *of == entity && row["id"] == id.as_str()) {
        Some((_, row)) => Json(cut(row.clone())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn positions(
    State(it): State<MoySklad>,
    Path((_, id)): Path<(String, String)>,
    Query(query): Asked,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = it.refuses(&headers) {
        return refused;
    }
    let account = it.account.lock().unwrap();
    let mut all = account.documents.iter();
    let (_, row) = all.find(|(_, row)| row["id"] == id.as_str()).unwrap();
    // What is in the bin stands in its list alone.
    if row.get("deleted").is_some() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let rows = row["positions"]["rows"].as_array().unwrap();
    let (limit, offset) = (number(&query, "limit", 1_000), number(&query, "offset", 0));
    let rows: Vec<_> = rows.iter().skip(offset).take(limit).collect();
    Json(json!({ "meta": {}, "rows": rows })).into_response()
}

/// A sale of cups, changed so many seconds from now.
fn sale(id: &str, seconds: i64, positions: usize) -> Value {
    let at: DateTime<Utc> = Utc::now() + TimeDelta::seconds(seconds);
    let href = |kind: &str, id: &str| {
        json!({ "meta": { "type": kind,
        "href": format!("https://api.moysklad.ru/api/remap/1.2/entity/{kind}/{id}") } })
    };
    let position = |nth: usize| {
        let mut goods = href("product", "p-1");
        goods["externalCode"] = json!("cup");
        json!({ "id": nth.to_string(), "quantity": 1.0, "price": 15000.0, "assortment": goods })
    };
    json!({ "id": id, "updated": moscow(at), "moment": moscow(at), "applicable": true,
        "sum": 15000.0, "store": href("store", "S-1"),
        "positions": { "rows": (0..positions).map(position).collect::<Vec<_>>() } })
}

async fn hint(api: &Api, entity: &str, id: &str) {
    let href = format!("https://api.moysklad.ru/api/remap/1.2/entity/{entity}/{id}");
    let body = json!({ "auditContext": { "uid": "u" }, "events": [
        { "action": "UPDATE", "meta": { "type": entity, "href": href } }] });
    let url = format!("{}/webhooks/moysklad/ms/{TOKEN}?requestId=1", api.url);
    let answer = api.client.post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn until_on_hand(api: &Api, wanted: &str) {
    let bound = Instant::now() + Duration::from_secs(30);
    loop {
        let found = api.level("cup", "a").await.0;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < bound, "on hand is {found}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Hints of documents that are still to be read.
async fn hints(api: &Api) -> i64 {
    let hints = sqlx::query_scalar("SELECT count(*) FROM bridge.till_hints");
    hints.fetch_one(&api.db.pool).await.unwrap()
}

/// A hint is dropped after its document is posted, by itself.
async fn until_no_hint(api: &Api) {
    let bound = Instant::now() + Duration::from_secs(30);
    loop {
        let left = hints(api).await;
        if left == 0 {
            return;
        }
        assert!(Instant::now() < bound, "{left} hints are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn started(vendor: &MoySklad) -> (Api, DropGuard) {
    provider();
    let tills = format!(
        "[tills.ms]\nkind = \"moysklad\"\nshop = \"main\"\ntoken = \"{TOKEN}\"\n\
         api_url = \"{}\"\napi_token = \"{API_TOKEN}\"\nstores = {{ \"S-1\" = \"a\" }}\n",
        vendor.url
    );
    let api = serve(&settings().tables(&tills)).await;
    api.bring("a", "cup", "200").await;
    let client = Client::new(&vendor.url, API_TOKEN.to_owned().into(), &connections());
    let none = BTreeMap::<PortalName, bitrix24::Client>::new();
    let lanes = worker::Lanes {
        tills: BTreeMap::from([(TillName::parse("ms").unwrap(), client)]),
        ..worker::Lanes::of(none)
    };
    let stop = CancellationToken::new();
    let settings = worker::Settings::default();
    tokio::spawn(worker::run(api.app.clone(), lanes, settings, stop.clone()));
    let bound = Instant::now() + Duration::from_secs(30);
    let read = "SELECT count(*) FROM bridge.till_cursors WHERE read_at IS NOT NULL";
    loop {
        let read: i64 = sqlx::query_scalar(read)
            .fetch_one(&api.db.pool)
            .await
            .unwrap();
        if read == 1 {
            return (api, stop.drop_guard());
        }
        assert!(Instant::now() < bound, "the till is not read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn documents_are_sold_brought_back_and_annulled_as_the_api_says() {
    let vendor = MoySklad::new().await;
    vendor.put("retaildemand", sale("old", -3_600, 5));
    let (api, _guard) = started(&vendor).await;
    assert_eq!(
        api.level("cup", "a").await.0,
        "200",
        "it was sold before the till was seen"
    );
    vendor.account.lock().unwrap().throttles = 2;
    // Of the one nobody hears; the other has more positions than come with it.
    vendor.put("retaildemand", sale("d-1", 1, 1));
    vendor.put("retaildemand", sale("d-2", 1, 130));
    hint(&api, "retaildemand", "d-2").await;
    until_on_hand(&api, "69").await;
    vendor.put("retailsalesreturn", sale("r-1", 2, 2));
    hint(&api, "retailsalesreturn", "r-1").await;
    until_on_hand(&api, "71").await;
    let mut unposted = sale("d-1", 3, 1);
    unposted["applicable"] = json!(false);
    vendor.put("retaildemand", unposted);
    hint(&api, "retaildemand", "d-1").await;
    until_on_hand(&api, "72").await;
    // Into the bin without a word, and away for good.
    let mut deleted = sale("d-2", 4, 130);
    deleted["deleted"] = deleted["updated"].clone();
    vendor.put("retaildemand", deleted);
    vendor.remove("r-1");
    hint(&api, "retailsalesreturn", "r-1").await;
    until_on_hand(&api, "200").await;
    // Changed by a clock that is ahead of ours, and away before ours has come there.
    vendor.put("retailsalesreturn", sale("r-2", 600, 2));
    hint(&api, "retailsalesreturn", "r-2").await;
    until_on_hand(&api, "202").await;
    vendor.remove("r-2");
    hint(&api, "retailsalesreturn", "r-2").await;
    until_on_hand(&api, "200").await;
    until_no_hint(&api).await;
    api.prove().await;
}

#[tokio::test]
async fn a_forged_hint_is_refused_and_nothing_is_stored() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    let body = json!({ "events": [{ "action": "UPDATE", "meta": { "type": "retaildemand",
        "href": "https://api.moysklad.ru/api/remap/1.2/entity/retaildemand/d-1" } }] });
    for (path, status) in [
        ("ms/moysklad-token-9999999999", StatusCode::FORBIDDEN),
        ("nobody/moysklad-token-0123456789", StatusCode::NOT_FOUND),
    ] {
        let url = format!("{}/webhooks/moysklad/{path}", api.url);
        let answer = api.client.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
    assert_eq!(hints(&api).await, 0);
}

#[tokio::test]
async fn a_document_that_is_changed_while_pages_are_read_hides_no_other() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    for nth in 0..130 {
        let id = format!("d-{nth}");
        vendor.put("retaildemand", sale(&id, 10 + nth, 1));
    }
    vendor.account.lock().unwrap().touched = Some(sale("d-0", 200, 1));
    hint(&api, "retaildemand", "d-1").await;
    until_on_hand(&api, "70").await;
    assert!(vendor.account.lock().unwrap().touched.is_none());
    api.prove().await;
}

#[tokio::test]
async fn a_hint_that_the_vendor_cannot_read_holds_up_nothing() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    vendor.put("retaildemand", sale("d-1", 1, 1));
    hint(&api, "retaildemand", "no-such-name").await;
    until_on_hand(&api, "199").await;
    until_no_hint(&api).await;
}

/// Asks for the till to be read until its trouble is there, or over.
async fn until_unread(api: &Api, unread: bool) -> String {
    let bound = Instant::now() + Duration::from_secs(30);
    loop {
        hint(api, "retaildemand", "d-1").await;
        let stuck = api.app.operations.status().await.unwrap().stuck;
        if unread != stuck.is_empty() {
            return stuck.into_iter().map(|one| one.code).collect();
        }
        assert!(Instant::now() < bound, "{stuck:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_api_that_refuses_the_token_is_told_with_what_to_do_until_it_is_read_again() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    vendor.account.lock().unwrap().refused = true;
    assert_eq!(until_unread(&api, true).await, "TILL-UNREAD");
    vendor.account.lock().unwrap().refused = false;
    assert_eq!(until_unread(&api, false).await, "");
}

/// A sale with a line that is none.
fn broken(id: &str, seconds: i64) -> Value {
    let mut document = sale(id, seconds, 1);
    document["positions"]["rows"][0]["quantity"] = json!(-1.0);
    document
}

async fn letters(api: &Api, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&api.db.pool)
        .await
        .unwrap()
}

async fn until_open(api: &Api, wanted: i64) {
    let bound = Instant::now() + Duration::from_secs(30);
    while letters(api, OPEN).await != wanted {
        assert!(Instant::now() < bound, "not {wanted} letters");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const OPEN: &str = "SELECT count(*) FROM bridge.dead_letters WHERE closed_at IS NULL";
const ALL: &str = "SELECT count(*) FROM bridge.dead_letters";

#[tokio::test]
async fn a_document_that_was_let_go_comes_back_with_no_reading_and_holds_up_no_other() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    vendor.put("retaildemand", broken("d-1", 1));
    hint(&api, "retaildemand", "d-1").await;
    until_open(&api, 1).await;
    let id: i64 = letters(&api, "SELECT id FROM bridge.dead_letters").await;
    let who = b24_bridge::app::Actor::new("anna");
    let discarded = api.app.dead_letters.discard(id, &who, "a joke").await;
    discarded.unwrap();
    vendor.put("retaildemand", sale("d-2", 2, 1));
    hint(&api, "retaildemand", "d-1").await;
    until_on_hand(&api, "199").await;
    assert_eq!(
        (letters(&api, OPEN).await, letters(&api, ALL).await),
        (0, 1)
    );
}

#[tokio::test]
async fn what_is_put_into_the_bin_takes_its_letter_along() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    vendor.put("retaildemand", broken("d-1", 1));
    hint(&api, "retaildemand", "d-1").await;
    until_open(&api, 1).await;
    let mut deleted = broken("d-1", 2);
    deleted["deleted"] = deleted["updated"].clone();
    vendor.put("retaildemand", deleted);
    hint(&api, "retaildemand", "d-2").await;
    until_open(&api, 0).await;
    assert_eq!(letters(&api, ALL).await, 1);
    assert_eq!(api.level("cup", "a").await.0, "200");
}

#[tokio::test]
async fn a_document_of_which_a_part_is_shown_counts_when_it_is_shown_whole() {
    let vendor = MoySklad::new().await;
    let (api, _guard) = started(&vendor).await;
    let mut part = sale("d-1", 1, 150);
    part["unshown"] = json!(1);
    vendor.put("retaildemand", part);
    hint(&api, "retaildemand", "d-1").await;
    until_open(&api, 1).await;
    assert_eq!(api.level("cup", "a").await.0, "200");
    vendor.put("retaildemand", sale("d-1", 2, 151));
    hint(&api, "retaildemand", "d-1").await;
    until_on_hand(&api, "49").await;
    until_open(&api, 0).await;
}
