//! Files that cannot be taken in.

use super::{END, IN_STOCK, package, zipped};
use crate::onec::world::World;

/// Whether lines hold no English sentence; names and codes are in Latin letters.
pub(in crate::onec) fn is_russian(lines: &[String]) -> bool {
    let english = ["the", "is", "are", "not", "of", "no", "an", "it"];
    let lines = lines.join(" ");
    let mut words = lines.split(|c: char| !c.is_alphanumeric());
    words.all(|word| !english.contains(&word))
}

#[tokio::test]
async fn of_a_file_that_is_cut_or_lies_nothing_is_taken_in() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let good = package("2026-11-20T10:00:00", 2_000, 7, END);
    let cut = package("2026-11-20T10:00:00", 2_000, 7, "<Предложение><Ид>x");
    let mut damaged = zipped(&[("offers.xml", &good)]);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xFF;
    let zip = zipped(&[("offers.xml", &good)]);
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \
                \"bb\">]><КоммерческаяИнформация>&b;</КоммерческаяИнформация>";
    let old = "<?xml version=\"1.0\"?><КоммерческаяИнформация \
               ВерсияСхемы=\"1.05\"></КоммерческаяИнформация>";
    let koi = "<?xml version=\"1.0\" encoding=\"koi8-r\"?><КоммерческаяИнформация/>";
    // The last byte is half a letter.
    let torn = package("2026-11-20T10:00:00", 10, 7, "<Предложение><Ид>ж");
    let torn = &torn[..torn.len() - 1];
    let wrong: [(&str, &[u8], &str, &str); 9] = [
        ("cut.xml", &cut, "cut.xml", "файл обрезан"),
        ("torn.xml", torn, "torn.xml", "файл обрезан"),
        ("damaged.zip", &damaged, "offers.xml", ""),
        (
            "half.zip",
            &zip[..zip.len() / 2],
            "offers.xml",
            "архив принят не целиком",
        ),
        ("bomb.xml", bomb.as_bytes(), "bomb.xml", "DOCTYPE"),
        ("old.xml", old.as_bytes(), "old.xml", "переключите 1С"),
        ("koi.xml", koi.as_bytes(), "koi.xml", "кодировка koi8-r"),
        ("none.xml", b"not XML at all", "none.xml", "не XML"),
        (
            "page.xml",
            b"<html><body>Fatal error</body></html>",
            "page.xml",
            "корневой элемент — html",
        ),
    ];
    for (name, bytes, import, words) in wrong {
        let again = world.catalogue().await;
        again.send("catalog", name, bytes).await.unwrap();
        let (_, said) = again.import("catalog", import).await.unwrap();
        assert_eq!(said[0], "failure", "{name}");
        assert!(said[1].starts_with("ONEC-FILE"), "{name}: {said:?}");
        assert!(said.len() > 3, "{name}: {said:?}");
        assert!(said[2].contains(words), "{name}: {said:?}");
        assert!(is_russian(&said), "{name}: {said:?}");
    }
    assert_eq!(world.count(IN_STOCK).await, 0);
    for name in ["../../etc/passwd", "a\\..\\..\\b.xml", ""] {
        let said = base.send_piece("catalog", name, b"x").await.unwrap();
        assert_eq!(said[0], "failure", "{name}");
    }
    let out = zipped(&[("../offers.xml", &good)]);
    base.send("catalog", "out.zip", &out).await.unwrap();
    let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(said[0], "failure");
}
