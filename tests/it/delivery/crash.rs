//! The worker is killed where it hurts most: the portal must end with one deal per order.

use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    clients::bitrix24::{BatchResponse, Class, Command, Priority, Response},
    domain::{ErrorCode, PortalName},
    worker::{self, CallFailure, CrashHook, CrashPoint, PortalClient},
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Kind and fields.
type Thing = (String, Map<String, Value>);

/// A portal in a few lines: adds, lists by filter, and may lose answers after the write.
#[derive(Clone, Default)]
pub(crate) struct Tiny {
    things: Arc<Mutex<Vec<Thing>>>,
    lose: Arc<AtomicUsize>,
}

impl Tiny {
    pub(crate) fn count(&self, entity: &str) -> usize {
        self.things
            .lock()
            .unwrap()
            .iter()
            .filter(|(kind, _)| kind == entity)
            .count()
    }

    /// The titles of the deals, in the order in which they were made.
    pub(crate) fn titles(&self) -> Vec<String> {
        let things = self.things.lock().unwrap();
        let deals = things.iter().filter(|(kind, _)| kind == "crm.deal");
        deals.map(|(_, fields)| text(&fields["TITLE"])).collect()
    }

    fn run(&self, method: &str, params: &Value) -> Value {
        let (entity, verb) = method.rsplit_once('.').unwrap_or(("", method));
        let mut things = self.things.lock().unwrap();
        match verb {
            "add" if params["fields"].is_object() => {
                let id = things.len() + 1;
                let mut fields = params["fields"].as_object().unwrap().clone();
                fields.insert("ID".to_owned(), json!(id.to_string()));
                things.push((entity.to_owned(), fields));
                json!(id)
            }
            "list" => {
                let fits = |fields: &Map<String, Value>| {
                    params["filter"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .all(|(key, wanted)| {
                            let has = text(&fields[key.trim_start_matches(['@', '='])]);
                            wanted.as_array().map_or(text(wanted) == has, |all| {
                                all.iter().any(|one| text(one) == has)
                            })
                        })
                };
                if entity == "crm.status" {
                    return json!([{"ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "NEW"}]);
                }
                let of = things
                    .iter()
                    .filter(|(kind, fields)| kind == entity && fits(fields));
                of.map(|(_, fields)| Value::Object(fields.clone()))
                    .collect()
            }
            "findbycomm" => json!([]),
            _ => json!(true),
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl PortalClient for Tiny {
    async fn batch(&self, commands: &[Command], _: Priority) -> Result<BatchResponse, CallFailure> {
        tokio::task::yield_now().await;
        let mut made: HashMap<String, Value> = HashMap::new();
        for command in commands {
            let mut params = command.params.to_string();
            for (key, result) in &made {
                params = params.replace(&format!("$result[{key}]"), &text(result));
            }
            let result = self.run(&command.method, &serde_json::from_str(&params).unwrap());
            made.insert(command.key.clone(), result);
        }
        let writes = commands
            .iter()
            .any(|command| command.method.rsplit('.').next() == Some("add"));
        if writes
            && self
                .lose
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
        {
            let message = "the answer was lost".to_owned();
            return Err(CallFailure {
                class: Class::InDoubt,
                code: ErrorCode::InDoubt,
                message,
                maybe_executed: true,
            });
        }
        Ok(made
            .into_iter()
            .map(|(key, result)| {
                (
                    key,
                    Ok(Response {
                        result,
                        next: None,
                        total: None,
                    }),
                )
            })
            .collect())
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        Ok(())
    }
}

/// Brings twenty orders to the portal, killing the worker the first time it reaches the point.
async fn survive(kill_at: Option<CrashPoint>, lost_answers: usize) {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let portal = Tiny {
        lose: Arc::new(AtomicUsize::new(lost_answers)),
        ..Tiny::default()
    };
    let orders: Vec<_> = (0..20)
        .map(|n| event(&format!("e{n}"), &format!("A-{n}"), 1))
        .collect();
    app.intake
        .accept_events(Some(&main_shop()), &orders)
        .await
        .unwrap();
    let (reached, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let probe = CrashHook(Arc::new(move |point| {
        let here = Some(point) == kill_at;
        let _ = here.then(|| reached.send(()));
        Box::pin(async move {
            if here {
                std::future::pending::<()>().await;
            }
        })
    }));
    let options = |owner: &str| worker::Settings {
        owner: owner.to_owned(),
        lease: Duration::from_secs(1),
        poll: Duration::from_millis(50),
        doubt: Duration::ZERO,
        ..worker::Settings::default()
    };
    let start = |owner, watch| {
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            portal.clone(),
        )]));
        tokio::spawn(worker::run_watched(
            app.clone(),
            lanes,
            options(owner),
            worker::Hooks { at: watch },
            CancellationToken::new(),
        ))
    };
    if kill_at.is_some() {
        let first = start("first", Some(probe));
        tokio::time::timeout(Duration::from_secs(20), wait.recv())
            .await
            .unwrap()
            .unwrap();
        first.abort();
    }
    let second = start("second", None);
    for _ in 0..1000 {
        let lane = app.operations.status().await.unwrap().portals.remove(0);
        if lane.pending == 0 {
            assert_eq!(lane.dead, 0);
            assert_eq!(portal.count("crm.deal"), 20);
            assert_eq!(portal.count("crm.contact"), 1);
            second.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let view = app
        .operations
        .order_view(&main_shop(), "A-0")
        .await
        .unwrap();
    panic!(
        "orders still wait: {view:?}, {:?}",
        app.operations.status().await.unwrap()
    );
}

#[tokio::test]
async fn a_worker_killed_after_the_claim_leaves_one_deal_per_order() {
    survive(Some(CrashPoint::Claimed), 0).await;
}

#[tokio::test]
async fn a_worker_killed_after_a_call_leaves_one_deal_per_order() {
    survive(Some(CrashPoint::Called), 0).await;
}

#[tokio::test]
async fn a_worker_killed_before_settling_leaves_one_deal_per_order() {
    survive(Some(CrashPoint::BeforeSettle), 0).await;
}

#[tokio::test]
async fn a_worker_killed_after_settling_leaves_one_deal_per_order() {
    survive(Some(CrashPoint::AfterSettle), 0).await;
}

#[tokio::test]
async fn lost_answers_after_the_write_leave_one_deal_per_order() {
    survive(None, 3).await;
}
