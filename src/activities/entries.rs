//! The entries that an activity becomes.

use super::event::{Activity, ActivityKind};
use crate::domain::{ActivityRules, CallEntry, Entry, MailEntry, TodoEntry};
use chrono::{DateTime, TimeDelta, Utc};

/// What is put on a card of an activity of that moment. A call that was missed is to be answered; a
/// call of nobody's number can be no call of the portal and is to be looked at.
pub fn entries(activity: &Activity, at: DateTime<Utc>, rules: &ActivityRules) -> Vec<Entry> {
    let subject = subject(activity);
    let text = text(activity);
    let whole = if text.is_empty() {
        subject.clone()
    } else {
        format!("{subject}\n{text}")
    };
    #[expect(clippy::cast_possible_truncation, reason = "a time of at most a day")]
    let within = TimeDelta::milliseconds((rules.missed_call_within * 1000.0) as i64);
    let todo = |subject: String, text: String| {
        Entry::Todo(TodoEntry {
            title: subject,
            text,
            deadline: at + within,
        })
    };
    match (activity.kind, activity.outgoing) {
        (ActivityKind::Call, outgoing) => {
            let Some(phone) = activity.phone.clone() else {
                return vec![todo(subject, text)];
            };
            let call = Entry::Call(CallEntry {
                outgoing,
                at,
                ended: at + activity.duration,
                phone: phone.clone(),
                subject: subject.clone(),
                text: text.clone(),
            });
            if activity.missed {
                vec![call, todo(format!("Перезвонить: {phone}"), text)]
            } else {
                vec![call]
            }
        }
        (ActivityKind::Mail, false) => match activity.email.clone() {
            Some(email) => vec![Entry::ReceivedMail(MailEntry {
                at,
                email,
                subject,
                text,
            })],
            None => vec![Entry::Comment(whole)],
        },
        (ActivityKind::Mail, true) | (ActivityKind::Message, _) => vec![Entry::Comment(whole)],
    }
}

/// What an activity is called in the portal.
pub fn title(activity: &Activity) -> &'static str {
    match (activity.kind, activity.outgoing) {
        (ActivityKind::Call, false) if activity.missed => "Пропущенный звонок",
        (ActivityKind::Call, false) => "Входящий звонок",
        (ActivityKind::Call, true) => "Исходящий звонок",
        (ActivityKind::Mail, false) => "Входящее письмо",
        (ActivityKind::Mail, true) => "Исходящее письмо",
        (ActivityKind::Message, false) => "Входящее сообщение",
        (ActivityKind::Message, true) => "Исходящее сообщение",
    }
}

fn subject(activity: &Activity) -> String {
    let title = title(activity);
    let phone = activity.phone.as_ref().map(ToString::to_string);
    let who = phone
        .or_else(|| activity.unread_phone.clone())
        .or_else(|| activity.email.clone());
    match (&activity.subject, who) {
        (Some(subject), _) if activity.kind == ActivityKind::Mail && !activity.outgoing => {
            subject.clone()
        }
        (Some(subject), _) => format!("{title}: {subject}"),
        (None, Some(who)) => format!("{title}: {who}"),
        (None, None) => title.to_owned(),
    }
}

fn text(activity: &Activity) -> String {
    let mut lines: Vec<String> = activity.text.iter().cloned().collect();
    let seconds = activity.duration.num_seconds();
    if seconds > 0 {
        let (minutes, rest) = (seconds / 60, seconds % 60);
        lines.push(format!("Длительность: {minutes}:{rest:02}"));
    }
    if let Some(url) = &activity.recording_url {
        lines.push(format!("Запись: {url}"));
    }
    lines.join("\n")
}
