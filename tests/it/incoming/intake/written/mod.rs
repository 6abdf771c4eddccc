//! What people write, as data: one line for each way, with what must be in the card. To add one,
//! add a line.

mod names;
mod orders;

use b24_bridge::domain::{Phone, Texts, read_emails};

/// The lines of a table without its comments, each cut at its tabs.
fn lines(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let told = table.lines().filter(|line| !line.starts_with("# "));
    told.map(|line| line.split('\t').collect())
}

/// A cell with its escapes read.
fn read(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, behind)) = rest.split_once('\\') {
        text.push_str(before);
        let (mark, after) = behind.split_at(behind.chars().next().map_or(0, char::len_utf8));
        rest = after;
        match mark {
            "n" => text.push('\n'),
            "t" => text.push('\t'),
            "r" => text.push('\r'),
            "u" => {
                let (code, after) = after[1..].split_once('}').unwrap();
                text.extend(char::from_u32(u32::from_str_radix(code, 16).unwrap()));
                rest = after;
            }
            other => text.push_str(other),
        }
    }
    text.push_str(rest);
    text
}

#[test]
fn a_number_that_a_person_could_dial_arrives_however_it_is_written() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines(include_str!("phones.tsv")) {
        count += 1;
        let found = Phone::read(&read(line[0]), line[1]).numbers;
        let numbers: Vec<_> = found.iter().map(|one| one.phone.as_str()).collect();
        let told = |one: &b24_bridge::domain::Number| one.extension.clone();
        let extensions: Vec<_> = found
            .iter()
            .map(|one| told(one).unwrap_or("-".to_owned()))
            .collect();
        let extensions = extensions.join(" ");
        let wanted = (line[2], line.get(3).copied().unwrap_or_default());
        let given = extensions.trim_end_matches([' ', '-']);
        if (numbers.join(" ").as_str(), given) != wanted {
            wrong.push(format!("{line:?}: {numbers:?} {extensions:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 300);
}

#[test]
fn an_address_that_the_portal_takes_arrives_however_it_is_written() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines(include_str!("emails.tsv")) {
        count += 1;
        let found = read_emails(&read(line[0])).addresses.join(" ");
        if found != line[1] {
            wrong.push(format!("{line:?}: {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 150);
}

#[test]
fn a_text_of_a_shop_that_keeps_html_is_a_text() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines(include_str!("texts.tsv")) {
        count += 1;
        let (written, wanted) = (read(line[0]), read(line[1]));
        let found = Texts::Html.read(&written);
        if found.trim() != wanted {
            wrong.push(format!("{line:?}: {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 90);
}
