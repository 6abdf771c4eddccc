//! An enquiry: who the visitor is, how to reach them, and what for.

use super::service::{Field, Submission};
use crate::domain::{
    FormField, FormRules, FormService, Phone, Readable, Utm, form_field_name, read_emails,
};
use std::collections::BTreeMap;

/// A submission, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enquiry {
    /// First name, or the whole name.
    pub name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephones.
    pub phones: Vec<Phone>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// What stands in a field for a phone or an address and is none.
    pub readable: Vec<Readable>,
    /// What the visitor wrote.
    pub comment: Option<String>,
    /// Where the visitor works.
    pub company: Option<String>,
    /// The consent: its field and its value.
    pub consent: Option<(String, String)>,
    /// Campaign marks.
    pub utm: Utm,
    /// User fields of the portal.
    pub user: BTreeMap<String, String>,
    /// Everything else, as it is to be read.
    pub rest: Vec<String>,
}

impl Enquiry {
    /// Whether anybody can be reached.
    pub fn has_contact(&self) -> bool {
        !self.phones.is_empty() || !self.emails.is_empty()
    }
}

const NAMES: &[&str] = &[
    "name",
    "your name",
    "full name",
    "fullname",
    "first name",
    "firstname",
    "fio",
    "имя",
    "ваше имя",
    "фио",
    "как вас зовут",
    "имя и фамилия",
    "контактное лицо",
];
const LAST_NAMES: &[&str] = &[
    "last name",
    "lastname",
    "surname",
    "фамилия",
    "ваша фамилия",
];
const PHONES: &[&str] = &[
    "phone",
    "your phone",
    "phone number",
    "tel",
    "your tel",
    "telephone",
    "mobile",
    "телефон",
    "ваш телефон",
    "номер телефона",
    "ваш номер телефона",
    "контактный телефон",
    "мобильный",
    "мобильный телефон",
];
const EMAILS: &[&str] = &[
    "email",
    "e mail",
    "mail",
    "your email",
    "your e mail",
    "email address",
    "почта",
    "ваша почта",
    "электронная почта",
    "эл почта",
    "ваш email",
    "ваш e mail",
];
const COMMENTS: &[&str] = &[
    "comment",
    "comments",
    "message",
    "your message",
    "text",
    "textarea",
    "question",
    "комментарий",
    "сообщение",
    "ваше сообщение",
    "вопрос",
    "ваш вопрос",
    "текст",
];
const COMPANIES: &[&str] = &[
    "company",
    "your company",
    "organization",
    "компания",
    "организация",
];
const CONSENTS: &[&str] = &[
    "consent",
    "agree",
    "agreement",
    "checkbox",
    "согласие",
    "acceptance",
];

/// What a field means by its usual names.
fn usual(name: &str) -> Option<FormField> {
    let numbered = |stem: &str| {
        let rest = name.strip_prefix(stem).map(str::trim);
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
    };
    let among = |list: &[&str]| list.contains(&name);
    if among(NAMES) {
        Some(FormField::Name)
    } else if among(LAST_NAMES) {
        Some(FormField::LastName)
    } else if among(PHONES) || numbered("tel") || numbered("phone") {
        Some(FormField::Phone)
    } else if among(EMAILS) || numbered("email") {
        Some(FormField::Email)
    } else if among(COMMENTS) || numbered("textarea") {
        Some(FormField::Comment)
    } else if among(COMPANIES) {
        Some(FormField::Company)
    } else if among(CONSENTS)
        || ["соглас", "персональн", "privacy", "acceptance"]
            .iter()
            .any(|part| name.contains(part))
    {
        Some(FormField::Consent)
    } else {
        FormField::parse(&name.replace(' ', "_")).filter(|field| matches!(field, FormField::Utm(_)))
    }
}

/// What a field means: as the configuration says, else by its usual names, name before label.
fn meaning(rules: &FormRules, field: &Field) -> Option<FormField> {
    let names = [form_field_name(&field.name), form_field_name(&field.label)];
    let said = names
        .iter()
        .find_map(|name| rules.fields.get(name).cloned());
    said.or_else(|| names.iter().find_map(|name| usual(name)))
}

/// Whether a box was ticked.
fn given(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    !["", "0", "no", "off", "false", "нет"].contains(&value.as_str())
}

/// Reads a submission by its form's rules. `country` is the calling code of phones without one.
pub fn read(rules: &FormRules, country: &str, submission: &Submission) -> Enquiry {
    let mut enquiry = Enquiry::default();
    for field in &submission.fields {
        match meaning(rules, field) {
            Some(meaning) => take(&mut enquiry, meaning, field, country),
            None if submission.service == FormService::Gravity && numbered(field) => {
                guess(&mut enquiry, field, country);
            }
            None => enquiry.rest.push(line(field)),
        }
    }
    enquiry.rest.extend(submission.cart.iter().cloned());
    for file in &submission.files {
        enquiry.rest.push(format!("Файл не принят: {file}"));
    }
    enquiry
}

fn numbered(field: &Field) -> bool {
    field.name.starts_with(|c: char| c.is_ascii_digit())
}

fn line(field: &Field) -> String {
    format!("{}: {}", field.shown(), field.value)
}

/// A field without a name: an address and a phone are told from what was written.
fn guess(enquiry: &mut Enquiry, field: &Field, country: &str) {
    let emails = read_emails(&field.value);
    let phones = Phone::read(&field.value, country);
    if !emails.addresses.is_empty() && !emails.more {
        take(enquiry, FormField::Email, field, country);
    } else if field.value.len() < 40 && !phones.numbers.is_empty() {
        take(enquiry, FormField::Phone, field, country);
    } else {
        enquiry.rest.push(line(field));
    }
}

fn take(enquiry: &mut Enquiry, meaning: FormField, field: &Field, country: &str) {
    let value = field.value.clone();
    match meaning {
        FormField::Name => fill(&mut enquiry.name, &mut enquiry.rest, field),
        FormField::LastName => fill(&mut enquiry.last_name, &mut enquiry.rest, field),
        FormField::Company => fill(&mut enquiry.company, &mut enquiry.rest, field),
        FormField::Comment => match &mut enquiry.comment {
            Some(comment) => {
                comment.push('\n');
                comment.push_str(&value);
            }
            none => *none = Some(value),
        },
        FormField::Phone => {
            let found = Phone::read(&value, country).numbers;
            if found.is_empty() {
                enquiry.readable.push(Readable::Phone(value));
            }
            for number in found {
                if !enquiry.phones.contains(&number.phone) {
                    enquiry.phones.push(number.phone);
                }
            }
        }
        FormField::Email => {
            let found = read_emails(&value);
            if found.addresses.is_empty() {
                enquiry.readable.push(Readable::Email(value));
            }
            enquiry.emails.extend(found.addresses);
            enquiry.emails.dedup();
        }
        FormField::Consent if given(&value) => {
            enquiry.rest.push(line(field));
            enquiry.consent = Some((field.shown().to_owned(), value));
        }
        FormField::Consent => enquiry.rest.push(line(field)),
        FormField::Utm(mark) => {
            let place = match mark.as_str() {
                "source" => &mut enquiry.utm.source,
                "medium" => &mut enquiry.utm.medium,
                "campaign" => &mut enquiry.utm.campaign,
                "content" => &mut enquiry.utm.content,
                _ => &mut enquiry.utm.term,
            };
            *place = Some(value);
        }
        FormField::User(name) => {
            enquiry.user.insert(name, value);
        }
    }
}

/// The first of several counts; the others are read as they are.
fn fill(place: &mut Option<String>, rest: &mut Vec<String>, field: &Field) {
    match place {
        None => *place = Some(field.value.clone()),
        Some(_) => rest.push(line(field)),
    }
}
