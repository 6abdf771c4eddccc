//! The mapping of an order to the fields of a deal or a lead.

use super::{
    entities::product_rows::{Rows, cut, rows},
    json::is_empty,
};
use crate::domain::{LeadRule, Person, Readable, ShopRules, Snapshot, Utm, happening::Note, money};
use serde_json::{Map, Value, json};

/// Everything an order should look like in the portal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DesiredFields {
    /// Set when the deal is made and never again: managers own these.
    pub(super) once: Map<String, Value>,
    /// Kept in step with the shop.
    pub(super) kept: Map<String, Value>,
    /// The product rows: items, delivery and discounts.
    pub(super) rows: Rows,
    /// What the rows do not explain of the total, if anything.
    pub(super) difference: Option<Note>,
    /// What was shortened or moved so that the portal takes it.
    pub(super) notes: Vec<Note>,
}

/// Campaign marks by their fields.
type Mark = (&'static str, fn(&Utm) -> &Option<String>);
const UTM: &[Mark] = &[
    ("UTM_SOURCE", |utm| &utm.source),
    ("UTM_MEDIUM", |utm| &utm.medium),
    ("UTM_CAMPAIGN", |utm| &utm.campaign),
    ("UTM_CONTENT", |utm| &utm.content),
    ("UTM_TERM", |utm| &utm.term),
];

/// The texts of a value as people are to read them.
fn as_text(value: Value, rules: &ShopRules) -> Value {
    match value {
        Value::String(text) => json!(rules.texts.read(&text)),
        Value::Array(values) => values
            .into_iter()
            .map(|value| as_text(value, rules))
            .filter(|value| !is_empty(value))
            .collect(),
        other => other,
    }
}

/// Fields and rows of an order, without its stage and its customer.
pub(super) fn desired(snapshot: &Snapshot, rules: &ShopRules) -> DesiredFields {
    let mut rows = rows(snapshot, rules);
    let mut notes = std::mem::take(&mut rows.notes);
    notes.extend(names_too_long(snapshot, rules));
    let total = money::round(snapshot.total);
    let agrees = rows.sum == total && !rows.rows.is_empty();
    let difference = (rows.sum != total && !rows.rows.is_empty()).then(|| Note::RowsDiffer {
        rows: money::text(rows.sum),
        total: money::text(total),
    });
    let mut kept = Map::new();
    // A submission of a form has no sum: what managers put there is theirs.
    if !is_enquiry(snapshot) {
        kept.insert("CURRENCY_ID".to_owned(), json!(snapshot.currency));
        kept.insert("OPPORTUNITY".to_owned(), json!(money::text(total)));
        kept.insert(
            "IS_MANUAL_OPPORTUNITY".to_owned(),
            json!(if agrees { "N" } else { "Y" }),
        );
    }
    kept.insert("COMMENTS".to_owned(), json!(comments(snapshot)));
    for (field, value) in UTM {
        if let Some(value) = value(&snapshot.utm) {
            kept.insert((*field).to_owned(), json!(value));
        }
    }
    for (path, field) in &rules.fields {
        let value = at_path(snapshot, path).map(|value| as_text(value, rules));
        // The portal knows no empty list: what holds nothing is not written, and emptied if it was.
        if let Some(value) = value.filter(|value| !is_empty(value)) {
            kept.insert(field.clone(), value);
        }
    }
    DesiredFields {
        once: once(snapshot, rules),
        kept,
        rows,
        difference,
        notes,
    }
}

/// Whether it is the submission of a form: no order is without a currency.
pub(super) fn is_enquiry(snapshot: &Snapshot) -> bool {
    snapshot.currency.is_empty()
}

/// The longest name of a person that the portal keeps, in characters.
const PERSON: usize = 50;

/// What a contact's card cannot hold whole.
fn names_too_long(snapshot: &Snapshot, rules: &ShopRules) -> Option<Note> {
    let customer = snapshot.customer.as_ref()?;
    let (person, _) = Person::of(customer, &rules.placeholders);
    let mut names = person.names.iter().flatten();
    let too_long = names.any(|name| name.chars().count() > PERSON);
    too_long.then_some(Note::NameShortened { characters: PERSON })
}

fn once(snapshot: &Snapshot, rules: &ShopRules) -> Map<String, Value> {
    let mut once = Map::new();
    once.insert("TITLE".to_owned(), json!(title(snapshot, rules)));
    once.insert("ORIGINATOR_ID".to_owned(), json!(rules.shop.as_str()));
    once.insert("ORIGIN_ID".to_owned(), json!(snapshot.number.as_str()));
    if let Some(responsible) = rules.responsible_id {
        once.insert("ASSIGNED_BY_ID".to_owned(), json!(responsible));
    }
    if let Some(source) = &rules.source_id {
        once.insert("SOURCE_ID".to_owned(), json!(source));
    }
    let origin = &snapshot.origin;
    let mut place = vec![origin.channel.as_str().to_owned()];
    place.extend(
        origin
            .store_id
            .as_ref()
            .map(|store| format!("store {store}")),
    );
    place.extend(
        origin
            .receipt
            .as_ref()
            .map(|receipt| format!("receipt {receipt}")),
    );
    once.insert("SOURCE_DESCRIPTION".to_owned(), json!(place.join(", ")));
    once
}

/// The title by the shop's template.
fn title(snapshot: &Snapshot, rules: &ShopRules) -> String {
    let customer = snapshot.customer.as_ref();
    let name = customer
        .map(|customer| {
            let company = customer
                .company
                .as_ref()
                .and_then(|company| company.title.clone());
            company.unwrap_or_else(|| {
                [&customer.last_name, &customer.name]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        })
        .unwrap_or_default();
    let title = rules
        .title
        .replace("{number}", snapshot.number.as_str())
        .replace("{id}", snapshot.id.as_deref().unwrap_or_default())
        .replace("{customer}", &name)
        .replace("{total}", &money::text(snapshot.total))
        .replace("{currency}", &snapshot.currency)
        .replace("{channel}", snapshot.origin.channel.as_str())
        .replace("{shop}", rules.shop.as_str());
    cut(title.trim(), 255)
}

/// The customer's words, what was written in fields that cannot hold it, and how the order is
/// delivered and paid. The portal reads BB code in this field and the customer's text is hostile:
/// square brackets become round ones, and angle brackets are taken out of use.
fn comments(snapshot: &Snapshot) -> String {
    let mut parts = Vec::new();
    if let Some(comment) = &snapshot.comment {
        parts.push(comment.clone());
    }
    // A field cannot put words into another's mouth: it stays on its line.
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    parts.extend(snapshot.readable.iter().map(|one| match one {
        Readable::Phone(text) => format!("Телефон: {}", line(text)),
        Readable::Email(text) => format!("E-mail: {}", line(text)),
    }));
    parts.extend(snapshot.notes.iter().map(|note| line(note)));
    if let Some(delivery) = &snapshot.delivery {
        let told: Vec<String> = [&delivery.method, &delivery.address]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        if !told.is_empty() {
            parts.push(format!("Доставка: {}", told.join(", ")));
        }
        if !delivery.recipient.is_empty() {
            parts.push(format!("Получатель: {}", delivery.recipient.join(", ")));
        }
    }
    if let Some(method) = snapshot
        .payment
        .as_ref()
        .and_then(|payment| payment.method.as_ref())
    {
        parts.push(format!("Оплата: {method}"));
    }
    if let Some(reason) = snapshot
        .cancel_reason
        .as_ref()
        .filter(|_| snapshot.cancelled)
    {
        parts.push(format!("Отмена: {reason}"));
    }
    readable(&parts.join("\n"))
}

/// Words as a comment holds them: none of their marks is taken for markup, and as much of them as
/// the portal keeps.
pub(super) fn readable(words: &str) -> String {
    let plain = words.chars().map(|c| match c {
        '[' => '(',
        ']' => ')',
        '<' => '‹',
        '>' => '›',
        other => other,
    });
    within(&plain.collect::<String>())
}

/// What the portal keeps of a comment, in bytes.
const COMMENT_BYTES: usize = 60_000;

/// As much of a comment as the portal keeps.
pub(super) fn within(text: &str) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = end
        .take_while(|end| *end <= COMMENT_BYTES)
        .last()
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

/// What was written before and the shop has emptied since: it is emptied in the portal, too.
pub(super) fn emptied(
    desired: &Map<String, Value>,
    written: &Map<String, Value>,
    rules: &ShopRules,
) -> Vec<String> {
    let mapped = rules.fields.values().map(String::as_str);
    let owned = mapped.chain(UTM.iter().map(|(field, _)| *field));
    owned
        .filter(|field| !desired.contains_key(*field))
        .filter(|field| written.get(*field).is_some_and(|value| !is_empty(value)))
        .map(str::to_owned)
        .collect()
}

/// The value at a dotted path of the snapshot as the shop sent it; scalars, and lists of scalars.
fn at_path(snapshot: &Snapshot, path: &str) -> Option<Value> {
    let mut members = &snapshot.data;
    let mut steps = path.split('.').peekable();
    while let Some(step) = steps.next() {
        let value = members.get(step)?;
        if steps.peek().is_none() {
            return plain(value);
        }
        members = value.as_object()?;
    }
    None
}

fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(flag) => Some(json!(if *flag { "1" } else { "0" })),
        Value::String(_) => Some(value.clone()),
        Value::Number(number) => Some(json!(number.to_string())),
        Value::Array(elements) => elements
            .iter()
            .map(plain)
            .collect::<Option<Vec<_>>>()
            .map(Value::Array),
        Value::Null => None,
        Value::Object(_) => Some(json!(value.to_string())),
    }
}

/// The rule by which the order becomes a lead, if one matches.
pub(super) fn lead_rule<'a>(snapshot: &Snapshot, rules: &'a ShopRules) -> Option<&'a LeadRule> {
    rules.leads.iter().find(|rule| {
        let channel = rule
            .channel
            .as_ref()
            .is_none_or(|channel| channel == snapshot.origin.channel.as_str());
        let property = rule.property.as_ref().is_none_or(|(code, wanted)| {
            snapshot
                .properties
                .get(code)
                .and_then(plain)
                .is_some_and(|value| value == json!(wanted))
        });
        channel && property
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::happening::Tell,
        planner::tests::{rules, snapshot},
    };

    #[test]
    fn a_total_that_the_lines_do_not_explain_is_set_by_hand_and_told() {
        let order = snapshot(
            &json!({"total": "100.01", "items": [{"name": "A", "quantity": 1, "price": 100}]}),
        );
        let desired = desired(&order, &rules());
        assert_eq!(desired.kept["IS_MANUAL_OPPORTUNITY"], "Y");
        assert_eq!(desired.kept["OPPORTUNITY"], "100.01");
        assert!(desired.difference.unwrap().sentence().contains("100.00"));
    }

    #[test]
    fn a_hostile_comment_holds_no_code() {
        let order = snapshot(&json!({"comment": "[url=javascript:x]click[/url] <script>"}));
        let text = desired(&order, &rules()).kept["COMMENTS"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(!text.contains(['[', ']', '<', '>']), "{text}");
    }

    #[test]
    fn properties_go_to_the_user_fields_they_are_mapped_to() {
        let mut rules = rules();
        rules
            .fields
            .insert("properties.promo".to_owned(), "UF_CRM_PROMO".to_owned());
        rules
            .fields
            .insert("payment.method".to_owned(), "UF_CRM_PAY".to_owned());
        rules
            .fields
            .insert("loyalty.card".to_owned(), "UF_CRM_CARD".to_owned());
        let order = snapshot(&json!({
            "properties": {
                "promo": "SPRING"
            } , "payment": {
                "method": "Карта"
            } , "loyalty": {
                "card": 12
            }
        }));
        let kept = desired(&order, &rules).kept;
        assert_eq!(
            (
                &kept["UF_CRM_PROMO"],
                &kept["UF_CRM_PAY"],
                &kept["UF_CRM_CARD"]
            ),
            (&json!("SPRING"), &json!("Карта"), &json!("12"))
        );
    }

    #[test]
    fn a_title_follows_its_template() {
        let mut rules = rules();
        rules.title = "{shop} №{number} {customer} {total} {currency}".to_owned();
        let order =
            snapshot(&json!({"total": 5, "customer": {"name": "Анна", "last_name": "Петрова"}}));
        assert_eq!(
            desired(&order, &rules).once["TITLE"],
            "main №1 Петрова Анна 5.00 RUB"
        );
    }
}
