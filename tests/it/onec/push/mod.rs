//! Orders that are pushed to an HTTP service of a base: each arrives, once, whatever happens on the
//! way.

use super::{
    receipts,
    world::{World, order},
};
use crate::support::{connections, free_port};
use b24_bridge::{
    app::{Actor, App, DeadLetter, LetterFilter, Retry, onec_lane_of},
    clients::{
        bitrix24,
        onec::{Client, Standing},
    },
    domain::{BaseName, OrderKey, PortalName},
    sandbox::onec::{PushFault, Service},
    worker::{self, CrashHook, CrashPoint, Hooks},
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

const PASSWORD: &str = "of the service";

/// A worker that pushes to the service.
struct Pusher {
    stop: CancellationToken,
    work: JoinHandle<Result<(), worker::Error>>,
}

impl Pusher {
    fn start(app: &App, service: &Service) -> Self {
        Self::start_with(app, service, Duration::from_millis(200), Hooks::default())
    }

    /// One that waits so long for what may still arrive, and is watched.
    fn start_with(app: &App, service: &Service, doubt: Duration, hooks: Hooks) -> Self {
        let url = service.url().parse().unwrap();
        let client = Client::new(&url, "bridge", PASSWORD.to_owned().into(), &connections());
        let none = BTreeMap::<PortalName, bitrix24::Client>::new();
        let lanes = worker::Lanes {
            pushes: BTreeMap::from([(BaseName::parse("trade").unwrap(), client)]),
            ..worker::Lanes::of(none)
        };
        let settings = worker::Settings {
            lease: Duration::from_secs(2),
            poll: Duration::from_millis(50),
            attempts: 2,
            backoff: Duration::from_millis(20),
            backoff_cap: Duration::from_millis(50),
            probe: Duration::from_millis(100),
            doubt,
            ..worker::Settings::default()
        };
        let stop = CancellationToken::new();
        let work = worker::run_watched(app.clone(), lanes, settings, hooks, stop.clone());
        Self {
            stop,
            work: tokio::spawn(work),
        }
    }

    /// Ends it in good order.
    async fn end(self) {
        self.stop.cancel();
        self.work.await.unwrap().unwrap();
    }

    /// Ends it as a crash does.
    fn dies(self) {
        self.work.abort();
    }
}

async fn world() -> (World, Service) {
    let service = Service::start("bridge", PASSWORD, "2.09").await.unwrap();
    let url = service.url();
    let tables = format!(
        "[onec.trade.push]\nurl = \"{url}\"\nuser = \"bridge\"\npassword = \"{PASSWORD}\"\n"
    );
    (World::with("", &tables).await, service)
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let bound = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < bound, "not {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn has(world: &World, number: &str) -> bool {
    let told = world.told(number).await;
    let onec = &told["onec"];
    onec["confirmed_at"].is_string() && onec["waits"] == Value::Bool(false)
}

async fn letters(app: &App) -> Vec<DeadLetter> {
    let filter = LetterFilter::default();
    app.dead_letters.dead_letters(&filter).await.unwrap().items
}

/// The code for which the lane rests.
async fn rests(world: &World) -> Option<String> {
    let lane = onec_lane_of("trade");
    let row = world.site.app.lanes.row(&lane).await.unwrap();
    row.and_then(|row| row.paused_code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_and_its_change_are_pushed_and_no_session_gets_them_again() {
    let (world, service) = world().await;
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("pushed", async || has(&world, "A-1").await).await;
    assert_eq!(service.order("A-1").unwrap().times, 1);
    let mut changed = order("A-1", 2);
    changed["status"] = "P".into();
    world.save(changed).await;
    until("pushed again", async || {
        service.order("A-1").unwrap().times == 2 && has(&world, "A-1").await
    })
    .await;
    assert_eq!(world.base().fetch_orders().await.unwrap().orders, 0);
    assert!(service.troubles().is_empty(), "{:?}", service.troubles());
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_pushed_once_and_no_session_gets_it_again() {
    let service = Service::start("bridge", PASSWORD, "2.09").await.unwrap();
    let url = service.url();
    let tables = format!(
        "[onec.trade.push]\nurl = \"{url}\"\nuser = \"bridge\"\npassword = \"{PASSWORD}\"\n{}",
        receipts::TABLES
    );
    let world = World::with("", &tables).await;
    let pusher = Pusher::start(&world.site.app, &service);
    world.sell(receipts::sale("R1")).await;
    until("pushed", async || {
        receipts::documents(&world).await[0].confirmed_at.is_some()
    })
    .await;
    assert_eq!((service.orders(), service.requests()), (1, 1));
    assert_eq!(world.base().fetch_orders().await.unwrap().orders, 0);
    assert!(service.troubles().is_empty(), "{:?}", service.troubles());
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_answer_was_lost_is_sent_again_and_is_there_once() {
    let (world, service) = world().await;
    service.meets(PushFault::LosesAnswer);
    service.meets(PushFault::Page);
    service.meets(PushFault::Closed);
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("confirmed", async || has(&world, "A-1").await).await;
    assert_eq!(service.orders(), 1);
    assert_eq!(
        (service.requests(), service.order("A-1").unwrap().times),
        (4, 2)
    );
    assert!(letters(&world.site.app).await.is_empty());
    assert_eq!(rests(&world).await, None);
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_order_is_a_letter_and_stops_no_other_and_goes_when_the_letter_is_retried() {
    let (world, service) = world().await;
    service.meets(PushFault::Failure("Не найден склад".to_owned()));
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("refused", async || {
        !letters(&world.site.app).await.is_empty()
    })
    .await;
    world.save(order("A-2", 1)).await;
    until("the other pushed", async || has(&world, "A-2").await).await;
    let all = letters(&world.site.app).await;
    let letter = all.first().unwrap();
    assert_eq!((all.len(), letter.code.as_str()), (1, "ONEC-PUSH-REFUSED"));
    assert_eq!(letter.message, "Не найден склад");
    assert_eq!(letter.number.as_deref(), Some("A-1"));
    assert!(service.order("A-1").is_none());
    assert_eq!(service.requests(), 2);
    let who = Actor::new("operator:anna");
    let dead_letters = &world.site.app.dead_letters;
    dead_letters
        .retry(letter.id, &who, Retry::default())
        .await
        .unwrap();
    until("taken", async || has(&world, "A-1").await).await;
    assert!(letters(&world.site.app).await.is_empty());
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_order_goes_by_a_session_all_the_same_which_closes_its_letter() {
    let (world, service) = world().await;
    service.meets(PushFault::Failure("нет".to_owned()));
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("refused", async || {
        !letters(&world.site.app).await.is_empty()
    })
    .await;
    assert_eq!(world.base().fetch_orders().await.unwrap().orders, 1);
    assert!(has(&world, "A-1").await);
    assert!(letters(&world.site.app).await.is_empty());
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_at_which_the_service_fails_again_and_again_dies_and_its_change_is_tried_anew() {
    let (world, service) = world().await;
    for _ in 0..8 {
        service.meets(PushFault::Exception("Деление на 0".to_owned()));
    }
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("dead", async || !letters(&world.site.app).await.is_empty()).await;
    let letter = letters(&world.site.app).await.remove(0);
    assert_eq!(letter.message, "500: Деление на 0");
    assert_eq!(service.requests(), 8);
    world.save(order("A-1", 2)).await;
    until("taken", async || has(&world, "A-1").await).await;
    assert!(letters(&world.site.app).await.is_empty());
    pusher.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_not_taken_pauses_the_lane_until_it_is() {
    let (world, service) = world().await;
    service.set_password("another");
    let pusher = Pusher::start(&world.site.app, &service);
    world.save(order("A-1", 1)).await;
    until("paused", async || {
        rests(&world).await.as_deref() == Some("ONEC-PUSH-LOGIN")
    })
    .await;
    assert!(letters(&world.site.app).await.is_empty());
    service.set_password(PASSWORD);
    until("pushed", async || has(&world, "A-1").await).await;
    assert_eq!((rests(&world).await, service.orders()), (None, 1));
    pusher.end().await;
}

/// A process that stands still for ever at a point.
fn hangs_at(point: CrashPoint) -> (Hooks, Arc<tokio::sync::Notify>) {
    let there = Arc::new(tokio::sync::Notify::new());
    let reached = Arc::clone(&there);
    let hook = CrashHook(Arc::new(move |at| {
        let reached = Arc::clone(&reached);
        Box::pin(async move {
            if at == point {
                reached.notify_one();
                std::future::pending::<()>().await;
            }
        })
    }));
    (Hooks { at: Some(hook) }, there)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_around_a_push_loses_nothing_and_doubles_nothing() {
    for (point, times) in [(CrashPoint::Intended, 1), (CrashPoint::Called, 2)] {
        let (world, service) = world().await;
        let (hooks, there) = hangs_at(point);
        let doubt = Duration::from_millis(500);
        let pusher = Pusher::start_with(&world.site.app, &service, doubt, hooks);
        world.save(order("A-1", 1)).await;
        there.notified().await;
        pusher.dies();
        let next = Pusher::start(&world.site.app, &service);
        until("confirmed", async || has(&world, "A-1").await).await;
        assert_eq!(service.orders(), 1, "{point:?}");
        assert_eq!(service.order("A-1").unwrap().times, times, "{point:?}");
        next.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_in_a_push_is_offered_in_no_session() {
    let (world, service) = world().await;
    let (hooks, there) = hangs_at(CrashPoint::Called);
    let app = &world.site.app;
    let pusher = Pusher::start_with(app, &service, Duration::from_mins(1), hooks);
    world.save(order("A-1", 1)).await;
    there.notified().await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert!(base.query().await.unwrap().is_empty());
    assert_eq!(service.orders(), 1);
    pusher.dies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_a_session_was_offered_is_not_pushed_while_the_session_lasts() {
    let (world, service) = world().await;
    let app = &world.site.app;
    world.save(order("A-1", 1)).await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(base.query().await.unwrap().len(), 1);
    world.save(order("A-1", 2)).await;
    let lane = onec_lane_of("trade");
    let lease = app.lanes.acquire(&[lane], 1, "test", 30.0).await.unwrap();
    let lease = lease.first().unwrap();
    let trade = BaseName::parse("trade").unwrap();
    let minute = Duration::from_mins(1);
    let claimed = app.onec.claim_push(lease, &trade, minute).await.unwrap();
    assert!(claimed.is_none());
    base.success().await.unwrap();
    let claimed = app.onec.claim_push(lease, &trade, minute).await.unwrap();
    assert_eq!(claimed.unwrap().order(), OrderKey::new("main", "A-1"));
    assert_eq!(service.requests(), 0);
}

/// Orders in two hands at once: on their way by a push, and in an offer that is open. The push's
/// record goes when it is answered, so that both at once are never right.
const IN_TWO_HANDS: &str = "SELECT count(*) FROM bridge.onec_pushes p
    JOIN bridge.onec_offers o ON o.shop = p.shop AND o.number = p.number
    WHERE p.state = 'sending' AND p.due_at > now()
      AND o.state IN ('sending', 'offered', 'written')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_pushes_at_the_same_time_never_have_an_order_both() {
    let (world, service) = world().await;
    let doubt = Duration::from_mins(1);
    let pusher = Pusher::start_with(&world.site.app, &service, doubt, Hooks::default());
    let mut base = world.base_of("2.09");
    for round in 1..=6 {
        for nth in 0..8 {
            world.save(order(&format!("A-{nth}"), round)).await;
        }
        base.sign_in("sale").await.unwrap();
        base.init("sale").await.unwrap();
        base.query().await.unwrap();
        let both: i64 = sqlx::query_scalar(IN_TWO_HANDS)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        assert_eq!(both, 0, "round {round}");
        base.success().await.unwrap();
    }
    for nth in 0..8 {
        until("there", async || has(&world, &format!("A-{nth}")).await).await;
    }
    assert!(service.troubles().is_empty(), "{:?}", service.troubles());
    pusher.end().await;
}

#[tokio::test]
async fn a_look_at_the_service_tells_how_it_stands_and_brings_nothing() {
    let service = Service::start("bridge", PASSWORD, "2.09").await.unwrap();
    let look = async |url: &str, password: &str| {
        let password = password.to_owned().into();
        let client = Client::new(&url.parse().unwrap(), "bridge", password, &connections());
        client.look().await
    };
    assert_eq!(look(service.url(), PASSWORD).await, Standing::Works);
    let login = look(service.url(), "another").await;
    assert!(matches!(login, Standing::Login(_)), "{login:?}");
    let elsewhere = service.url().replace("/ut/", "/none/");
    let nowhere = look(&elsewhere, PASSWORD).await;
    assert!(matches!(nowhere, Standing::Nowhere(_)), "{nowhere:?}");
    let closed = format!("http://127.0.0.1:{}/", free_port());
    let down = look(&closed, PASSWORD).await;
    assert!(matches!(down, Standing::Down(_)), "{down:?}");
    let tls = service.url().replace("http:", "https:");
    let tls = look(&tls, PASSWORD).await;
    assert!(matches!(tls, Standing::Down(_)), "{tls:?}");
    assert_eq!((service.requests(), service.orders()), (0, 0));
}
