//! Results of tries of orders.

use crate::storage::{Error, Reason};
use serde_json::Value;
use sqlx::PgConnection;

/// What a try of an order came to.
#[derive(Debug, Clone)]
pub struct AttemptResult {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What the queue does with the order.
    pub then: Disposition,
    /// What the planner knows of the order now.
    pub known: Value,
    /// Whether all that was sent is known to have arrived.
    pub whole: bool,
    /// The id of its deal in the portal, if that is known.
    pub deal_id: Option<i64>,
    /// The id of its lead in the portal, if that is known.
    pub lead_id: Option<i64>,
    /// The id of its contact in the portal, if that is known.
    pub contact_id: Option<i64>,
    /// The id of its company in the portal, if that is known.
    pub company_id: Option<i64>,
    /// The stage, if it was read or written.
    pub stage: Option<String>,
}

/// What the queue does with an order that was tried.
#[derive(Debug, Clone)]
pub enum Disposition {
    /// A newer event came meanwhile: the order stays as it is in the queue.
    Keep,
    /// The portal holds the newest snapshot.
    Done,
    /// Dead: the order waits for a person or a newer event.
    Dead {
        /// Tries that were judged.
        attempts: i32,
        /// The stable code of the refusal.
        code: String,
        /// What was said with it, in the portal's words or the bridge's.
        message: String,
    },
    /// Refused: another try later.
    Retry {
        /// Tries that were judged.
        attempts: i32,
        /// The stable code of the refusal.
        code: String,
        /// What was said with it, in the portal's words or the bridge's.
        message: String,
        /// How long to wait.
        delay_ms: i64,
    },
    /// Nobody judged it: another try soon.
    Stall {
        /// Tries that were not judged.
        stalls: i32,
        /// How long to wait; what may still land is looked for until it has.
        delay_ms: i64,
        /// Whether nothing can be done until then.
        waits: bool,
    },
}

/// One column for each field of [`Disposition`].
#[derive(Default)]
pub(in crate::storage) struct Columns {
    pub(in crate::storage) verbs: Vec<String>,
    pub(in crate::storage) counts: Vec<i32>,
    pub(in crate::storage) codes: Vec<Option<String>>,
    pub(in crate::storage) messages: Vec<Option<String>>,
    pub(in crate::storage) delays: Vec<i64>,
}

impl Columns {
    fn push(&mut self, verb: &str, count: i32, why: Option<(&String, &String)>, delay: i64) {
        self.verbs.push(verb.to_owned());
        self.counts.push(count);
        self.codes.push(why.map(|(code, _)| code.clone()));
        self.messages.push(why.map(|(_, message)| message.clone()));
        self.delays.push(delay);
    }

    pub(in crate::storage) fn of(tried: &[AttemptResult]) -> Self {
        let mut columns = Self::default();
        for one in tried {
            match &one.then {
                Disposition::Keep => columns.push("keep", 0, None, 0),
                Disposition::Done => columns.push("done", 0, None, 0),
                Disposition::Dead {
                    attempts,
                    code,
                    message,
                } => {
                    columns.push("dead", *attempts, Some((code, message)), 0);
                }
                Disposition::Retry {
                    attempts,
                    code,
                    message,
                    delay_ms,
                } => {
                    columns.push("retry", *attempts, Some((code, message)), *delay_ms);
                }
                Disposition::Stall {
                    stalls,
                    delay_ms,
                    waits,
                } => {
                    let verb = if *waits { "wait" } else { "stall" };
                    columns.push(verb, *stalls, None, *delay_ms);
                }
            }
        }
        columns
    }
}

/// The statement by which tries are recorded, of orders and of other subjects: when each is due
/// again, how often it was tried, and why it waits. `key` is the column that numbers the table's
/// rows, `sets` what else of a row is written; `names` and `types` are those of further columns of
/// `n`, whose values follow the twelve that both tables have.
macro_rules! record_tries {
    ($table:literal, $key:literal, $sets:literal, $names:literal, $types:literal,
     $tried:expr $(, $more:expr)*) => {{
        let tried: &[$crate::storage::queue::orders::AttemptResult] = $tried;
        let then = $crate::storage::queue::orders::Columns::of(tried);
        let shops: Vec<String> = tried.iter().map(|t| t.shop.clone()).collect();
        let numbers: Vec<String> = tried.iter().map(|t| t.number.clone()).collect();
        let known: Vec<serde_json::Value> = tried.iter().map(|t| t.known.clone()).collect();
        let deals: Vec<Option<i64>> = tried.iter().map(|t| t.deal_id).collect();
        let leads: Vec<Option<i64>> = tried.iter().map(|t| t.lead_id).collect();
        let contacts: Vec<Option<i64>> = tried.iter().map(|t| t.contact_id).collect();
        let companies: Vec<Option<i64>> = tried.iter().map(|t| t.company_id).collect();
        sqlx::query!(
            "UPDATE " + $table + " o
             SET known = n.known, deal_id = n.deal_id, lead_id = n.lead_id,
                 contact_id = n.contact_id, company_id = n.company_id,
                 due_at = CASE WHEN n.verb = 'keep'
                               THEN CASE WHEN o.due_at IS NOT NULL
                                         THEN greatest(least(o.due_at, now()), u.lands_until) END
                               WHEN n.verb = 'wait'
                               THEN greatest(now() + n.delay * interval '1 millisecond',
                                             u.lands_until)
                               WHEN n.verb = 'stall' AND u.lands_until IS NOT NULL
                               THEN least(now() + n.delay * interval '1 millisecond',
                                          greatest(u.lands_until,
                                                   now() + interval '200 milliseconds'))
                               WHEN n.verb IN ('retry', 'stall')
                               THEN now() + n.delay * interval '1 millisecond' END,
                 waits_since = CASE WHEN n.verb = 'keep' THEN o.waits_since
                                    WHEN n.verb IN ('retry', 'stall', 'wait')
                                    THEN coalesce(o.waits_since, now()) END,
                 attempts = CASE WHEN n.verb IN ('retry', 'dead') THEN n.count
                                 WHEN n.verb = 'done' THEN 0 ELSE o.attempts END,
                 stalls = CASE WHEN n.verb IN ('stall', 'wait') THEN n.count
                               WHEN n.verb = 'keep' THEN o.stalls ELSE 0 END,
                 first_failed_at = CASE WHEN n.verb IN ('retry', 'dead')
                                        THEN coalesce(o.first_failed_at, now())
                                        WHEN n.verb = 'done' THEN NULL
                                        ELSE o.first_failed_at END,
                 error_code = CASE WHEN n.verb IN ('retry', 'dead') THEN n.code
                                   WHEN n.verb = 'done' THEN NULL ELSE o.error_code END,
                 error_message = CASE WHEN n.verb IN ('retry', 'dead') THEN n.message
                                      WHEN n.verb = 'done' THEN NULL
                                      ELSE o.error_message END, " + $sets + "
             FROM UNNEST($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[],
                         $7::bigint[], $8::jsonb[], $9::bigint[], $10::bigint[], $11::bigint[],
                         $12::bigint[]" + $types + ")
                  AS n (shop, number, verb, count, code, message, delay, known, deal_id, lead_id,
                        contact_id, company_id" + $names + ")
                  LEFT JOIN bridge.under_way u USING (shop, number)
             WHERE o.shop = n.shop AND o." + $key + " = n.number",
            &shops,
            &numbers,
            &then.verbs,
            &then.counts,
            &then.codes as &[Option<String>],
            &then.messages as &[Option<String>],
            &then.delays,
            &known,
            &deals as &[Option<i64>],
            &leads as &[Option<i64>],
            &contacts as &[Option<i64>],
            &companies as &[Option<i64>]
            $(, $more)*
        )
    }};
}
pub(in crate::storage) use record_tries;

/// Records what tries came to; the orders are locked, and what may still land of them is stored.
pub async fn record(db: &mut PgConnection, tried: &[AttemptResult]) -> Result<(), Error> {
    let whole: Vec<bool> = tried.iter().map(|t| t.whole).collect();
    let stages: Vec<Option<String>> = tried.iter().map(|t| t.stage.clone()).collect();
    record_tries!(
        "bridge.orders",
        "number",
        "stage = coalesce(n.stage, o.stage), in_sync = (n.verb = 'done' AND n.whole),
         recreate = CASE WHEN n.verb = 'done' THEN false ELSE o.recreate END",
        ", stage, whole",
        ", $13::text[], $14::bool[]",
        tried,
        &stages as &[Option<String>],
        &whole
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives up an order's newest event, whatever is known of the order; tries that were judged, none
/// if it is not the newest any more, or waits no more.
pub async fn give_up(
    db: &mut PgConnection,
    (shop, number, event): (&str, &str, i64),
    reason: Reason<'_>,
) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.orders
         SET due_at = NULL, waits_since = NULL, attempts = attempts + 1, stalls = 0,
             in_sync = false,
             first_failed_at = coalesce(first_failed_at, now()), error_code = $4, error_message = $5
         WHERE shop = $1 AND number = $2 AND head_id = $3 AND due_at IS NOT NULL
         RETURNING attempts",
        shop,
        number,
        event,
        reason.code.as_str(),
        reason.message
    )
    .fetch_optional(db)
    .await?)
}

/// What an event was refused with that is tried no more.
#[derive(Debug, Clone)]
pub struct StoppedEvent {
    /// The code of the last refusal.
    pub code: String,
    /// What was said with it, in the portal's words or the bridge's.
    pub message: String,
    /// Tries that were judged.
    pub attempts: i32,
}

/// Takes an order whose newest event was refused out of the queue: what it was refused with last;
/// none if that event is not the newest any more, or waits no more.
pub async fn stop_trying(
    db: &mut PgConnection,
    (shop, number, event): (&str, &str, i64),
) -> Result<Option<StoppedEvent>, Error> {
    Ok(sqlx::query_as!(
        StoppedEvent,
        r#"UPDATE bridge.orders
           SET due_at = NULL, waits_since = NULL, stalls = 0, in_sync = false
           WHERE shop = $1 AND number = $2 AND head_id = $3 AND due_at IS NOT NULL
             AND error_code IS NOT NULL
           RETURNING error_code AS "code!", coalesce(error_message, '') AS "message!", attempts"#,
        shop,
        number,
        event
    )
    .fetch_optional(db)
    .await?)
}
