//! How people write names: what stands in the card, and whether two ways can be one person's.

use super::{lines, read};
use b24_bridge::domain::{Agreement, Customer, CustomerKind, Person, Placeholders};

/// The person that a shop tells with these names: first, last and second.
fn person(cell: &str) -> Person {
    let mut parts = cell.split('|').map(read);
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let customer = Customer {
        id: None,
        kind: CustomerKind::Person,
        name: next(),
        last_name: next(),
        second_name: next(),
        phones: Vec::new(),
        emails: Vec::new(),
        company: None,
    };
    Person::of(&customer, &Placeholders::default()).0
}

#[test]
fn a_name_stands_in_the_card_and_is_told_from_others_however_it_is_written() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines(include_str!("names.tsv")) {
        count += 1;
        let one = person(line[0]);
        let card = one.names.clone().map(Option::unwrap_or_default).join("|");
        let card = card.trim_end_matches('|');
        if card != read(line[1]) {
            wrong.push(format!("{line:?}: the card has {card:?}"));
        }
        for cell in line.iter().skip(2).filter(|cell| !cell.is_empty()) {
            count += 1;
            let (mark, other) = cell.split_at(1);
            let other = person(other);
            for agreement in [one.agreement(&other), other.agreement(&one)] {
                let fits = match mark {
                    "=" => agreement != Agreement::Contradict,
                    "!" => agreement == Agreement::Contradict,
                    "?" => agreement == Agreement::Unknown,
                    odd => panic!("{odd}"),
                };
                if !fits {
                    wrong.push(format!("{:?} and {cell:?}: {agreement:?}", line[0]));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 600, "{count}");
}

#[test]
fn what_was_read_reads_as_itself() {
    for line in lines(include_str!("names.tsv")) {
        let once = person(line[0]);
        let cell = once.names.clone().map(Option::unwrap_or_default).join("|");
        assert_eq!(person(&cell).names, once.names, "{line:?}");
    }
}
