//! `sandbox --onec ADDRESS`: a simulated 1C base.

use super::{Args, output};
use crate::{
    process::signals,
    sandbox::onec::{Exchange, OneC, Trouble},
};
use anyhow::Context as _;
use std::{process::ExitCode, time::Duration};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(args: &Args, address: &str, login: &str) -> anyhow::Result<ExitCode> {
    let password = password(args)?;
    let mut exchange = Exchange::new(address, login, &password);
    exchange.version.clone_from(&args.schema_version);
    let mut base = OneC::new(exchange)?;
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
            told = fetch(&mut base) => told,
        };
        if args.every == 0 {
            return told
                .map(|()| ExitCode::SUCCESS)
                .map_err(anyhow::Error::from);
        }
        if let Err(trouble) = told {
            output::say(trouble);
        }
        let pause = Duration::from_secs(args.every);
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

async fn fetch(base: &mut OneC) -> Result<(), Trouble> {
    let brought = base.fetch_orders().await?;
    for order in base.orders.values() {
        let status = order
            .requisites
            .get("Статус заказа")
            .map_or("-", String::as_str);
        let (number, total, currency) = (&order.number, order.total, &order.currency);
        let times = order.times;
        output::line(format!(
            "{number}  {total} {currency}  {status}  received {times} times"
        ));
    }
    let (queries, orders) = (brought.queries, brought.orders);
    output::say(format!(
        "an exchange: {queries} queries, {orders} orders; the base has {}",
        base.orders.len()
    ));
    Ok(())
}

fn password(args: &Args) -> anyhow::Result<String> {
    let text = match &args.password_file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?
        }
        None => std::io::read_to_string(std::io::stdin()).context("read the password")?,
    };
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
