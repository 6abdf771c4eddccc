//! Pictures that 1C sends as files, on the cards of its products.

use super::{
    goods::{DUE, Trade, WAITS, catalogue, offer, offers, product},
    zipped,
};
use b24_bridge::app::LetterFilter;

const OWNED: &str = r#"
[shops.main.catalogue]
owner = "onec"
onec_price_types = { "Розничная" = "" }
pictures = true
"#;
const BEGINS: &[u8] = b"\x89PNG\r\n\x1a\n";
const ENDS: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

fn png(shows: &str) -> Vec<u8> {
    [BEGINS, shows.as_bytes(), ENDS].concat()
}

/// A product that names these files.
fn pictured(id: &str, files: &[&str]) -> String {
    let named = files
        .iter()
        .map(|name| format!("<Картинка>import_files/{name}</Картинка>"));
    let named: String = named.collect();
    product(id, "Чайник").replace("</Товар>", &format!("{named}</Товар>"))
}

impl Trade {
    async fn put(&self, name: &str, bytes: &[u8]) {
        let name = format!("import_files/{name}");
        let sent = self.base.send("catalog", &name, bytes).await;
        assert_eq!(sent.unwrap(), ["success"]);
    }

    /// What the pictures on all cards show, in the order in which they were put there.
    fn shown(&self) -> Vec<String> {
        let all = self.portal.pictures().into_iter();
        let text = |file: Vec<u8>| {
            let file = &file[BEGINS.len()..file.len() - ENDS.len()];
            String::from_utf8_lossy(file).into_owned()
        };
        all.map(|(_, file)| text(file)).collect()
    }

    /// Until all that 1C said is in the portal, and the cards show this.
    async fn until_shown(&self, pictures: &[&str]) {
        self.until(&format!("shown: {pictures:?}"), async |trade| {
            trade.shown() == pictures
                && trade.count(DUE).await == 0
                && trade.count(WAITS).await == 0
        })
        .await;
    }

    async fn letters(&self) -> Vec<(String, String)> {
        let letters = &self.world.site.app.dead_letters;
        let page = letters.dead_letters(&LetterFilter::default()).await;
        let items = page.unwrap().items.into_iter();
        let mut codes: Vec<_> = items.map(|one| (one.code, one.message)).collect();
        codes.sort();
        codes
    }

    fn added(&self) -> u64 {
        let methods = self.portal.stats().methods;
        let added = methods.get("catalog.productimage.add").copied();
        added.unwrap_or_default()
    }
}

#[tokio::test]
async fn pictures_of_1c_stand_on_the_card_in_order_and_go_when_a_full_file_names_them_no_more() {
    let trade = Trade::with("", OWNED).await;
    trade.work();
    // Folders and case as they come.
    trade.put("ab\\one.png", &png("one")).await;
    trade.put("ab/TWO.png", &png("two")).await;
    let own = pictured("kettle", &["ab/one.png", "ab/two.png"]);
    trade.send("import1.xml", &catalogue(&own)).await;
    let price = offers(&offer("kettle", "990"));
    trade.send("offers1.xml", &price).await;
    trade.until_shown(&["one", "two"]).await;
    let card = trade.with_code("main:kettle")[0]["id"].clone();
    for (row, _) in trade.portal.pictures() {
        assert_eq!(row["productId"], card);
    }
    // The same again, and changes that name none.
    trade.put("ab/one.png", &png("one")).await;
    trade.send("import2.xml", &catalogue(&own)).await;
    let plain = product("kettle", "Чайник медный");
    trade.send("import3.xml", &catalogue(&plain)).await;
    trade
        .until("renamed", async |trade| {
            trade.with_code("main:kettle")[0]["name"] == "Чайник медный"
        })
        .await;
    trade.until_shown(&["one", "two"]).await;
    assert_eq!(trade.added(), 2);
    // Another picture under a name that is known, and one of both gone.
    trade.put("ab/two.png", &png("other")).await;
    let own = pictured("kettle", &["ab/two.png"]);
    trade.send("import4.xml", &catalogue(&own)).await;
    trade.until_shown(&["other"]).await;
    let full = catalogue(&plain).replace("Изменения=\"true\"", "Изменения=\"false\"");
    trade.send("import5.xml", &full).await;
    trade.until_shown(&[]).await;
    assert!(trade.letters().await.is_empty());
}

#[tokio::test]
async fn a_file_that_comes_after_its_product_is_put_on_the_card_and_one_that_does_not_is_told() {
    let trade = Trade::with("", OWNED).await;
    trade.work();
    let own = pictured("kettle", &["late.png", "never.png"]);
    trade.send("import1.xml", &catalogue(&own)).await;
    let price = offers(&offer("kettle", "990"));
    trade.send("offers1.xml", &price).await;
    trade
        .until("made", async |trade| {
            trade.with_code("main:kettle").len() == 1
        })
        .await;
    assert!(trade.letters().await.is_empty(), "it is waited for a while");
    // Nothing is taken in after it.
    trade.put("late.png", &png("late")).await;
    trade
        .until("shown", async |trade| trade.shown() == ["late"])
        .await;
    let waited = "UPDATE bridge.subjects SET due_at = now() WHERE body ? 'awaited'
                  AND due_at IS NOT NULL";
    let pool = &trade.world.db.pool;
    sqlx::query(waited).execute(pool).await.unwrap();
    trade
        .until("told", async |trade| trade.letters().await.len() == 1)
        .await;
    let (code, words) = trade.letters().await.remove(0);
    assert_eq!(code, "CAT-PICTURE-NOT-SENT");
    assert!(words.contains("import_files/never.png"), "{words}");
    trade.put("never.png", &png("at last")).await;
    trade.until_shown(&["late", "at last"]).await;
    assert!(trade.letters().await.is_empty());
}

#[tokio::test]
async fn a_zip_brings_its_pictures_and_what_cannot_be_taken_is_told() {
    let trade = Trade::with("", OWNED).await;
    trade.work();
    let whole = png("whole");
    let large = [BEGINS, &vec![7; 6 * 1024 * 1024], ENDS].concat();
    let named = ["a.png", "same.png", "page.png", "cut.png", "large.png"];
    let own = pictured("kettle", &named);
    let xml = |text: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация \
             ВерсияСхемы=\"2.08\" ДатаФормирования=\"2026-11-20T10:00:00\">{text}\
             </КоммерческаяИнформация>"
        )
    };
    let (goods, prices) = (xml(&catalogue(&own)), xml(&offers(&offer("kettle", "990"))));
    // More than are looked at in one step.
    let more = |nth: usize| {
        let name = format!("webdata/import_files/more/{nth}.png");
        (name, png(&nth.to_string()))
    };
    let more: Vec<_> = (0..250).map(more).collect();
    let mut files = vec![
        ("webdata/import0_1.xml", goods.as_bytes()),
        ("webdata/import_files/a.png", &whole[..]),
        ("webdata/import_files/same.png", &whole[..]),
        ("webdata/import_files/page.png", &b"<html>"[..]),
        ("webdata/import_files/cut.png", &whole[..whole.len() - 1]),
        ("webdata/import_files/large.png", &large[..]),
        ("webdata/offers0_1.xml", prices.as_bytes()),
    ];
    files.extend(more.iter().map(|(name, file)| (&**name, &**file)));
    let zip = zipped(&files);
    let sent = trade.base.send("catalog", "v8_1A76_155ae.zip", &zip).await;
    assert_eq!(sent.unwrap(), ["success"]);
    for name in ["import0_1.xml", "offers0_1.xml"] {
        let (_, said) = trade.base.import("catalog", name).await.unwrap();
        assert_eq!(said, ["success"], "{name}");
    }
    trade.until_shown(&["whole"]).await;
    trade
        .until("all looked at", async |trade| {
            let all = "SELECT count(*) FROM bridge.onec_pictures";
            trade.count(all).await == 255
        })
        .await;
    let letters = trade.letters().await;
    assert_eq!(letters.len(), 3, "{letters:?}");
    for (name, why) in [
        ("page", "no picture"),
        ("cut", "in part"),
        ("large", "5 MiB"),
    ] {
        let told = letters.iter().any(|(code, words)| {
            code == "CAT-PICTURE-UNUSABLE" && words.contains(name) && words.contains(why)
        });
        assert!(told, "{name}: {letters:?}");
    }
    // A worse file under the name of a good one takes nothing from the card, and is told.
    trade.put("a.png", b"<html>").await;
    trade
        .until("told", async |trade| trade.letters().await.len() == 4)
        .await;
    assert_eq!(trade.shown(), ["whole"]);
}

#[tokio::test]
async fn a_picture_with_a_russian_name_is_found_in_a_zip_of_windows() {
    let trade = Trade::with("", OWNED).await;
    trade.work();
    let (goods, prices) = (pictured("kettle", &["Чай.png"]), offer("kettle", "990"));
    let mut zip = zipped(&[("import_files/@@@.png", &png("tea"))]);
    // In cp866, as nothing in the zip says.
    for at in 0..zip.len() {
        if zip[at..].starts_with(b"@@@.png") {
            zip[at..at + 3].copy_from_slice(b"\x97\xa0\xa9");
        }
    }
    let sent = trade.base.send("catalog", "v8_1A76_155ae.zip", &zip).await;
    assert_eq!(sent.unwrap(), ["success"]);
    trade.send("import.xml", &catalogue(&goods)).await;
    trade.send("offers.xml", &offers(&prices)).await;
    trade.until_shown(&["tea"]).await;
    assert!(trade.letters().await.is_empty());
}

#[tokio::test]
async fn a_sending_that_broke_off_is_repeated_from_its_beginning_and_names_stay_in_their_folder() {
    let trade = Trade::with("file_limit = 1024", OWNED).await;
    let whole = png(&"x".repeat(3_000));
    // Two pieces and a bit of the third came before the connection broke.
    trade.put("a.png", &whole[..2_500]).await;
    trade.put("a.png", &whole).await;
    let out = trade.base.send("catalog", "../../etc/a.png", &whole).await;
    assert_eq!(out.unwrap()[0], "failure");
    trade.work();
    let own = pictured("kettle", &["a.png"]);
    trade.send("import1.xml", &catalogue(&own)).await;
    let price = offers(&offer("kettle", "990"));
    trade.send("offers1.xml", &price).await;
    trade.until_shown(&[&"x".repeat(3_000)]).await;
    assert!(trade.letters().await.is_empty());
}

#[tokio::test]
async fn files_with_pictures_are_kept_while_pictures_wait_and_pruned_as_all_others_then() {
    let keys = "keep_files_bytes = \"1KiB\"";
    let trade = Trade::with(keys, OWNED).await;
    trade.put("a.png", &png(&"a".repeat(2_000))).await;
    let own = pictured("kettle", &["a.png"]);
    trade.send("import1.xml", &catalogue(&own)).await;
    let price = offers(&offer("kettle", "990"));
    trade.send("offers1.xml", &price).await;
    let app = &trade.world.site.app;
    while app.onec.take_in_pictures().await.unwrap() {}
    while app.catalogue.take_up_goods().await.unwrap() {}
    let ended = "UPDATE bridge.onec_sessions SET expires_at = now() - interval '1 second'";
    let pool = &trade.world.db.pool;
    sqlx::query(ended).execute(pool).await.unwrap();
    // The picture is named when its product is taken up: its portal is not asked yet.
    let waits = "INSERT INTO bridge.subjects (shop, key, kind, portal, order_number, body, due_at,
                                              waits_since)
                 VALUES ('main', 'picture:1', 'picture', 'main', 'product:kettle', '{}', now(),
                         now())";
    sqlx::query(waits).execute(pool).await.unwrap();
    app.onec.prune_onec(100).await.unwrap();
    let kept = "SELECT count(*) FROM bridge.onec_files WHERE name LIKE '%.png'";
    assert_eq!(trade.count(kept).await, 1);
    let done = "DELETE FROM bridge.subjects WHERE key = 'picture:1'";
    sqlx::query(done).execute(pool).await.unwrap();
    app.onec.prune_onec(100).await.unwrap();
    assert_eq!(trade.count(kept).await, 0);
    // What stood under its name is known all the same: the card keeps its picture.
    let known = "SELECT count(*) FROM bridge.onec_pictures WHERE digest IS NOT NULL";
    assert_eq!(trade.count(known).await, 1);
}
