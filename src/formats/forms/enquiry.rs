//! An enquiry: who the visitor is, how to reach them, and what for.

use super::service::{Field, Submission};
use crate::domain::{
    FormField, FormRules, FormService, Phone, Readable, Utm, form_field_name, read_emails,
};
use std::collections::BTreeMap;

/// What a submission says, by what the form's fields mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enquiry {
    /// First name, or the whole name.
    pub name: Option<String>,
    /// The last name alone.
    pub last_name: Option<String>,
    /// The telephones that can be dialled, the first one first.
    pub phones: Vec<Phone>,
    /// The e-mail addresses that can be written to.
    pub emails: Vec<String>,
    /// What stands in a field for a phone or an address and is none.
    pub readable: Vec<Readable>,
    /// What the visitor wrote.
    pub comment: Option<String>,
    /// Where the visitor works.
    pub company: Option<String>,
    /// The consent: its field and its value.
    pub consent: Option<(String, String)>,
    /// The campaign that brought the visitor.
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

/// What holds the visitor's fields where a body has members in members: `contacts[phone]`.
const HOLDERS: &[&str] = &[
    "answers",
    "client",
    "contact",
    "contacts",
    "customer",
    "data",
    "fields",
    "form_fields",
    "lead",
    "person",
    "submission",
    "user",
    "values",
    "visitor",
];
/// Where the address of the page stands on which the form was filled in.
const PAGES: &[&str] = &[
    "page",
    "page url",
    "page address",
    "url",
    "href",
    "extra href",
    "source url",
    "referer",
    "referrer",
    "страница",
    "адрес страницы",
];
/// Words of a name beside which others stand: `Телефон для связи`, `Ваш WhatsApp`.
const PHONE_WORDS: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "whatsapp",
    "телефон",
    "тел",
    "мобильный",
];
const EMAIL_WORDS: &[&str] = &["email", "mail", "почта"];

/// The name of a field without what only holds the visitor's fields: `phone` of
/// `contacts[phone]`.
fn held(name: &str) -> Option<&str> {
    let (holders, last) = name.strip_suffix(']')?.rsplit_once('[')?;
    let mut holders = holders.split(['[', ']']).filter(|part| !part.is_empty());
    let all = holders.all(|part| HOLDERS.contains(&part.to_lowercase().as_str()));
    all.then_some(last)
}

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

/// What a field means: as the configuration says, else by its usual names, name before label, else
/// by the kind of input that it is, else by a word of its name and what was written there.
fn meaning(rules: &FormRules, field: &Field, country: &str) -> Option<FormField> {
    let held = held(&field.name).unwrap_or_default();
    let names = [field.name.as_str(), held, field.label.as_str()].map(form_field_name);
    let said = names
        .iter()
        .find_map(|name| rules.fields.get(name).cloned());
    said.or_else(|| names.iter().find_map(|name| usual(name)))
        .or(match field.input.as_str() {
            "tel" => Some(FormField::Phone),
            "email" => Some(FormField::Email),
            "acceptance" => Some(FormField::Consent),
            _ => None,
        })
        .or_else(|| {
            let worded = |words: &[&str]| {
                let mut all = names.iter().flat_map(|name| name.split(' '));
                all.any(|word| words.contains(&word))
            };
            told(&field.value, country).filter(|told| match told {
                FormField::Email => worded(EMAIL_WORDS),
                _ => worded(PHONE_WORDS),
            })
        })
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
        match meaning(rules, field, country) {
            Some(meaning) => take(&mut enquiry, meaning, field, country),
            None if submission.service == FormService::Gravity && numbered(field) => {
                guess(&mut enquiry, field, country);
            }
            None => enquiry.rest.push(line(field)),
        }
    }
    let pages = submission.fields.iter().filter(|field| {
        let names = [field.name.as_str(), field.label.as_str()].map(form_field_name);
        names.iter().any(|name| PAGES.contains(&name.as_str()))
    });
    for page in pages {
        marks_of(&mut enquiry.utm, &page.value);
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

/// What was written: an address, a phone, or neither.
fn told(value: &str, country: &str) -> Option<FormField> {
    let emails = read_emails(value);
    if !emails.addresses.is_empty() && !emails.more {
        return Some(FormField::Email);
    }
    let phone = value.len() < 40 && !Phone::read(value, country).numbers.is_empty();
    phone.then_some(FormField::Phone)
}

/// A field without a name: an address and a phone are told from what was written.
fn guess(enquiry: &mut Enquiry, field: &Field, country: &str) {
    match told(&field.value, country) {
        Some(meaning) => take(enquiry, meaning, field, country),
        None => enquiry.rest.push(line(field)),
    }
}

/// The campaign marks in the address of the page, where the form has no fields of its own for them.
fn marks_of(utm: &mut Utm, page: &str) {
    let Ok(page) = url::Url::parse(page) else {
        return;
    };
    for (name, value) in page.query_pairs().filter(|(_, value)| !value.is_empty()) {
        if let Some(FormField::Utm(mark)) = FormField::parse(&name.to_lowercase()) {
            place(utm, &mark).get_or_insert_with(|| value.into_owned());
        }
    }
}

/// Where a campaign mark stands.
fn place<'a>(utm: &'a mut Utm, mark: &str) -> &'a mut Option<String> {
    match mark {
        "source" => &mut utm.source,
        "medium" => &mut utm.medium,
        "campaign" => &mut utm.campaign,
        "content" => &mut utm.content,
        _ => &mut utm.term,
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
            for address in found.addresses {
                if !enquiry.emails.contains(&address) {
                    enquiry.emails.push(address);
                }
            }
        }
        FormField::Consent if given(&value) => {
            enquiry.rest.push(line(field));
            enquiry.consent = Some((field.shown().to_owned(), value));
        }
        FormField::Consent => enquiry.rest.push(line(field)),
        FormField::Utm(mark) => *place(&mut enquiry.utm, &mark) = Some(value),
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
