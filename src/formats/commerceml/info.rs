//! The answer to 1C when it is set up: statuses, ways to pay, ways to deliver.

use super::write::escaped;
use encoding_rs::WINDOWS_1251;
use std::fmt::Write as _;

/// Something with an id and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `Ид`: the id by which files of the exchange name it.
    pub id: String,
    /// `Название`: the name that people in 1C choose it by.
    pub name: String,
}

/// The list of statuses begins with a Latin C, as 1C expects it.
const STATUSES: &str = "C\u{442}\u{430}\u{442}\u{443}\u{441}\u{44b}";

/// `Справочник`, always in windows-1251.
pub fn info(statuses: &[Listed], pay_systems: &[Listed], deliveries: &[Listed]) -> Vec<u8> {
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"windows-1251\"?>\n<Справочник>\n");
    for (name, list) in [
        (STATUSES, statuses),
        ("ПлатежныеСистемы", pay_systems),
        ("СлужбыДоставки", deliveries),
    ] {
        let _ = writeln!(text, "<{name}>");
        for one in list {
            let (id, title) = (escaped(&one.id), escaped(&one.name));
            let _ = writeln!(
                text,
                "<Элемент><Ид>{id}</Ид><Название>{title}</Название></Элемент>"
            );
        }
        let _ = writeln!(text, "</{name}>");
    }
    text.push_str("</Справочник>\n");
    WINDOWS_1251.encode(&text).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_statuses_begins_with_a_latin_letter() {
        let one = Listed {
            id: "N".to_owned(),
            name: "Принят & оплачен".to_owned(),
        };
        let bytes = info(&[one], &[], &[]);
        let (text, _) = WINDOWS_1251.decode_without_bom_handling(&bytes);
        assert!(text.contains("<Cтатусы>"), "{text}");
        assert!(text.contains("<Ид>N</Ид><Название>Принят &amp; оплачен</Название>"));
        assert!(bytes.contains(&b'C'));
    }
}
