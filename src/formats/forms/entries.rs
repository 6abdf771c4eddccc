//! The entries that a submission puts on a card that is there.

use super::enquiry::Enquiry;
use crate::domain::{Entry, FormRules, FormTarget, TodoEntry};
use chrono::{DateTime, TimeDelta, Utc};

/// What a submission that was received then puts on a card of whom the portal knows: a to-do, to be
/// done within so many seconds; where it joins an open deal, a comment as well. Nothing of a form
/// that always becomes a lead or a deal.
pub fn entries(
    form: &FormRules,
    enquiry: &Enquiry,
    received_at: DateTime<Utc>,
    within: f64,
) -> Vec<Entry> {
    let todo = form.becomes == FormTarget::Todo;
    if !todo && !form.join_open {
        return Vec::new();
    }
    let words = words(enquiry);
    #[expect(clippy::cast_possible_truncation, reason = "a time of at most a day")]
    let within = TimeDelta::milliseconds((within * 1000.0) as i64);
    let mut entries = Vec::new();
    if !todo {
        entries.push(Entry::Comment(words.clone()));
    }
    entries.push(Entry::Todo(TodoEntry {
        title: super::order::title(form, enquiry),
        text: words,
        deadline: received_at + within,
    }));
    entries
}

/// Everything that the visitor said, a line each.
fn words(enquiry: &Enquiry) -> String {
    let names = [enquiry.name.clone(), enquiry.last_name.clone()];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = Some(name)
        .filter(|name| !name.is_empty())
        .into_iter()
        .collect();
    lines.extend(enquiry.company.clone());
    lines.extend(enquiry.phones.iter().map(ToString::to_string));
    lines.extend(enquiry.emails.iter().cloned());
    lines.extend(enquiry.comment.clone());
    let user = enquiry.user.iter();
    lines.extend(user.map(|(field, value)| format!("{field}: {value}")));
    lines.extend(enquiry.rest.iter().cloned());
    lines.join("\n")
}
