//! A trial of a form: what the bridge would make of a body. Nothing is stored.

use crate::{
    app::{Error, Forms},
    domain::{FormRules, Readable, ShopName},
    formats::forms::{self, Enquiry, Submission, Verdict},
};

/// What a body would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// A service looks whether anybody answers: nothing would be stored.
    Ping,
    /// A submission of the form, read by its rules.
    Submission {
        /// `taken`, `robot`, `no_consent`, `too_many`, or `dead` if nobody can be reached.
        state: &'static str,
        /// What was understood, by the words of the configuration.
        understood: Vec<(&'static str, String)>,
        /// What was not, as it would stand in the comment.
        rest: Vec<String>,
    },
}

impl Forms {
    /// The forms of a shop, by name.
    pub fn form_names(&self, shop: &ShopName) -> Vec<String> {
        let all = self.registry.forms.keys();
        let own = all.filter(|(owner, _)| owner == shop);
        own.map(|(_, form)| form.clone()).collect()
    }

    /// Reads a body as if a form had posted it. What it is encoded as is told from the body.
    pub fn try_body(&self, shop: &ShopName, form: &str, body: &str) -> Result<Trial, Error> {
        let owner = self.registry.rules(shop).ok_or(Error::NotFound)?;
        let rules = self.form_rules(shop, form).ok_or(Error::NotFound)?;
        let body = body.trim_start();
        let posted = forms::read_body(&kind_of(body), body.as_bytes());
        if forms::is_ping(&posted) {
            return Ok(Trial::Ping);
        }
        let submission = forms::submission(rules.service, posted);
        let enquiry = forms::read(&rules, &owner.phone_country, &submission);
        let state = match forms::judge(&rules, &submission, &enquiry) {
            Verdict::Taken if !enquiry.has_contact() => "dead",
            verdict => verdict.as_str(),
        };
        Ok(Trial::Submission {
            state,
            understood: understood(&rules, &submission, &enquiry),
            rest: enquiry.rest,
        })
    }
}

/// The content type that a body would have been sent with.
fn kind_of(body: &str) -> String {
    let boundary = body.lines().next().and_then(|line| line.strip_prefix("--"));
    match (body.chars().next(), boundary) {
        (Some('{' | '['), _) => "application/json".to_owned(),
        (_, Some(boundary)) => format!("multipart/form-data; boundary={}", boundary.trim_end()),
        _ => "application/x-www-form-urlencoded".to_owned(),
    }
}

fn understood(
    rules: &FormRules,
    submission: &Submission,
    enquiry: &Enquiry,
) -> Vec<(&'static str, String)> {
    let phones = enquiry.phones.iter().map(ToString::to_string);
    let unread = |readable: &Readable| match readable {
        Readable::Phone(text) => ("phone?", text.clone()),
        Readable::Email(text) => ("email?", text.clone()),
    };
    let utm = &enquiry.utm;
    let one = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let mut found = vec![("form", rules.name.clone())];
    found.extend(one("id", &submission.id));
    found.extend(one("name", &enquiry.name));
    found.extend(one("last_name", &enquiry.last_name));
    found.extend(phones.map(|phone| ("phone", phone)));
    found.extend(enquiry.emails.iter().map(|email| ("email", email.clone())));
    found.extend(enquiry.readable.iter().map(unread));
    found.extend(one("company", &enquiry.company));
    found.extend(one("comment", &enquiry.comment));
    let consent = enquiry.consent.iter();
    found.extend(consent.map(|(field, value)| ("consent", format!("{field}: {value}"))));
    found.extend(one("utm_source", &utm.source));
    found.extend(one("utm_medium", &utm.medium));
    found.extend(one("utm_campaign", &utm.campaign));
    found.extend(one("utm_content", &utm.content));
    found.extend(one("utm_term", &utm.term));
    let user = enquiry.user.iter();
    found.extend(user.map(|(field, value)| ("user field", format!("{field}: {value}"))));
    found
}
