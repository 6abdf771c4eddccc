//! Prints: what is known is told by its bytes, and only then.

use super::*;
use std::{collections::HashMap, io::BufReader};

#[derive(Default)]
struct Seen(HashMap<Print, Place>);

impl Known for Seen {
    fn context(&self) -> &'static str {
        "trade"
    }

    fn find(&mut self, print: Print, _: &str) -> Option<Place> {
        self.0.get(&print).copied()
    }
}

/// Reads a file, so many bytes at once; which items were known, and what the others are. All that
/// may be known again is seen.
fn read(file: &[u8], at_once: usize, seen: &mut Seen) -> (Vec<i64>, Vec<Result<Item, Fault>>) {
    let reader = BufReader::with_capacity(at_once, file);
    let mut items = Items::new(reader, Bounds::default()).unwrap();
    let (mut known, mut read) = (Vec::new(), Vec::new());
    while let Some(found) = items.next_or_known(seen) {
        match found {
            Ok(Found::Known(place)) => known.push(place.number),
            Ok(Found::Item(item)) => {
                let number = i64::try_from(seen.0.len()).unwrap();
                if let Some(print) = items.print() {
                    let channel = 2;
                    seen.0.insert(print, Place { channel, number });
                }
                read.push(Ok(item));
            }
            Err(fault) => read.push(Err(fault)),
        }
    }
    (known, read)
}

fn package(offers: &str) -> Vec<u8> {
    format!(
        "<КоммерческаяИнформация ВерсияСхемы=\"2.08\"><ПакетПредложений><Предложения>{offers}\
         </Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )
    .into_bytes()
}

#[test]
fn each_offer_and_each_product_is_known_the_second_time_however_the_bytes_come() {
    let one = |nth: u32| {
        format!(
            "\n<Предложение Статус=\"\"><Ид>p{nth}</Ид><Наименование>Чай &amp; кофе {nth}\
             </Наименование><Количество>{nth}</Количество></Предложение >"
        )
    };
    let many: String = (0..50).map(one).collect();
    let file = package(&many);
    let whole = items(&file);
    for at_once in [3, 4, 7, 64, 100_000] {
        let mut seen = Seen::default();
        let (known, first) = read(&file, at_once, &mut seen);
        assert_eq!((known.len(), &first), (0, &whole), "{at_once}");
        let (known, second) = read(&file, at_once, &mut seen);
        assert_eq!(known, (0..50).collect::<Vec<_>>(), "{at_once}");
        assert_eq!(second.len(), 1, "the package's head is read");
        let other = package(&many.replace(">7<", ">8<"));
        let (known, rest) = read(&other, at_once, &mut seen);
        assert_eq!((known.len(), rest.len()), (49, 2), "{at_once}");
    }
    for sample in [
        &sample!("offers-2.07.xml")[..],
        &sample!("import-3.1.xml")[..],
        &sample!("rests-warehouses-3.1.xml")[..],
    ] {
        let mut seen = Seen::default();
        assert_eq!(read(sample, 4_096, &mut seen).1, items(sample));
        let goods =
            |item: &Result<Item, Fault>| matches!(item, Ok(Item::Offer(_) | Item::Product(_)));
        let (known, rest) = read(sample, 4_096, &mut seen);
        assert!(!known.is_empty() && !rest.iter().any(goods));
    }
}

#[test]
fn an_end_tag_that_is_not_the_item_s_ends_no_known_item() {
    let end = "</Предложение>";
    for inner in [
        format!("<!-- {end} -->"),
        format!("<![CDATA[{end}]]>"),
        format!("<Предложение><Ид>x</Ид>{end}"),
        "<ПредложениеДня>5</ПредложениеДня>".to_owned(),
    ] {
        let offer = |rest: &str| {
            package(&format!(
                "<Предложение><Ид>p</Ид>{inner}<Количество>{rest}</Количество>{end}"
            ))
        };
        let mut seen = Seen::default();
        for quantity in ["1", "2"] {
            let file = offer(quantity);
            let (known, read) = read(&file, 64, &mut seen);
            assert_eq!((known.len(), read), (0, items(&file)), "{inner}");
        }
        assert!(seen.0.is_empty(), "{inner}");
    }
}

#[test]
fn a_known_item_before_a_cut_does_not_make_the_file_whole() {
    let offer = "<Предложение><Ид>p</Ид></Предложение>";
    let file = package(offer);
    let mut seen = Seen::default();
    read(&file, 64, &mut seen);
    assert_eq!(seen.0.len(), 1);
    let text = String::from_utf8(file).unwrap();
    let at = text.find("</Предложение>").unwrap();
    for cut in [at + 3, at + 20, at + 40] {
        let cut = text.floor_char_boundary(cut);
        let (_, read) = read(&text.as_bytes()[..cut], 64, &mut seen);
        let last = read.last().unwrap().as_ref().unwrap_err();
        assert!(!last.is_of_one_item(), "{last:?}");
    }
}
