//! Pictures of products: from where the shop has them to the cards of its products.

use super::{Shelf, kettle, saved};
use crate::support::shop::main_shop;
use axum::{
    Router,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use b24_bridge::{
    app::Accepted,
    domain::PortalName,
    sandbox::{self, Fault, Faults},
    worker::{self, CrashHook, CrashPoint, Hooks},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The files of a shop, served on the loopback interface, and how often one was asked for.
pub(super) struct Files {
    pub(super) port: u16,
    asked: Arc<AtomicUsize>,
    work: JoinHandle<()>,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Files {
    pub(super) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move |uri: Uri| {
            count.fetch_add(1, SeqCst);
            async move { file(uri.path(), port) }
        };
        let app = Router::new().fallback(answer);
        let work = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, asked, work }
    }

    pub(super) fn at(&self, path: &str) -> Value {
        json!({ "url": format!("http://127.0.0.1:{}/{path}", self.port) })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

fn file(path: &str, port: u16) -> Response {
    match path {
        "/page" => "<html><title>Sign in</title></html>".into_response(),
        "/large" => [PNG, &vec![7; 6 * 1024 * 1024]].concat().into_response(),
        "/none" => StatusCode::NOT_FOUND.into_response(),
        "/away" => {
            let to = format!("http://localhost:{port}/a");
            (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
        }
        "/moved" => (StatusCode::FOUND, [(header::LOCATION, "/b")]).into_response(),
        path => [PNG, path.as_bytes()].concat().into_response(),
    }
}

pub(super) fn pictured(id: &str, pictures: &[Value]) -> Value {
    let mut product = kettle(id);
    product["pictures"] = json!(pictures);
    product
}

impl Shelf {
    /// What is in the files on all cards, by the order of their ids.
    pub(super) fn shown(&self) -> Vec<String> {
        let all = self.portal.pictures();
        let text = |(_, file): &(Value, Vec<u8>)| String::from_utf8_lossy(&file[8..]).into_owned();
        all.iter().map(text).collect()
    }

    pub(super) fn ran(&self, method: &str) -> u64 {
        let methods = self.portal.stats().methods;
        methods.get(method).copied().unwrap_or_default()
    }

    pub(super) async fn id_of(&self, code: &str) -> Value {
        self.until("made", async |shelf| !shelf.with_code(code).is_empty())
            .await;
        self.with_code(code)[0]["id"].clone()
    }
}

#[tokio::test]
async fn a_products_pictures_are_on_its_card_once_however_often_it_is_told() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    let pictures = [
        files.at("a"),
        files.at("moved"),
        files.at("b"),
        files.at("a?again"),
    ];
    shelf.send(&[saved("1", pictured("17", &pictures))]).await;
    shelf.quiet().await;
    assert_eq!(
        shelf.shown(),
        ["/a", "/b"],
        "what is the same file is one picture"
    );
    let own = shelf.id_of("main:17").await;
    for (row, _) in shelf.portal.pictures() {
        assert_eq!(
            (&row["productId"], &row["type"]),
            (&own, &json!("MORE_PHOTO"))
        );
        let name = std::path::Path::new(row["name"].as_str().unwrap());
        assert_eq!(name.extension(), Some("png".as_ref()), "{row}");
    }
    let (asked, calls) = (files.asked(), shelf.calls());
    shelf.send(&[saved("2", pictured("17", &pictures))]).await;
    shelf.send(&[saved("3", kettle("17"))]).await;
    shelf.quiet().await;
    assert_eq!(
        (files.asked(), shelf.calls()),
        (asked, calls),
        "nothing is asked for again"
    );
    // Another picture comes beside them.
    let more = [&pictures[..], &[files.at("c")]].concat();
    shelf.send(&[saved("4", pictured("17", &more))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/a", "/b", "/c"]);
    assert_eq!(shelf.ran("catalog.productimage.add"), 3);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_picture() {
    for fault in [Fault::LostAnswer, Fault::Late, Fault::GatewayTimeout] {
        let late = Faults {
            late_ms: 200,
            ..Faults::default()
        };
        let shelf = Shelf::idle(sandbox::Options::default().faults(late)).await;
        let files = Files::serve().await;
        let method = Some("catalog.productimage.add");
        shelf.portal.fail_next(fault, 1, method);
        let pictures = [files.at("a"), files.at("b")];
        shelf.send(&[saved("1", pictured("17", &pictures))]).await;
        shelf.work();
        shelf.quiet().await;
        let mut shown = shelf.shown();
        shown.sort();
        assert_eq!(shown, ["/a", "/b"], "{fault:?}");
        assert!(shelf.letters().await.is_empty(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_around_a_picture_brings_it_once() {
    for point in [
        CrashPoint::Intended,
        CrashPoint::Called,
        CrashPoint::BeforeSettle,
    ] {
        let shelf = Shelf::idle(sandbox::Options::default()).await;
        let files = Files::serve().await;
        // Once the file was fetched, what is written is the picture.
        let there = Arc::new(Notify::new());
        let (reached, asked) = (Arc::clone(&there), Arc::clone(&files.asked));
        let hook = CrashHook(Arc::new(move |at| {
            let here = at == point && asked.load(SeqCst) > 0;
            let reached = Arc::clone(&reached);
            Box::pin(async move {
                if here {
                    reached.notify_one();
                    std::future::pending::<()>().await;
                }
            })
        }));
        let settings = || worker::Settings {
            lease: Duration::from_secs(2),
            poll: Duration::from_millis(50),
            doubt: Duration::from_millis(500),
            ..worker::Settings::default()
        };
        let work = |hooks| {
            let portal = PortalName::parse("main").unwrap();
            let lanes = worker::Lanes::of(BTreeMap::from([(portal, shelf.client())]));
            let stop = CancellationToken::new();
            let run = worker::run_watched(shelf.app.clone(), lanes, settings(), hooks, stop);
            tokio::spawn(run)
        };
        let first = work(Hooks { at: Some(hook) });
        let event = saved("1", pictured("17", &[files.at("a")]));
        shelf.send(&[event]).await;
        there.notified().await;
        first.abort();
        let next = work(Hooks::default());
        shelf.quiet().await;
        assert_eq!(shelf.shown(), ["/a"], "{point:?}");
        next.abort();
    }
}

#[tokio::test]
async fn what_the_shop_names_no_more_goes_and_a_managers_picture_stays() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    let both = [files.at("a"), files.at("b")];
    shelf.send(&[saved("1", pictured("17", &both))]).await;
    shelf.quiet().await;
    let own = shelf.id_of("main:17").await;
    // PNG's first bytes, and "/m".
    let fields = json!({"fields": {"productId": own},
                        "fileContent": ["manager.png", "iVBORw0KGgovbQ=="]});
    shelf.ask("catalog.productImage.add", fields).await;
    assert_eq!(shelf.shown(), ["/a", "/b", "/m"]);
    shelf.send(&[saved("2", pictured("17", &both[1..]))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/b", "/m"]);
    // Who says nothing of pictures says nothing against them.
    shelf.send(&[saved("3", kettle("17"))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/b", "/m"]);
    shelf.send(&[saved("4", pictured("17", &[]))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m"]);
    // And what is named again comes again.
    shelf.send(&[saved("5", pictured("17", &both[..1]))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m", "/a"]);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn a_bad_picture_has_a_letter_of_its_own_and_harms_neither_its_product_nor_its_neighbour() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    let private = |host: &str| json!({ "url": format!("http://{host}/a.png?key=secret") });
    let loopback = format!("localhost:{}", files.port);
    let pictures = [
        files.at("page"),
        files.at("large"),
        files.at("away"),
        private(&loopback),
        private("10.0.0.1"),
        private("[::1]"),
        json!({"url": "ftp://shop.test/a.png"}),
        files.at("none"),
        files.at("a"),
    ];
    shelf.send(&[saved("1", pictured("17", &pictures))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/a"]);
    let mut letters = shelf.letters().await;
    letters.sort();
    let codes: Vec<&str> = letters.iter().map(|(code, _)| &**code).collect();
    assert_eq!(codes[0], "CAT-PICTURE-UNREACHABLE");
    assert_eq!(codes[1..], ["CAT-PICTURE-UNUSABLE"; 7]);
    for (_, words) in &letters {
        assert!(
            words.contains("product:17") && !words.contains("secret"),
            "{words}"
        );
    }
    let done = "SELECT count(*) FROM bridge.subjects WHERE key = 'product:17'
                AND done_at IS NOT NULL";
    assert_eq!(shelf.count(done).await, 1);
    let row = &shelf
        .app
        .catalogue
        .list(&main_shop(), "", false)
        .await
        .unwrap()[0];
    assert!(row.done && row.pictures_refused == 8, "{row:?}");
    // The shop says what is right: the letters close by themselves.
    shelf
        .send(&[saved("2", pictured("17", &pictures[8..]))])
        .await;
    shelf.quiet().await;
    assert!(shelf.letters().await.is_empty());
    assert_eq!(shelf.shown(), ["/a"]);
}

#[tokio::test]
async fn a_picture_waits_for_its_product() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    let good = pictured("17", &[files.at("a")]);
    let mut bad = good.clone();
    bad["prices"][0]["type"] = json!("No such kind of price");
    shelf.send(&[saved("1", bad)]).await;
    shelf
        .until("refused", async |shelf| shelf.letters().await.len() == 1)
        .await;
    assert_eq!((files.asked(), shelf.shown().len()), (0, 0));
    // Nor does it get the sections that it alone would stand in.
    assert_eq!(shelf.ran("catalog.section.add"), 0);
    shelf.send(&[saved("2", good)]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/a"]);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn files_in_events_are_on_the_card_once_and_are_not_kept_in_the_products_state() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    // PNG's first bytes, and "/m"; "/a" by its address; no base64; no picture.
    let file = json!({"name": "m.png", "content": "iVBORw0KGgovbQ=="});
    let pictures = [
        file.clone(),
        files.at("a"),
        json!({"name": "broken.png", "content": "no base64!"}),
        json!({"name": "page.png", "content": "PGh0bWw+"}),
    ];
    let event = saved("1", pictured("17", &pictures));
    shelf.send(std::slice::from_ref(&event)).await;
    assert_eq!(shelf.send(&[event]).await, [Accepted::Duplicate]);
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m", "/a"]);
    let letters = shelf.letters().await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    let words: String = letters.iter().map(|(_, words)| &**words).collect();
    assert!(
        words.contains("broken.png") && words.contains("page.png"),
        "{words}"
    );
    let kept = "SELECT count(*) FROM bridge.subjects WHERE body::text LIKE '%iVBORw0KGgov%'";
    assert_eq!(shelf.count(kept).await, 0);
    // Sent again with its file, in a newer state.
    shelf
        .send(&[saved("2", pictured("17", &pictures[..2]))])
        .await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m", "/a"]);
    assert_eq!(shelf.ran("catalog.productimage.add"), 2);
    assert!(shelf.letters().await.is_empty());
    // What no picture needs any more goes.
    let stored = "SELECT count(*) FROM bridge.picture_files";
    assert_eq!(shelf.count(stored).await, 1);
    let old = "UPDATE bridge.picture_files SET came_at = now() - interval '2 hours'";
    sqlx::query(old).execute(&shelf.db.pool).await.unwrap();
    let retention = worker::Settings::default().retention;
    shelf.app.operations.prune(&retention).await.unwrap();
    assert_eq!(shelf.count(stored).await, 0);
}

#[tokio::test]
async fn a_variations_picture_is_on_its_own_card_and_goes_from_there() {
    let (shelf, files) = (
        Shelf::new(sandbox::Options::default()).await,
        Files::serve().await,
    );
    let mut shirt = pictured("20", &[files.at("a")]);
    shirt["variations"] = json!([
        {"id": "21", "name": "Красный", "pictures": [files.at("a"), files.at("b")]},
        {"id": "22", "name": "Синий"}]);
    shelf.send(&[saved("1", shirt.clone())]).await;
    shelf.quiet().await;
    let (own, red) = (
        shelf.id_of("main:20").await.to_string(),
        shelf.id_of("main:20#21").await.to_string(),
    );
    let on_cards = |expected: &[(&String, &str)]| {
        let all = shelf.portal.pictures();
        let text = |file: &[u8]| String::from_utf8_lossy(&file[8..]).into_owned();
        let all = all
            .iter()
            .map(|(row, file)| (row["productId"].to_string(), text(file)));
        let expected = expected
            .iter()
            .map(|(card, file)| ((*card).clone(), (*file).to_owned()));
        assert_eq!(
            all.collect::<BTreeSet<_>>(),
            expected.collect::<BTreeSet<_>>()
        );
    };
    on_cards(&[(&own, "/a"), (&red, "/a"), (&red, "/b")]);
    shirt["variations"][0]["pictures"] = json!([files.at("b")]);
    shelf.send(&[saved("2", shirt.clone())]).await;
    shelf.quiet().await;
    on_cards(&[(&own, "/a"), (&red, "/b")]);
    // With the variation its pictures go; who says nothing of pictures keeps the others.
    shirt["variations"].as_array_mut().unwrap().remove(0);
    shelf.send(&[saved("3", shirt.clone())]).await;
    shelf.quiet().await;
    on_cards(&[(&own, "/a")]);
    shirt.as_object_mut().unwrap().remove("pictures");
    shelf.send(&[saved("4", shirt)]).await;
    shelf.quiet().await;
    on_cards(&[(&own, "/a")]);
    assert!(shelf.letters().await.is_empty());
}
