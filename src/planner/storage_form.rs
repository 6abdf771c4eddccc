//! How what is known of an order is stored: one lies beside every order that ever was.
//!
//! What was last written has a short form: names of one letter for what every order has, rows
//! without what their place says, nothing that stands beside it already. It is used only where the
//! whole form comes back from it. Earlier versions stored the whole form, and it is read as ever.

use super::{
    CrmEntity, KnownLinks, LastWritten, Open, PictureLink, Place, ProductLinks, Recognised,
};
use crate::domain::{LegalEntity, Person};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Fields of a deal, and what they are called here.
const FIELDS: [(&str, &str); 6] = [
    ("c", "CURRENCY_ID"),
    ("o", "OPPORTUNITY"),
    ("m", "IS_MANUAL_OPPORTUNITY"),
    ("k", "COMMENTS"),
    ("p", "CONTACT_ID"),
    ("y", "COMPANY_ID"),
];

/// Fields of a product row.
const ROW: [(&str, &str); 9] = [
    (NAME, "PRODUCT_NAME"),
    ("p", "PRICE"),
    ("q", "QUANTITY"),
    ("t", "TAX_RATE"),
    ("i", "TAX_INCLUDED"),
    ("d", "DISCOUNT_SUM"),
    ("y", "DISCOUNT_TYPE_ID"),
    ("m", "MEASURE_CODE"),
    ("u", "MEASURE_NAME"),
];

/// By this a short row is told from a whole one.
const NAME: &str = "n";
/// A row that says no more than this is a list of these values.
const PLAIN: [&str; 3] = ["PRODUCT_NAME", "PRICE", "QUANTITY"];
/// What stands in the row besides: a number that its place tells, and 0 for a row of free text.
const SORT: &str = "SORT";
const LINK: &str = "PRODUCT_ID";

/// [`KnownLinks`] as a column holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredLinks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<CrmEntity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    company_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<Person>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firm: Option<LegalEntity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recognised: Option<Recognised>,
    /// The contact was recognised by the name of `person`, which is not told twice.
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    named_alike: bool,
    /// The whole form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<LastWritten>,
    /// The short form.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    short: Option<ShortWritten>,
    #[serde(default, skip_serializing_if = "Open::is_nothing")]
    open: Open,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<Box<ProductLinks>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<PictureLink>,
}

/// [`LastWritten`] in few bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ShortWritten {
    #[serde(rename = "f", default, skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    #[serde(rename = "g", default, skip_serializing_if = "Map::is_empty")]
    shown: Map<String, Value>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Value>,
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    links_left: bool,
    /// None: those of the person, phones first.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    contacts: Option<Vec<String>>,
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    told: String,
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    status: String,
}

impl From<KnownLinks> for StoredLinks {
    fn from(known: KnownLinks) -> Self {
        let short = known.written.as_ref().and_then(|written| {
            let short = ShortWritten::of(written, known.person.as_ref());
            // What has no short form keeps its whole one: nothing may come back otherwise.
            let comes_back = short.clone().whole(known.person.as_ref()) == *written;
            comes_back.then_some(short)
        });
        let names = known.person.as_ref().map(|person| person.names.clone());
        let mut recognised = known.recognised;
        let contact = recognised.as_mut().and_then(|all| all.contact.as_mut());
        let alike = contact.filter(|contact| {
            Some(&contact.names) == names.as_ref() && contact.names.iter().any(Option::is_some)
        });
        let named_alike = alike.is_some();
        if let Some(contact) = alike {
            contact.names = [None, None, None];
        }
        Self {
            target: known.target,
            contact_id: known.contact_id,
            company_id: known.company_id,
            person: known.person,
            firm: known.firm,
            recognised,
            named_alike,
            written: known.written.filter(|_| short.is_none()),
            short,
            open: known.open,
            card: known.card,
            product: known.product,
            picture: known.picture,
        }
    }
}

impl From<StoredLinks> for KnownLinks {
    fn from(stored: StoredLinks) -> Self {
        let person = stored.person;
        let mut recognised = stored.recognised;
        let contact = recognised.as_mut().and_then(|all| all.contact.as_mut());
        if let (true, Some(contact), Some(person)) = (stored.named_alike, contact, &person) {
            contact.names.clone_from(&person.names);
        }
        let short = stored.short.map(|short| short.whole(person.as_ref()));
        Self {
            target: stored.target,
            contact_id: stored.contact_id,
            company_id: stored.company_id,
            person,
            firm: stored.firm,
            recognised,
            written: short.or(stored.written),
            open: stored.open,
            card: stored.card,
            product: stored.product,
            picture: stored.picture,
        }
    }
}

impl ShortWritten {
    fn of(written: &LastWritten, person: Option<&Person>) -> Self {
        let rows = written.rows.iter().enumerate();
        Self {
            fields: renamed(&written.fields, short_name),
            shown: renamed(&written.shown, short_name),
            rows: rows.map(|(at, row)| short_row(at, row)).collect(),
            links_left: written.links_left,
            contacts: Some(written.contacts.clone()).filter(|all| *all != values_of(person)),
            told: written.told.clone(),
            status: written.status.clone(),
        }
    }

    fn whole(self, person: Option<&Person>) -> LastWritten {
        let rows = self.rows.into_iter().enumerate();
        LastWritten {
            fields: renamed(&self.fields, long_name),
            shown: renamed(&self.shown, long_name),
            rows: rows.map(|(at, row)| whole_row(at, row)).collect(),
            links_left: self.links_left,
            contacts: self.contacts.unwrap_or_else(|| values_of(person)),
            told: self.told,
            status: self.status,
        }
    }
}

/// What a person is told by in the portal, in the order in which that is remembered.
fn values_of(person: Option<&Person>) -> Vec<String> {
    let of = |person: &Person| [&*person.phones, &*person.emails].concat();
    person.map(of).unwrap_or_default()
}

type Names = [(&'static str, &'static str)];

fn short_in(names: &Names, long: &str) -> Option<&'static str> {
    let mut names = names.iter();
    names.find_map(|(short, of)| (*of == long).then_some(*short))
}

fn long_in(names: &Names, short: &str) -> Option<&'static str> {
    let mut names = names.iter();
    names.find_map(|(of, long)| (*of == short).then_some(*long))
}

fn short_name(long: &str) -> &str {
    short_in(&FIELDS, long).unwrap_or(long)
}

fn long_name(short: &str) -> &str {
    long_in(&FIELDS, short).unwrap_or(short)
}

fn renamed(fields: &Map<String, Value>, to: fn(&str) -> &str) -> Map<String, Value> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (to(name).to_owned(), value.clone()))
        .collect()
}

/// What the place of a row says.
fn sort_at(at: usize) -> Value {
    json!((at + 1) * 10)
}

/// A row in few bytes; itself where it is not as the planner makes them.
fn short_row(at: usize, row: &Value) -> Value {
    let Value::Object(whole) = row else {
        return row.clone();
    };
    if whole.get(SORT) != Some(&sort_at(at)) || whole.get(LINK).is_none() {
        return row.clone();
    }
    let mut short = whole.clone();
    short.remove(SORT);
    if short.get(LINK) == Some(&json!(0)) {
        short.remove(LINK);
    }
    let plain: Option<Vec<Value>> = PLAIN.iter().map(|name| short.get(*name).cloned()).collect();
    match plain {
        Some(plain) if short.len() == PLAIN.len() => Value::Array(plain),
        Some(_) => Value::Object(renamed(&short, |name| short_in(&ROW, name).unwrap_or(name))),
        None => row.clone(),
    }
}

fn whole_row(at: usize, row: Value) -> Value {
    let mut whole: Map<String, Value> = match row {
        Value::Array(plain) => {
            let names = PLAIN.iter().map(|name| (*name).to_owned());
            names.zip(plain).collect()
        }
        Value::Object(short) if short.contains_key(NAME) => {
            renamed(&short, |name| long_in(&ROW, name).unwrap_or(name))
        }
        other => return other,
    };
    whole.insert(SORT.to_owned(), sort_at(at));
    whole.entry(LINK).or_insert_with(|| json!(0));
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{Evidence, Recognition};
    use proptest::prelude::*;

    fn known() -> KnownLinks {
        let rows = json!([
            {"PRODUCT_ID": 0, "PRODUCT_NAME": "Чай", "PRICE": "33.50", "QUANTITY": "3", "SORT": 10},
            {"PRODUCT_ID": 7, "PRODUCT_NAME": "Чайник", "PRICE": "100.00", "QUANTITY": "1",
             "SORT": 20, "TAX_RATE": "20", "TAX_INCLUDED": "Y", "MEASURE_CODE": 796,
             "MEASURE_NAME": "шт"}
        ]);
        let fields = json!({
            "CURRENCY_ID": "RUB", "OPPORTUNITY": "200.50", "IS_MANUAL_OPPORTUNITY": "N",
            "COMMENTS": "", "UF_CRM_PROMO": "SPRING"
        });
        let names = [Some("Анна".to_owned()), Some("Иванова".to_owned()), None];
        let person = Person {
            id: Some("k1".to_owned()),
            names: names.clone(),
            phones: vec!["+79160000001".to_owned()],
            emails: vec!["anna@example.com".to_owned()],
        };
        let contact = Recognition {
            id: 2001,
            evidence: vec![Evidence::Made],
            values: Vec::new(),
            names,
            passed: Vec::new(),
        };
        KnownLinks {
            target: Some(CrmEntity::Deal(1001)),
            contact_id: Some(2001),
            recognised: Some(Recognised {
                contact: Some(contact),
                ..Recognised::default()
            }),
            written: Some(LastWritten {
                fields: fields.as_object().cloned().unwrap_or_default(),
                rows: rows.as_array().cloned().unwrap_or_default(),
                contacts: values_of(Some(&person)),
                told: "0123456789abcdef01234567".to_owned(),
                status: "N".to_owned(),
                ..LastWritten::default()
            }),
            person: Some(person),
            ..KnownLinks::default()
        }
    }

    fn read(stored: Value) -> KnownLinks {
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn what_is_known_of_an_order_is_told_once_and_in_few_bytes() {
        let known = known();
        let stored = serde_json::to_value(&known).unwrap();
        assert_eq!(
            stored,
            json!({
                "target": {"deal": 1001}, "contact_id": 2001,
                "person": {
                    "id": "k1", "names": ["Анна", "Иванова", null], "phones": ["+79160000001"],
                    "emails": ["anna@example.com"]
                },
                "recognised": {"version": 1, "contact": {"id": 2001, "evidence": ["made"]}},
                "n": true,
                "w": {
                    "f": {"c": "RUB", "o": "200.50", "m": "N", "k": "", "UF_CRM_PROMO": "SPRING"},
                    "r": [
                        ["Чай", "33.50", "3"],
                        {"n": "Чайник", "p": "100.00", "q": "1", "t": "20", "i": "Y", "m": 796,
                         "u": "шт", "PRODUCT_ID": 7}
                    ],
                    "t": "0123456789abcdef01234567", "s": "N"
                }
            })
        );
        assert_eq!(read(stored), known);
    }

    #[test]
    fn what_an_earlier_version_stored_means_the_same() {
        let known = known();
        let old = json!({
            "target": {"deal": 1001}, "contact_id": 2001, "company_id": null,
            "person": known.person, "recognised": known.recognised, "written": known.written
        });
        assert_eq!(read(old), known);
        let nothing = json!({"target": null, "contact_id": null, "company_id": null,
                             "written": null});
        assert_eq!(read(nothing), KnownLinks::default());
        assert_eq!(read(json!({})), KnownLinks::default());
        serde_json::from_value::<KnownLinks>(json!({"target": 7})).unwrap_err();
        serde_json::from_value::<KnownLinks>(json!({"written": {"rows": []}})).unwrap_err();
    }

    #[test]
    fn a_contact_that_was_recognised_by_no_name_stays_nameless() {
        let mut known = known();
        let contact = known.recognised.as_mut().unwrap().contact.as_mut().unwrap();
        contact.names = [None, None, None];
        assert_eq!(read(serde_json::to_value(&known).unwrap()), known);
        known.person.as_mut().unwrap().names = [None, None, None];
        assert_eq!(read(serde_json::to_value(&known).unwrap()), known);
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            (0_u64..30).prop_map(|number| json!(number)),
            "[a-zN0-9.]{0,3}".prop_map(Value::from),
        ]
    }

    fn objects() -> impl Strategy<Value = Map<String, Value>> {
        let names = FIELDS
            .iter()
            .chain(&ROW)
            .flat_map(|(one, other)| [*one, *other]);
        let names: Vec<&str> = names.chain([SORT, LINK, "UF_X", ""]).collect();
        let names = prop::sample::select(names).prop_map(str::to_owned);
        prop::collection::btree_map(names, values(), 0..8).prop_map(|all| all.into_iter().collect())
    }

    fn rows() -> impl Strategy<Value = Value> {
        let plain = (objects(), 1_usize..4).prop_map(|(mut row, nth)| {
            row.insert(SORT.to_owned(), json!(nth * 10));
            row.entry(LINK).or_insert_with(|| json!(0));
            Value::Object(row)
        });
        prop_oneof![
            plain,
            objects().prop_map(Value::Object),
            values(),
            prop::collection::vec(values(), 0..4).prop_map(Value::Array),
        ]
    }

    proptest! {
        #[test]
        fn whatever_was_written_comes_back_as_it_was(
            fields in objects(), shown in objects(), rows in prop::collection::vec(rows(), 0..4),
            links_left in any::<bool>(), own_contacts in any::<bool>(),
        ) {
            let mut known = known();
            let contacts = if own_contacts { values_of(known.person.as_ref()) } else { Vec::new() };
            known.written = Some(LastWritten {
                fields, shown, rows, links_left, contacts, ..LastWritten::default()
            });
            let stored = serde_json::to_value(&known).unwrap();
            prop_assert_eq!(read(stored), known);
        }
    }
}
