//! A shop with its rules, and the events it posts.

use b24_bridge::{
    app::{App, Claim, Registry, RetryPolicy},
    domain::{
        Correspondence, Direction, ErrorCode, OnDeleted, Placeholders, PortalName, ShopName,
        ShopRules, Stage, StatusMap, Texts,
    },
    planner::{CrmEntity, Job, JobIx, KnownLinks, Landing, Outcome, Settlement},
    storage::queue::lanes::{self, Lease},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};

/// The shop `main`.
pub(crate) fn main_shop() -> ShopName {
    ShopName::parse("main").unwrap()
}

/// Rules of a shop on the portal `main` that knows the statuses N and P.
pub(crate) fn rules(shop: &str) -> ShopRules {
    let row = |status: &str, stage: &str| Correspondence {
        status: status.to_owned(),
        stage: Stage::new(0, stage),
        accepts: Vec::new(),
        direction: Direction::Both,
        reverse: true,
        source: None,
    };
    ShopRules {
        shop: ShopName::parse(shop).unwrap(),
        portal: PortalName::parse("main").unwrap(),
        funnel: 0,
        statuses: StatusMap::new(vec![row("N", "NEW"), row("P", "PREPARATION")]),
        title: "Order {number}".to_owned(),
        responsible_id: None,
        source_id: None,
        fields: std::collections::BTreeMap::default(),
        phone_country: "7".to_owned(),
        texts: Texts::default(),
        placeholders: Placeholders::default(),
        on_deleted: OnDeleted::Nothing,
        leads: Vec::new(),
        delivery_name: "Delivery".to_owned(),
    }
}

/// A bridge with these shops on the portal `main`.
pub(crate) fn app(pool: &PgPool, shops: &[&str]) -> App {
    app_with(pool, shops, Registry::default())
}

/// The same with what else is registered of them.
pub(crate) fn app_with(pool: &PgPool, shops: &[&str], registry: Registry) -> App {
    let shops = shops
        .iter()
        .map(|name| (ShopName::parse(name).unwrap(), Arc::new(rules(name))))
        .collect();
    let portals = vec![PortalName::parse("main").unwrap()];
    App::new(
        pool.clone(),
        Registry {
            shops,
            sources: Vec::new(),
            portals,
            ..registry
        },
    )
}

/// An event of an order.
pub(crate) fn event(id: &str, number: &str, version: i64) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example", "id":
            id,
        "data": {
            "number": number, "version": version, "status": "N", "currency": "RUB", "total":
                "100.00",
            "customer": {"id": "c1", "kind": "person", "name": "Анна", "phones": ["+79160000001"]},
            "items": [{"name": "Tea", "quantity": 1, "price": "100.00"}],
        }
    })
}

/// Tries that follow at once.
pub(crate) fn tries() -> RetryPolicy {
    RetryPolicy {
        doubt: std::time::Duration::ZERO,
        most: 3,
        pause: Duration::from_millis(1),
        cap: Duration::from_millis(1),
    }
}

/// Takes the lane of `main` for a minute.
pub(crate) async fn lease(pool: &PgPool, owner: &str) -> Option<Lease> {
    let mut db = pool.acquire().await.unwrap();
    let lanes = ["main".to_owned()];
    let taken = lanes::acquire(&mut db, (&lanes, 100), owner, 60.0).await;
    taken.unwrap().pop()
}

/// Claims what is due.
pub(crate) async fn claim(app: &App, lease: &Lease) -> Vec<(Claim, Job)> {
    app.delivery.claim(lease, 100).await.unwrap()
}

/// The order was written as this deal.
pub(crate) fn done(deal: u64) -> Settlement {
    let known = KnownLinks {
        target: Some(CrmEntity::Deal(deal)),
        contact_id: Some(7),
        ..KnownLinks::default()
    };
    Settlement {
        job: JobIx::at(0),
        outcome: Outcome::Done { wrote: true },
        known,
        notes: Vec::new(),
        stage: Some(Stage::new(0, "NEW")),
        links_contact: true,
        links_company: true,
        made_as: Some(("N".to_owned(), Stage::new(0, "NEW"))),
        landing: Landing::Nothing,
        waits: false,
    }
}

/// The portal refused the order.
pub(crate) fn refused() -> Settlement {
    let outcome = Outcome::Refused {
        code: ErrorCode::Email,
        message: "Неверный e-mail".to_owned(),
    };
    Settlement {
        job: JobIx::at(0),
        outcome,
        known: KnownLinks::default(),
        notes: Vec::new(),
        stage: None,
        links_contact: true,
        links_company: true,
        made_as: None,
        landing: Landing::Nothing,
        waits: false,
    }
}

/// No retry can cure the order.
pub(crate) fn hopeless(code: ErrorCode) -> Settlement {
    let outcome = Outcome::Hopeless {
        code,
        message: "no".to_owned(),
    };
    Settlement {
        job: JobIx::at(0),
        outcome,
        known: KnownLinks::default(),
        notes: Vec::new(),
        stage: None,
        links_contact: true,
        links_company: true,
        made_as: None,
        landing: Landing::Nothing,
        waits: false,
    }
}
