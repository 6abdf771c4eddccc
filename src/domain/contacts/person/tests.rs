use super::*;
use crate::domain::Phone;
use proptest::prelude::*;

fn names(text: &str) -> [Option<String>; 3] {
    let mut parts = text.split('|').map(|part| {
        let part = part.trim();
        (!part.is_empty()).then(|| part.to_owned())
    });
    [(); 3].map(|()| parts.next().flatten())
}

fn person(id: &str, name: &str, values: &[&str]) -> Person {
    let of = |mail: bool| {
        let values = values.iter().filter(|value| value.contains('@') == mail);
        values.map(ToString::to_string).collect()
    };
    Person {
        id: (!id.is_empty()).then(|| id.to_owned()),
        names: names(name),
        phones: of(false),
        emails: of(true),
    }
}

fn lines(table: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        (next(), next(), next())
    })
}

#[test]
fn names_say_of_each_other_what_the_table_tells() {
    let mut wrong = Vec::new();
    for (says, one, other) in lines(include_str!("names.tsv")) {
        let expected = match says {
            "same" => Agreement::Same,
            "alike" => Agreement::Alike,
            "unknown" => Agreement::Unknown,
            "contradict" => Agreement::Contradict,
            odd => panic!("{odd}"),
        };
        let (one, other) = (names(one), names(other));
        for found in [names::compare(&one, &other), names::compare(&other, &one)] {
            if found != expected {
                wrong.push(format!(
                    "{one:?} and {other:?}: {found:?}, not {expected:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_identify_somebody_or_nobody_as_the_table_tells() {
    let usual = Placeholders::default();
    let mut wrong = Vec::new();
    for (kind, value, verdict) in lines(include_str!("placeholders.tsv")) {
        let nobody = match kind {
            "email" => usual.is_address(value),
            "phone" => Phone::parse(value, "7").is_none_or(|phone| usual.is_phone(&phone)),
            "id" => usual.is_id(value),
            "name" => names_nobody(value),
            odd => panic!("{odd}"),
        };
        if nobody != (verdict == "nobody") {
            wrong.push(format!("{kind} {value:?} is {verdict}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_shop_adds_values_of_its_own() {
    let mut own = Placeholders::default();
    for text in [
        "Info@Shop.example",
        "*@market.example",
        "8 495 000-00-01",
        "id:5",
        "Курьер",
    ] {
        own.add(text, "7").unwrap();
    }
    assert!(own.is_address("info@shop.example") && own.is_address("x@market.example"));
    assert!(own.is_phone(&Phone::parse("+74950000001", "7").unwrap()));
    assert!(own.is_id("5") && !own.is_id("6") && own.is_word("курьер"));
    for wrong in ["", " ", "id:", "*@", "a*@b.ru"] {
        assert!(own.add(wrong, "7").is_err(), "{wrong}");
    }
}

#[test]
fn who_is_remembered_is_who_is_told_now_or_not() {
    for (remembered, now, one) in [
        // A mended phone, a married name, a second address.
        (
            person("5", "Анна|Петрова", &["+1"]),
            person("5", "Анна|Петрова", &["+2"]),
            true,
        ),
        (
            person("", "Анна|Петрова", &["+1"]),
            person("", "Анна|Петрова", &["+2"]),
            true,
        ),
        (
            person("", "Анна|Петрова", &["+1"]),
            person("", "Анна|Ким", &["+1"]),
            true,
        ),
        (
            person("", "Анна|Петрова", &["+1"]),
            person("5", "Анна|Петрова", &["+1"]),
            true,
        ),
        // Somebody else.
        (
            person("5", "Анна|Петрова", &["+1"]),
            person("6", "Анна|Петрова", &["+1"]),
            false,
        ),
        (
            person("5", "Анна|Петрова", &["+1", "o@x"]),
            person("5", "Борис|Ким", &["+2", "o@x"]),
            false,
        ),
        (
            person("", "Анна|Петрова", &["+1"]),
            person("", "Борис|Ким", &["+1"]),
            false,
        ),
        (
            person("", "Анна", &["+1"]),
            person("", "Анна", &["+2"]),
            false,
        ),
        (person("", "", &["+1"]), person("", "", &["+2"]), false),
    ] {
        assert_eq!(remembered.is(&now), one, "{remembered:?} {now:?}");
    }
}

#[test]
fn a_firm_is_told_by_its_number_and_branch_or_else_its_name() {
    let firm = |inn: &str, kpp: &str, title: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        LegalEntity {
            inn: some(inn),
            kpp: some(kpp),
            title: some(title),
        }
    };
    assert!(firm("1", "", "ООО А").is(&firm("1", "7", "А")));
    assert!(firm("", "", "ООО «А»").is(&firm("1", "", "ооо а")));
    assert!(!firm("1", "7", "А").is(&firm("1", "8", "А")));
    assert!(!firm("1", "", "А").is(&firm("2", "", "А")));
    assert!(!firm("", "", "А").is(&firm("", "", "Б")));
}

proptest! {
    #[test]
    fn names_are_compared_alike_both_ways_and_never_contradict_themselves(
        one in "\\PC{0,12}( \\PC{0,12})?", other in "[А-Яа-яёA-Za-z.' -]{0,20}",
    ) {
        let (a, b) = (names(&one), names(&other));
        prop_assert_ne!(names::compare(&a, &a), Agreement::Contradict);
        let contradict = |x, y| names::compare(x, y) == Agreement::Contradict;
        prop_assert_eq!(contradict(&a, &b), contradict(&b, &a));
    }
}
