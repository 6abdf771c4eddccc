//! The commands that put entries on a card, and the marks by which they are found again.

use super::{CardId, Question, State};
use crate::{
    domain::{CallEntry, Entry, MailEntry, TodoEntry},
    planner::{field_mapping::readable, json::text},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

const CALL: u8 = 2;
const MAIL: u8 = 4;

impl CardId {
    fn kind(self) -> u8 {
        match self {
            Self::Lead(_) => 1,
            Self::Deal(_) => 2,
            Self::Contact(_) => 3,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Lead(_) => "lead",
            Self::Deal(_) => "deal",
            Self::Contact(_) => "contact",
        }
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, false)
}

impl State {
    /// The last line of what has no origin.
    fn mark(&self) -> String {
        format!("[b24-bridge:{}/{}]", self.job.shop, self.job.number)
    }

    fn marked(&self, words: &str) -> String {
        let words = readable(words);
        if words.is_empty() {
            return self.mark();
        }
        format!("{words}\n{}", self.mark())
    }

    /// Which entries stand there already: by the origin of an activity, by the mark of a to-do or
    /// of a comment. What could not be a call or a mail, for want of a person, is a comment.
    pub(super) fn recognise(&mut self, question: Question, rows: &[Map<String, Value>]) {
        let (shop, key) = (self.job.shop.as_str(), self.job.number.as_str());
        let mark = self.mark();
        let bears = |name: &str| rows.iter().any(|row| text(row.get(name)).contains(&mark));
        let (todo, comment) = (bears("DESCRIPTION"), bears("COMMENT"));
        let by_origin = |row: &Map<String, Value>| {
            text(row.get("ORIGINATOR_ID")) == shop && text(row.get("ORIGIN_ID")) == key
        };
        let origin = question == Question::Origin && rows.iter().any(by_origin);
        for (entry, seen) in self.job.entries.iter().zip(&mut self.seen) {
            *seen |= match entry {
                Entry::Call(_) | Entry::ReceivedMail(_) => origin || comment,
                Entry::Todo(_) => todo,
                Entry::Comment(_) => comment,
            };
        }
    }

    /// Whom an activity on this card names: its contact, or the lead itself.
    fn person(&self, card: CardId) -> Option<(u8, u64)> {
        match card {
            CardId::Lead(id) => Some((1, id)),
            CardId::Contact(id) => Some((3, id)),
            CardId::Deal(_) => {
                let own = self.found.card.and_then(|row| row.contact);
                own.or_else(|| self.found.contact()).map(|id| (3, id))
            }
        }
    }

    /// The command that puts an entry on a card.
    pub(super) fn entry(&self, card: CardId, entry: &Entry) -> (&'static str, Value) {
        match (entry, self.person(card)) {
            (Entry::Call(call), Some(person)) => {
                ("crm.activity.add", self.call(card, person, call))
            }
            (Entry::ReceivedMail(mail), Some(person)) => {
                ("crm.activity.add", self.mail(card, person, mail))
            }
            (Entry::Call(call), None) => self.comment(card, &lines(&call.subject, &call.text)),
            (Entry::ReceivedMail(mail), None) => {
                self.comment(card, &lines(&mail.subject, &mail.text))
            }
            (Entry::Todo(todo), _) => ("crm.activity.todo.add", self.todo(card, todo)),
            (Entry::Comment(words), _) => self.comment(card, words),
        }
    }

    /// What every activity of the older method has.
    fn activity(
        &self,
        card: CardId,
        (kind, id): (u8, u64),
        (channel, value): (&str, &str),
    ) -> Value {
        let card_of = self.found.card.and_then(|row| row.responsible);
        json!({
            "OWNER_TYPE_ID": card.kind(), "OWNER_ID": card.id(),
            "RESPONSIBLE_ID": self.job.responsible_id.or(card_of),
            "COMMUNICATIONS": [
                {"TYPE": channel, "VALUE": value, "ENTITY_TYPE_ID": kind, "ENTITY_ID": id}
            ],
            "DESCRIPTION_TYPE": 1,
            "ORIGINATOR_ID": self.job.shop.as_str(), "ORIGIN_ID": self.job.number.as_str(),
        })
    }

    fn call(&self, card: CardId, person: (u8, u64), call: &CallEntry) -> Value {
        let mut fields = self.activity(card, person, ("PHONE", call.phone.as_str()));
        fields["TYPE_ID"] = json!(CALL);
        fields["DIRECTION"] = json!(if call.outgoing { 2 } else { 1 });
        fields["COMPLETED"] = json!("Y");
        fields["SUBJECT"] = json!(call.subject);
        fields["DESCRIPTION"] = json!(call.text);
        fields["START_TIME"] = json!(moment(call.at));
        fields["END_TIME"] = json!(moment(call.ended));
        json!({ "fields": fields })
    }

    /// A mail that was received, which is to be answered: there is no other. One that goes out and
    /// is said to be done would be sent to the customer.
    fn mail(&self, card: CardId, person: (u8, u64), mail: &MailEntry) -> Value {
        let mut fields = self.activity(card, person, ("EMAIL", &mail.email));
        fields["TYPE_ID"] = json!(MAIL);
        fields["DIRECTION"] = json!(1);
        fields["COMPLETED"] = json!("N");
        fields["SUBJECT"] = json!(mail.subject);
        fields["DESCRIPTION"] = json!(mail.text);
        fields["START_TIME"] = json!(moment(mail.at));
        fields["END_TIME"] = json!(moment(mail.at));
        fields["SETTINGS"] = json!({"DISABLE_SENDING_MESSAGE_COPY": "Y"});
        json!({ "fields": fields })
    }

    fn todo(&self, card: CardId, todo: &TodoEntry) -> Value {
        let mut params = json!({
            "ownerTypeId": card.kind(), "ownerId": card.id(), "title": todo.title,
            "description": self.marked(&todo.text), "deadline": moment(todo.deadline),
        });
        let card_of = self.found.card.and_then(|row| row.responsible);
        if let Some(id) = self.job.responsible_id.or(card_of) {
            params["responsibleId"] = json!(id);
        }
        params
    }

    fn comment(&self, card: CardId, words: &str) -> (&'static str, Value) {
        let fields = json!({
            "ENTITY_TYPE": card.word(), "ENTITY_ID": card.id(), "COMMENT": self.marked(words),
        });
        ("crm.timeline.comment.add", json!({ "fields": fields }))
    }
}

fn lines(subject: &str, text: &str) -> String {
    if text.is_empty() {
        subject.to_owned()
    } else {
        format!("{subject}\n{text}")
    }
}
