//! Submissions as people see them, and those that were not delivered and are to be after all.

use crate::{
    app::{Actor, Error, Forms},
    domain::{ErrorCode, ShopName, form_key, happening::Act},
    storage::{
        Json, SubjectKind,
        forms::submissions::{self, SubmissionRow},
        journal,
        queue::subjects::{self, NewSubject},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

/// The most that are listed at once.
const MOST: i64 = 500;

/// Which submissions to list.
#[derive(Debug, Clone, Default)]
pub struct SubmissionFilter {
    /// Those of this shop; `None`: of every shop.
    pub shop: Option<ShopName>,
    /// `taken`, `robot`, `no_consent` or `too_many`.
    pub verdict: Option<String>,
    /// With ids below this.
    pub below: Option<i64>,
    /// How many: at most 500.
    pub limit: u32,
}

/// What a visitor sent through a form, and what became of it in the portal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Submission {
    /// The submission's id; newer ones have greater ids.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The form's name in the settings.
    pub form: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// `waits`, `done`, `dead`, `robot`, `no_consent` or `too_many`.
    pub state: &'static str,
    /// What went wrong, or why it is kept.
    pub code: Option<String>,
    /// The id of its lead in the portal, once there is one.
    pub lead_id: Option<i64>,
    /// The id of its deal in the portal, once there is one.
    pub deal_id: Option<i64>,
    /// The id of its contact in the portal, once there is one.
    pub contact_id: Option<i64>,
    /// What was received; none where it was delivered long ago.
    pub body: Option<Value>,
}

impl From<SubmissionRow> for Submission {
    fn from(row: SubmissionRow) -> Self {
        let (state, code) = match row.verdict.as_str() {
            "robot" => ("robot", Some(ErrorCode::FormRobot.to_string())),
            "no_consent" => ("no_consent", Some(ErrorCode::FormConsent.to_string())),
            "too_many" => ("too_many", Some(ErrorCode::FormTooMany.to_string())),
            _ if row.waits => ("waits", row.error_code),
            _ if row.error_code.is_some() => ("dead", row.error_code),
            _ => ("done", None),
        };
        Self {
            id: row.id,
            shop: row.shop,
            form: row.form,
            received_at: row.received_at,
            state,
            code,
            lead_id: row.lead_id,
            deal_id: row.deal_id,
            contact_id: row.contact_id,
            body: row.body.map(Json::shown),
        }
    }
}

impl Forms {
    /// Submissions of forms, newest first.
    pub async fn submissions(&self, filter: &SubmissionFilter) -> Result<Vec<Submission>, Error> {
        let mut db = self.db.acquire().await?;
        let shop = filter.shop.as_ref().map(ShopName::as_str);
        let of = (shop, filter.verdict.as_deref());
        let below = filter.below.unwrap_or(i64::MAX);
        let limit = i64::from(filter.limit).clamp(1, MOST);
        let rows = submissions::list(&mut db, of, below, limit).await?;
        Ok(rows.into_iter().map(Submission::from).collect())
    }

    /// Has a submission delivered that was kept as a robot's, for want of consent, or for its many
    /// fields.
    pub async fn restore_submission(&self, id: i64, who: &Actor) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let kept = submissions::restore(&mut tx, id, &who.0).await?;
        let kept = kept.ok_or(Error::NotFound)?;
        let shop = ShopName::parse(&kept.shop).map_err(|_| Error::NotFound)?;
        let owner = self.registry.rules(&shop).ok_or(Error::NotFound)?;
        let body = kept.body.ok_or(Error::NotFound)?;
        let subject = NewSubject {
            kind: SubjectKind::Form,
            order: None,
            shop: shop.as_str(),
            key: &form_key(id),
            portal: owner.portal.as_str(),
            body: &body,
        };
        subjects::add(&mut tx, &subject).await?;
        let target = id.to_string();
        let act = Act::FormRestored { form: id };
        journal::audit(&mut tx, &who.0, &act, &target, &json!({})).await?;
        tx.commit().await?;
        self.waker.wake(owner.portal.as_str());
        Ok(())
    }
}
