//! What comes from outside may be anything: no reader of it breaks, whatever stands in it. Values
//! that broke something once are named.

use crate::support::shop::rules;
use b24_bridge::{
    clients::bitrix24::php_form::{self, Limits},
    config::Config,
    domain::{Event, EventBody, Marketplace},
    formats::woocommerce,
    planner::{
        CallAnswer, CommandAnswer, DealScan, History, Intent, Job, KnownLinks, PortalFacts,
        ScanRequest, StageWrite, Wave, Who,
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Numbers at the edges of what holds them.
fn number() -> impl Strategy<Value = Value> {
    let edges = [
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(-0.0),
        json!(999_999_999_999_i64),
        json!(0.000_000_000_1),
        json!(1e-28),
    ];
    prop_oneof![
        select(edges.to_vec()),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
    ]
}

/// Texts that grow and shrink when their case changes, that are marks on nothing, that look like
/// numbers, times, and markup.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "8 916 123-45-67 Ⱥ доб ẞ",
        "İİİ доб. 5",
        "ﬁ ﬂ ŉ ǰ ΐ",
        "e\u{301}\u{301}\u{301}",
        "\u{301}",
        "\u{200e}+7 909 100-20-32",
        "\u{202e}abc",
        "\0",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "999999999999.9999999999",
        "0.0000000001",
        "1e27",
        "1e-400",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00+23:59",
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "9998-12-31T23:59:60.999999999Z",
        "&#x110000;&#xD800;&#99999999999;&amp",
        "<b>[b]&lt;![CDATA[",
        "a@b@c, <İ@ẞ.example>; \"@\"@x",
        "$result[q000001][",
        "18446744073709551616",
    ];
    prop_oneof![
        3 => select(odd.to_vec()).prop_map(str::to_owned),
        1 => ".{0,24}",
        1 => "[0-9eE+.,() Ⱥẞİﬁдоб-]{0,24}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[A-Za-z_0-9]{1,10}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Lists in lists in lists.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn snapshot() -> Value {
    json!({
        "number": "A-1", "id": "77", "version": 3, "status": "N", "status_changed_at":
            "2026-01-15T10:00:00+03:00",
        "created_at": "2026-01-15T10:00:00+03:00", "updated_at": "2026-01-15T10:00:00+03:00",
            "currency": "RUB",
        "total": "300", "paid": true, "paid_at": "2026-01-15T10:00:00+03:00", "cancelled": false,
            "comment": "c",
        "customer": {
            "id": "c1", "kind": "company", "name": "Анна", "last_name": "И", "phones":
                ["+79160000001"],
            "emails": ["a@example.com"], "company": {
                "title": "ООО", "inn": "7707083893", "kpp": "1", "address": "a"
            }
        },
        "items": [
            {"name": "Чай", "sku": "s", "quantity": 3, "unit": "шт", "price": "33.33",
             "discount": "1", "vat_rate": 20, "vat_included": false},
            {"name": "Кофе", "quantity": "0.5", "price": "400.02"}
        ],
        "discounts": [{"name": "d", "amount": "0.01"}],
        "delivery": {"method": "m", "price": "10", "address": "a"}, "payment": {"method": "p"},
        "properties": {
            "promo": "x"
        } , "utm": {
            "source": "s"
        } , "origin": {
            "channel": "pos", "store_id": "1"
        }
    })
}

/// Every place of a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                places(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(elements) => {
            for (nth, inner) in elements.iter().enumerate() {
                places(inner, &format!("{at}/{nth}"), found);
            }
        }
        _ => {}
    }
    found.push(at.to_owned());
}

/// The value with other things in some of its places.
fn spoilt(value: &Value, with: &[(prop::sample::Index, Value)]) -> Value {
    let mut spoilt = value.clone();
    for (place, new) in with {
        let mut all = Vec::new();
        places(&spoilt, "", &mut all);
        let at = place.get(&all).clone();
        if let Some(place) = spoilt.pointer_mut(&at) {
            *place = new.clone();
        }
    }
    spoilt
}

fn spoils() -> impl Strategy<Value = Vec<(prop::sample::Index, Value)>> {
    prop::collection::vec((any::<prop::sample::Index>(), anything()), 0..6)
}

/// The same with leaves alone: what is still read, and calculated with.
fn leaves() -> impl Strategy<Value = Vec<(prop::sample::Index, Value)>> {
    prop::collection::vec((any::<prop::sample::Index>(), leaf()), 0..6)
}

fn event(data: &Value) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example", "id":
            "e1",
        "time": "2026-01-15T10:00:00Z", "data": data
    })
}

/// A job of this snapshot, if it is one.
fn job(data: &Value, known: KnownLinks) -> Option<Job> {
    let event = Event::parse(&event(data), "7").ok()?;
    let EventBody::Saved(snapshot) = event.body else {
        return None;
    };
    Some(Job {
        rules: Arc::new(rules("main")),
        number: snapshot.number.clone(),
        intent: Intent::Save(snapshot),
        known,
        recreate: false,
        import: false,
        doubt: None,
        agreed: None,
        who: Who::default(),
    })
}

/// Answers to commands: what comes for the nth of them.
fn answers() -> impl Strategy<Value = Vec<(Value, Option<u64>, u8)>> {
    let next = select(vec![None, Some(50), Some(u64::MAX), Some(u64::MAX - 10)]);
    let row = prop::collection::btree_map(
        select(vec![
            "ID",
            "id",
            "ORIGIN_ID",
            "ORIGINATOR_ID",
            "STAGE_ID",
            "CATEGORY_ID",
            "OWNER_ID",
            "CREATED_TIME",
            "TYPE_ID",
            "MOVED_TIME",
            "MOVED_BY_ID",
            "OPPORTUNITY",
            "STATUS_ID",
            "PHONE",
            "EMAIL",
            "CONTACT",
            "TITLE",
            "QUANTITY",
            "PRICE",
            "item",
            "items",
            "PRODUCT_NAME",
            "RQ_INN",
        ]),
        leaf(),
        0..10,
    );
    let row = row
        .prop_map(|row| {
            let row = row
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Value::Object(row.collect::<Map<_, _>>())
        })
        .boxed();
    let rows = prop::collection::vec(row.clone(), 0..4).prop_map(Value::from);
    let result = prop_oneof![anything(), row, rows, number()];
    prop::collection::vec((result, next, any::<u8>()), 1..12)
}

fn answered(
    commands: &[b24_bridge::planner::Command],
    with: &[(Value, Option<u64>, u8)],
    at: usize,
) -> CallAnswer {
    let one = |(nth, command): (usize, &b24_bridge::planner::Command)| {
        let (result, next, how) = &with[(nth + at) % with.len()];
        let answer = match how % 8 {
            0 => CommandAnswer::Later,
            1 => CommandAnswer::Refused {
                error: result.to_string(),
                description: result.as_str().unwrap_or_default().to_owned(),
            },
            _ => CommandAnswer::Done {
                result: result.clone(),
                next: *next,
            },
        };
        (command.key.clone(), answer)
    };
    CallAnswer::Answered(commands.iter().enumerate().map(one).collect())
}

/// Runs a wave against a portal that answers anything.
fn run(jobs: Vec<Job>, with: &[(Value, Option<u64>, u8)]) {
    let mut wave = Wave::new(jobs, PortalFacts::default());
    for round in 0..40 {
        let calls = wave.next_round();
        if calls.is_empty() {
            break;
        }
        let _ = wave.intentions();
        for call in calls {
            let answer = answered(&call.commands, with, round);
            wave.answer(&call, answer);
        }
    }
    let (settled, _) = wave.finish();
    for one in settled {
        serde_json::to_value(&one.known).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_order_with_anything_in_it_is_read_or_refused_and_what_is_read_is_planned(
        with in leaves(), answers in answers(), deal in 0_u64..3,
    ) {
        let data = spoilt(&snapshot(), &with);
        let mut known = KnownLinks::default();
        if deal > 0 {
            known.target = Some(b24_bridge::planner::CrmEntity::Deal(deal));
        }
        if let Some(job) = job(&data, known) {
            run(vec![job], &answers);
        }
    }

    #[test]
    fn whole_parts_of_an_order_may_be_anything(with in spoils()) {
        let _ = job(&spoilt(&snapshot(), &with), KnownLinks::default());
        let _ = Event::parse(&spoilt(&event(&snapshot()), &with), "7");
    }

    #[test]
    fn what_woocommerce_sends_may_be_anything(with in spoils(), topic in text()) {
        let order: Value = serde_json::from_str(
            include_str!("../../../src/formats/woocommerce/sample.json")
        ).unwrap();
        let body = spoilt(&order, &with);
        for topic in ["order.updated", "order.deleted", &topic] {
            let read = woocommerce::read(Marketplace::default(), topic, "d", &body);
            if let Ok(woocommerce::Delivery::Event(event)) = read {
                let _ = Event::parse(&event, "7");
            }
        }
    }

    #[test]
    fn what_the_portal_shows_of_its_deals_may_be_anything(answers in answers()) {
        let look = ScanRequest {
            history: History::After(u64::MAX - 60),
            deals: (1..70).collect(),
            moves_of: vec![(1, None), (2, Some(u64::MAX)), (3, Some(0))],
            ask_who: true,
        };
        let write = StageWrite {
            deal: u64::MAX,
            from_funnel: u32::MAX,
            stage: b24_bridge::domain::Stage::new(0, "NEW"),
            guard: Some(u64::MAX),
            comment: Some("c".to_owned()),
        };
        for mut glance in [DealScan::read(&look), DealScan::write(&[write])] {
            for round in 0..20 {
                let Some(call) = glance.next_call() else {
                    break;
                };
                let answer = answered(&call.commands, &answers, round);
                glance.answer(&call, answer);
            }
            let _ = glance.finish();
        }
    }

    #[test]
    fn
        a_form_may_be_anything(
        pairs in prop::collection::vec(("[a-z\\[\\]0-9%]{0,12}", text()), 0..12),
    )
        {
        let body: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let _ = php_form::decode(body.join("&").as_bytes(), Limits::default());
        let params = json!({ "a": pairs.iter().map(|(_, value)| value).collect::<Vec<_>>() });
        let _ = php_form::encode(&params, &["q000001"]);
    }

    #[test]
    fn settings_may_be_anything(
        key in select(vec![
            "portals.main.rate.per_second", "portals.main.rate.burst",
                "portals.main.timeout_seconds",
            "portals.main.call_limit_seconds", "worker.lease_seconds", "worker.poll_seconds",
                "worker.wave",
            "worker.doubt_seconds", "worker.backoff_cap_seconds", "worker.reconcile_seconds",
                "retention.settled_days",
            "http.max_body_bytes", "http.room_bytes", "http.request_timeout_seconds",
                "shops.main.conflict.clock_tolerance",
            "shops.main.title", "portals.main.webhook_url", "http.public_url",
                "http.trusted_proxies", "shops.main.funnel",
        ]),
        value in prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_filter(
                "TOML has no such", |n| n.is_finite()
            ).prop_map(|n| format!("{n:e}")),
            select(
                vec!["1e-300", "0", "-1", "9223372036854775807", "[]", "true"]
            ).prop_map(str::to_owned),
            text().prop_map(|text| format!("{text:?}")),
        ],
    ) {
        let mut text = String::from("[portals.main]\nwebhook_url = \
                                     \"https://a.bitrix24.ru/rest/1/abcdefgh/\"\n");
        text.push_str("[shops.main]\nportal = \"main\"\napi_keys = [\"0123456789abcdef\"]\n");
        let table = text.parse::<toml::Table>();
        let environment = BTreeMap::from([(
            format!("BRIDGE_{}", key.to_uppercase().replace('.', "__")),
            value.trim_matches('"').to_owned(),
        )]);
        prop_assert!(table.is_ok());
        if let Ok(config) = Config::parse(&text, &environment) {
            for portal in config.portals.values() {
                let _ = std::time::Duration::from_secs_f64(1.0 / portal.rate.per_second);
            }
            let _ = (config.http.room(), config.http.proxies(), config.shop_rules());
        }
    }
}

#[test]
fn what_broke_something_once() {
    // A place found in one text and used on another that its lower case is longer than.
    let mut data = snapshot();
    data["customer"]["phones"] = json!(["8 916 123-45-67 Ⱥ доб ẞ"]);
    assert!(job(&data, KnownLinks::default()).is_some());
    // Lists in lists, deeper than anything is read.
    for depth in [10, 33, 120] {
        let mut data = snapshot();
        data["properties"]["deep"] = nested(depth);
        let read = Event::parse(&event(&data), "7");
        assert_eq!(read.is_ok(), depth < 30, "{depth}");
    }
    // A page that begins where numbers end.
    let pages = [(json!([]), Some(u64::MAX), 7)];
    let look = ScanRequest {
        history: History::After(1),
        deals: Vec::new(),
        moves_of: Vec::new(),
        ask_who: false,
    };
    let mut glance = DealScan::read(&look);
    for round in 0..3 {
        let Some(call) = glance.next_call() else {
            break;
        };
        let answer = answered(&call.commands, &pages, round);
        glance.answer(&call, answer);
    }
    // A pace that no clock can wait for.
    let slow = "[portals.main]\nwebhook_url = \"https://a.bitrix24.ru/rest/1/abcdefgh/\"\n\
                rate = { per_second = 1e-300, burst = 1 }\n[shops.main]\nportal = \"main\"\n";
    let told = Config::parse(slow, &BTreeMap::new()).unwrap_err();
    assert!(told.to_string().contains("portals.main.rate"), "{told}");
}
