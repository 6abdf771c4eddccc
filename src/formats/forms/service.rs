//! The service that posted a form, its name for the submission, and which fields are the visitor's.

use super::body::Posted;
use crate::domain::FormService;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A submission as it is stored: what the visitor wrote, free of what a service adds for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The service whose shape the body has.
    pub service: FormService,
    /// The service's own id of it; `None` where the service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The fields, in the order of the body.
    pub fields: Vec<Field>,
    /// A cart that came along, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cart: Vec<String>,
    /// The names of files that came along and were not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Whether it had more fields than are read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub too_many: bool,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The field's name, as the form has it.
    pub name: String,
    /// What the visitor sees beside it; empty where the service does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What kind of input it is, where the service says so: `tel`, `email`, `acceptance`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub input: String,
    /// What the visitor wrote.
    pub value: String,
}

impl Field {
    fn new(name: &str, label: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            input: String::new(),
            value: value.trim().to_owned(),
        }
    }

    /// What people are to read in front of the value.
    pub(super) fn shown(&self) -> &str {
        if self.label.is_empty() {
            &self.name
        } else {
            &self.label
        }
    }
}

/// Whether a body is what a service sends to see that somebody answers: nothing is to be stored.
pub fn is_ping(posted: &Posted) -> bool {
    match posted.pairs.as_slice() {
        [] => posted.files.is_empty(),
        [(name, value)] => name == "test" && value == "test",
        _ => false,
    }
}

/// The submission in a body.
pub fn submission(service: FormService, posted: Posted) -> Submission {
    let service = match service {
        FormService::Auto => told_by(&posted),
        said => said,
    };
    let mut read = match service {
        FormService::Tilda => tilda(&posted),
        FormService::Elementor => elementor(&posted),
        FormService::Cf7 => plain(&posted, &|name| name.starts_with("_wpcf7")),
        FormService::Gravity => gravity(&posted),
        FormService::Html | FormService::Auto => plain(&posted, &|name| name == "_charset_"),
    };
    read.service = service;
    read.too_many = posted.too_many;
    read.files = posted.files;
    read.fields.retain(|field| !field.value.is_empty());
    read
}

fn told_by(posted: &Posted) -> FormService {
    let any = |test: &dyn Fn(&str) -> bool| posted.pairs.iter().any(|(name, _)| test(name));
    let numbered = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
    if any(&|name| matches!(name, "tranid" | "formid")) {
        FormService::Tilda
    } else if any(&|name| name.starts_with("_wpcf7")) {
        FormService::Cf7
    } else if any(&|name| name.starts_with("form[") || name == "form_name") {
        FormService::Elementor
    } else if any(&|name| name == "form_id") && any(&numbered) {
        FormService::Gravity
    } else {
        FormService::Html
    }
}

/// The fields as they are, without those of the service itself.
fn plain(posted: &Posted, own: &dyn Fn(&str) -> bool) -> Submission {
    let visitors = posted.pairs.iter().filter(|(name, _)| !own(name));
    Submission {
        fields: visitors
            .map(|(name, value)| Field::new(name, "", value))
            .collect(),
        ..Submission::default()
    }
}

/// `tranid` is the submission's id; a cart stands in `payment`, as members or as a text of JSON.
fn tilda(posted: &Posted) -> Submission {
    let own = |name: &str| {
        matches!(
            name,
            "tranid" | "formid" | "formname" | "COOKIES" | "payment"
        ) || name.starts_with("payment[")
    };
    let mut read = plain(posted, &own);
    read.fields.extend(tilda_marks(posted));
    Submission {
        id: posted.get("tranid").map(str::to_owned),
        cart: cart(posted),
        ..read
    }
}

/// The campaign marks that Tilda keeps in its cookie `TILDAUTM`, `name=value` and `|||` between
/// them, percent-encoded; those that the form has as fields of its own are left out.
fn tilda_marks(posted: &Posted) -> Vec<Field> {
    let mut cookies = posted.get("COOKIES").unwrap_or_default().split(';');
    let marks = cookies.find_map(|cookie| cookie.trim().strip_prefix("TILDAUTM="));
    let marks = percent_decode_str(marks.unwrap_or_default()).decode_utf8_lossy();
    let pairs = marks.split("|||").filter_map(|mark| mark.split_once('='));
    let own = pairs.filter(|(name, _)| name.starts_with("utm_") && posted.get(name).is_none());
    own.map(|(name, value)| Field::new(name, "", value))
        .collect()
}

fn cart(posted: &Posted) -> Vec<String> {
    let mut members: Vec<(String, String)> = posted
        .pairs
        .iter()
        .filter_map(|(name, value)| {
            let path = name.strip_prefix("payment[")?.trim_end_matches(']');
            Some((path.replace("][", "."), value.clone()))
        })
        .collect();
    if let Some(Ok(value)) = posted.get("payment").map(serde_json::from_str::<Value>) {
        walk(String::new(), &value, &mut members);
    }
    let mut lines = Vec::new();
    for at in 0..100 {
        let get = |what: &str| {
            let path = format!("products.{at}.{what}");
            let found = members.iter().find(|(name, _)| *name == path);
            found.map(|(_, value)| value.as_str())
        };
        // Older carts say all of a product in one line: `Kettle - 2x1500 = 3000`.
        let whole = members
            .iter()
            .find(|(name, _)| *name == format!("products.{at}"));
        match (get("name"), whole) {
            (Some(name), _) => lines.push(format!(
                "{name}: {} × {}",
                get("quantity").unwrap_or("1"),
                get("price").unwrap_or("?")
            )),
            (None, Some((_, whole))) => lines.push(whole.clone()),
            (None, None) => break,
        }
    }
    for (name, shown) in [
        ("amount", "Сумма"),
        ("delivery", "Доставка"),
        ("delivery_price", "Стоимость доставки"),
        ("delivery_address", "Адрес доставки"),
        ("promocode", "Промокод"),
        ("orderid", "Заказ"),
    ] {
        if let Some((_, value)) = members.iter().find(|(path, _)| path == name) {
            lines.push(format!("{shown}: {value}"));
        }
    }
    lines
}

fn walk(path: String, value: &Value, members: &mut Vec<(String, String)>) {
    let below = |key: String| {
        if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                walk(below(key.clone()), value, members);
            }
        }
        Value::Array(inner) => {
            for (at, value) in inner.iter().enumerate() {
                walk(below(at.to_string()), value, members);
            }
        }
        Value::String(text) => members.push((path, text.clone())),
        Value::Null => {}
        other => members.push((path, other.to_string())),
    }
}

/// Either labels in place of names, or `fields[NAME][title|type|value]`.
fn elementor(posted: &Posted) -> Submission {
    let mut named: Vec<Field> = Vec::new();
    for (name, value) in &posted.pairs {
        let Some((key, what)) = name
            .strip_prefix("fields[")
            .and_then(|rest| rest.strip_suffix(']'))
            .and_then(|rest| rest.split_once("]["))
        else {
            continue;
        };
        let at = named.iter().position(|known| known.name == key);
        let at = at.unwrap_or_else(|| {
            named.push(Field::new(key, "", ""));
            named.len() - 1
        });
        if let Some(field) = named.get_mut(at) {
            match what {
                "title" => field.label.clone_from(value),
                "type" => field.input.clone_from(value),
                "value" => value.trim().clone_into(&mut field.value),
                // Several boxes were ticked.
                several if several.starts_with("value][") => {
                    if !field.value.is_empty() {
                        field.value.push_str(", ");
                    }
                    field.value.push_str(value.trim());
                }
                _ => {}
            }
        }
    }
    if named.is_empty() {
        let own = |name: &str| {
            matches!(
                name,
                "form_id" | "form_name" | "Powered by" | "User Agent" | "No Label"
            )
        };
        return plain(posted, &own);
    }
    let page = posted
        .get("meta[page_url][value]")
        .or_else(|| posted.get("meta[page_url]"));
    let mut fields = named;
    fields.extend(page.map(|page| Field::new("page_url", "", page)));
    // What the site's own code adds.
    let own = |name: &str| {
        ["fields[", "form[", "meta["]
            .iter()
            .any(|own| name.starts_with(own))
    };
    let others = posted.pairs.iter().filter(|(name, _)| !own(name));
    fields.extend(others.map(|(name, value)| Field::new(name, "", value)));
    Submission {
        fields,
        ..Submission::default()
    }
}

/// The entry's `id` is unique on its site. Fields are numbers; `N.3` and `N.6` are the parts of a
/// name.
fn gravity(posted: &Posted) -> Submission {
    let form = posted.get("form_id").unwrap_or_default();
    let id = posted.get("id").map(|entry| format!("{form}-{entry}"));
    let kept =
        |name: &str| name.starts_with(|c: char| c.is_ascii_digit()) || matches!(name, "source_url");
    let known = [
        "id",
        "form_id",
        "post_id",
        "date_created",
        "date_updated",
        "is_starred",
        "is_read",
        "ip",
        "user_agent",
        "currency",
        "payment_status",
        "payment_date",
        "payment_amount",
        "payment_method",
        "transaction_id",
        "is_fulfilled",
        "created_by",
        "transaction_type",
        "status",
        "source_id",
    ];
    let named = |name: &str| !known.contains(&name);
    let mut read = plain(posted, &|name| !kept(name) && !named(name));
    read.id = id;
    for field in &mut read.fields {
        let part = field.name.rsplit_once('.').map(|(_, part)| part.to_owned());
        let number = field.name.starts_with(|c: char| c.is_ascii_digit());
        match part.as_deref() {
            Some("3") if number => "name".clone_into(&mut field.label),
            Some("6") if number => "last name".clone_into(&mut field.label),
            _ => {}
        }
    }
    read
}
