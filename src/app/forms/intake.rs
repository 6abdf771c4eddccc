//! A form on its way in: stored once, however often it is sent.

use super::Stored;
use crate::{
    app::{Error, Forms, lane_of, subjects as letters},
    domain::{ErrorCode, FormRules, ShopName, form_key},
    formats::forms::{self, Enquiry, Posted, Verdict},
    storage::{
        self, Reason, SubjectKind,
        forms::submissions::{self, NewSubmission},
        queue::subjects::{self, NewSubject},
        views::incidents,
    },
};

/// How many submissions without a telephone, after how many of which most had one, mean that a
/// form's map is broken.
const FEW: i64 = 5;
const MANY: i64 = 20;

/// What became of a posted form. Its visitor sees success whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormTaken {
    /// A service looks whether anybody answers: nothing was stored.
    Ping,
    /// It waits for its portal.
    Queued,
    /// The same fields came a short while before: nothing was stored.
    Repeated,
    /// It is kept for a week and not delivered: of a robot, without consent, or with more fields
    /// than are read.
    Kept,
    /// It names neither a telephone nor an address: it waits as a dead letter.
    Dead,
}

impl FormTaken {
    /// One word, as the meters say it.
    fn word(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Queued => "queued",
            Self::Repeated => "repeated",
            Self::Kept => "kept",
            Self::Dead => "dead",
        }
    }
}

impl Forms {
    /// Takes what a form has posted, and counts it.
    pub async fn take_form(
        &self,
        shop: &ShopName,
        rules: &FormRules,
        posted: Posted,
    ) -> Result<FormTaken, Error> {
        let taken = self.store_form(shop, rules, posted).await?;
        self.metrics
            .form_received(shop.as_str(), &rules.name, taken.word());
        Ok(taken)
    }

    /// Takes what a form has sent in its address, as one does whose method is GET. Machines look at
    /// addresses, too: what names nobody who can be reached is as good as a ping.
    pub async fn take_form_of_address(
        &self,
        shop: &ShopName,
        rules: &FormRules,
        posted: Posted,
    ) -> Result<FormTaken, Error> {
        let owner = self.registry.rules(shop).ok_or(Error::NotFound)?;
        let submission = forms::submission(rules.service, posted.clone());
        let enquiry = forms::read(rules, &owner.phone_country, &submission);
        if !enquiry.has_contact() {
            return Ok(FormTaken::Ping);
        }
        self.take_form(shop, rules, posted).await
    }

    async fn store_form(
        &self,
        shop: &ShopName,
        rules: &FormRules,
        posted: Posted,
    ) -> Result<FormTaken, Error> {
        if forms::is_ping(&posted) {
            return Ok(FormTaken::Ping);
        }
        let owner = self.registry.rules(shop).ok_or(Error::NotFound)?;
        let submission = forms::submission(rules.service, posted);
        let enquiry = forms::read(rules, &owner.phone_country, &submission);
        let verdict = forms::judge(rules, &submission, &enquiry);
        let fingerprint = forms::fingerprint(rules, &submission, &enquiry);
        let named = submission.id.is_some();
        let stored = Stored {
            form: rules.name.clone(),
            submission,
        };
        let body = storage::written(&stored)?;
        let new = NewSubmission {
            shop: shop.as_str(),
            form: &rules.name,
            verdict: verdict.as_str(),
            named,
            fingerprint: &fingerprint,
            has_phone: !enquiry.phones.is_empty(),
            body: (verdict != Verdict::Taken).then_some(&body),
        };
        let mut tx = self.db.begin().await?;
        let Some(id) = submissions::add(&mut tx, &new, rules.same_within).await? else {
            tx.rollback().await?;
            return Ok(FormTaken::Repeated);
        };
        let taken = match verdict {
            Verdict::Robot | Verdict::NoConsent | Verdict::TooMany => FormTaken::Kept,
            Verdict::Taken => {
                let key = form_key(id);
                let subject = NewSubject {
                    kind: SubjectKind::Form,
                    order: None,
                    shop: shop.as_str(),
                    key: &key,
                    portal: owner.portal.as_str(),
                    body: &body,
                };
                subjects::add(&mut tx, &subject).await?;
                if enquiry.has_contact() {
                    FormTaken::Queued
                } else {
                    dead_letter_unreachable(&mut tx, (shop.as_str(), &key), &rules.name).await?;
                    FormTaken::Dead
                }
            }
        };
        tx.commit().await?;
        match taken {
            FormTaken::Queued => self.waker.wake(owner.portal.as_str()),
            FormTaken::Dead => {
                let code = ErrorCode::FormNoContact.as_str();
                self.metrics.died(owner.portal.as_str(), code);
            }
            FormTaken::Ping | FormTaken::Repeated | FormTaken::Kept => {}
        }
        if verdict == Verdict::Taken {
            self.watch_map(shop, &enquiry).await?;
        }
        Ok(taken)
    }

    /// Raises the alarm when a form that had telephones has none, and ends it when all have some
    /// again.
    async fn watch_map(&self, shop: &ShopName, enquiry: &Enquiry) -> Result<(), Error> {
        let own = self.registry.forms.keys();
        let forms: Vec<String> = own
            .filter(|(of, _)| of == shop)
            .map(|(_, form)| form.clone())
            .collect();
        let mut db = self.db.acquire().await?;
        let of = (shop.as_str(), &*forms);
        let broken = submissions::without_phones(&mut db, of, FEW, MANY).await?;
        let (lane, code) = (lane_of(shop.as_str()), ErrorCode::FormMapBroken);
        if broken.is_empty() {
            incidents::over(&mut db, &lane, Some(&[code.to_string()])).await?;
        } else if enquiry.phones.is_empty() {
            let words = broken.join(", ");
            tracing::warn!(%shop, %code, forms = words, "forms that had telephones have none");
            incidents::note(&mut db, &lane, Reason::new(code, &words), 1).await?;
        }
        Ok(())
    }
}

/// The words of a letter about a form that nobody can answer.
pub(super) fn unreachable_words(form: &str) -> String {
    format!("no field of the form {form} holds a telephone or an e-mail address")
}

/// Makes a new subject a dead letter.
async fn dead_letter_unreachable(
    db: &mut sqlx::PgConnection,
    (shop, key): (&str, &str),
    form: &str,
) -> Result<(), storage::Error> {
    let words = unreachable_words(form);
    let reason = Reason::new(ErrorCode::FormNoContact, &words);
    subjects::give_up(db, (shop, key, 0), reason).await?;
    letters::write_letter(db, (shop, key), reason, 0).await
}
