//! Acts on an order that was refused and is still tried: it is put right, or given up.

use crate::{
    app::{App, Error},
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
    let shop = ShopName::parse(shop).map_err(anyhow::Error::msg)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = carry_out(&app, (&shop, number, event), act).await;
    database.close().await;
    match done {
        Ok((result, sentence)) => output::done(&json!({ "result": result }), sentence)?,
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
    let event = if let Some(event) = event {
        event
    } else {
        let tried = letters.still_tried(shop, number).await?;
        tried.ok_or(Error::NotFound)?.event
    };
    let order = (shop, number);
    Ok(match act {
        Act::Mend(payload) => {
            let result = letters.mend_tried(order, event, &who, payload).await?;
            let sentence = format!("the order {number} is on its way with what was put right");
            (json!(result), sentence)
        }
        Act::GiveUp(reason) => {
            letters.give_up_tried(order, event, &who, &reason).await?;
            let sentence =
                format!("the order {number} is tried no more; a newer state of it is sent as ever");
            (json!("given_up"), sentence)
        }
    })
}
