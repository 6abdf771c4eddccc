//! Acts on an order that was refused and is still tried: it is put right, or given up.

use super::changes::{self, Change};
use crate::{
    app::{App, Error, RetryOutcome},
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::ShopName,
};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What is to become of such an order.
pub(super) enum Act {
    /// It is sent with this in place of what was refused.
    Mend(Value),
    /// It is tried no more, for this reason.
    GiveUp(String),
}

/// Acts on the event of an order that is still tried: on this one, or on the one of now.
pub(super) async fn act(
    global: &Global,
    (shop, number, event): (&str, &str, Option<i64>),
    act: Act,
) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(output::wrong_word)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = carry_out(&app, (&shop, number, event), act).await;
    database.close().await;
    match done {
        Ok((result, sentence)) => output::done(&result, sentence)?,
        Err(Error::NotFound) => {
            let none = || format!("no event of the order {number} of {shop} is being tried");
            anyhow::bail!(bootstrap::unknown_shop(&app, &shop).unwrap_or_else(none))
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// What it came to, for programs and for people.
async fn carry_out(
    app: &App,
    (shop, number, event): (&ShopName, &str, Option<i64>),
    act: Act,
) -> Result<(Value, String), Error> {
    let (letters, who) = (&app.dead_letters, bootstrap::actor());
    let tried = letters.still_tried(shop, number).await?;
    let tried = tried.ok_or(Error::NotFound)?;
    // Of another event by now nothing is known here: the use case refuses it.
    let event = event.unwrap_or(tried.event);
    let order = (shop, number);
    Ok(match act {
        Act::Mend(payload) => {
            let changed = changes::between(&tried.payload, &payload);
            let result = letters.mend_tried(order, event, &who, payload).await?;
            let sentence = mended((shop, number), &tried.code, result, &changed);
            (json!({ "result": result, "changed": changed }), sentence)
        }
        Act::GiveUp(reason) => {
            letters.give_up_tried(order, event, &who, &reason).await?;
            let (code, tries) = (&tried.code, output::count(tried.attempts, "try"));
            let sentence = format!(
                "the order {number} of {shop} is tried no more: {code} after {tries}; the \
                 portal keeps what it has of it, and the next change in the shop is sent as ever"
            );
            (json!({ "result": "given_up" }), sentence)
        }
    })
}

/// What mending came to: what is different, and what happens next.
fn mended(
    (shop, number): (&ShopName, &str),
    code: &str,
    result: RetryOutcome,
    changed: &[Change],
) -> String {
    let what = changes::words(changed);
    match result {
        RetryOutcome::Queued => format!(
            "the order {number} of {shop} is on its way: {what}; it was refused with {code}, is \
             sent again at once, and `b24-bridge orders show {shop} {number}` tells what comes of \
             it"
        ),
        RetryOutcome::Overtaken => format!(
            "the order {number} of {shop} is not sent so: the shop has sent a newer state of it, \
             which goes instead; if that is refused, too, it is to be fixed anew"
        ),
        RetryOutcome::Duplicate => format!(
            "the order {number} of {shop} is not sent so: this event was accepted before; what \
             goes is the order's newest state"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mending_came_to_says_what_is_different_and_what_happens_next() {
        let shop = ShopName::parse("main").unwrap();
        let told = |result| {
            let changed = changes::between(&json!({"total": 1}), &json!({"total": 2}));
            mended((&shop, "A-1"), "B24-REFUSED", result, &changed)
        };
        let queued = told(RetryOutcome::Queued);
        assert!(queued.contains("/total is 2 instead of 1"), "{queued}");
        assert!(queued.contains("orders show main A-1"), "{queued}");
        assert!(told(RetryOutcome::Overtaken).contains("newer state"));
        assert!(told(RetryOutcome::Duplicate).contains("accepted before"));
    }
}
