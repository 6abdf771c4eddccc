//! `sandbox --onec ADDRESS`: a simulated 1C base; `sandbox --onec-push ADDRESS`: its HTTP service.

mod typed;

use super::{Args, output};
use crate::{
    process::signals,
    sandbox::onec::{Exchange, Kept, OneC, Service, Trouble},
};
use anyhow::Context as _;
use std::{io::BufRead as _, net::SocketAddr, process::ExitCode, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use typed::Said;

pub(super) async fn run(args: &Args, address: &str, login: &str) -> anyhow::Result<ExitCode> {
    let mut lines = standard_input();
    let password = password(args, &mut lines).await?;
    let mut exchange = Exchange::new(address, login, &password);
    exchange.version.clone_from(&args.schema_version);
    exchange.cml_version.clone_from(&args.cml_version);
    exchange.says_success = !args.never_success;
    let mut base = OneC::new(exchange)?;
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let every = Duration::from_secs(args.every.max(1));
    let mut pause = tokio::time::interval(every);
    pause.tick().await;
    let (mut open, mut went_well) = (args.acts, true);
    let mut line = "exchange".to_owned();
    loop {
        if !line.trim().is_empty() {
            let done = Box::pin(done(&mut base, &line));
            let Some(told) = stop.run_until_cancelled(done).await else {
                return Ok(ExitCode::SUCCESS);
            };
            went_well &= said(&told);
        }
        if !open && args.every == 0 {
            return Ok(ExitCode::from(u8::from(!went_well)));
        }
        line = tokio::select! {
            () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
            _ = pause.tick(), if args.every > 0 => "exchange".to_owned(),
            line = lines.recv(), if open => line.unwrap_or_else(|| {
                open = false;
                String::new()
            }),
        };
    }
}

/// The HTTP service alone: it tells of each order that is brought to it.
pub(super) async fn serve(
    args: &Args,
    address: SocketAddr,
    login: &str,
) -> anyhow::Result<ExitCode> {
    let password = password(args, &mut standard_input()).await?;
    let version = args.schema_version.as_deref().unwrap_or("2.09");
    let (service, mut pushed) = Service::listen(address, (login, &password), version).await?;
    output::say("an HTTP service of a 1C base: what it has is in memory");
    output::line(service.url());
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    while let Some(Some(order)) = stop.run_until_cancelled(pushed.recv()).await {
        match order {
            Ok(order) => output::line(line_of(&order)),
            Err(trouble) => output::say(trouble),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The password: in the first line of the file, else of the standard input.
async fn password(args: &Args, lines: &mut mpsc::Receiver<String>) -> anyhow::Result<String> {
    let text = match &args.password_file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?
        }
        None => lines.recv().await.unwrap_or_default(),
    };
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The lines of the standard input: it is read by a thread, which may wait for ever.
fn standard_input() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Tells what went wrong; whether nothing did.
fn said(told: &Result<(), Trouble>) -> bool {
    if let Err(trouble) = told {
        output::say(trouble);
    }
    told.is_ok()
}

async fn done(base: &mut OneC, line: &str) -> Result<(), Trouble> {
    match line.parse::<Said>().map_err(Trouble)? {
        Said::Act(number, act) => {
            base.act(&number, act)?;
            output::say(format!("{number}: entered, goes with the next exchange"));
        }
        Said::Exchange => {
            fetch(base).await?;
            send(base).await?;
        }
        Said::Fetch => fetch(base).await?,
        Said::Send => send(base).await?,
        Said::Catalogue => catalogue(base).await?,
        Said::CutFetch(bytes) => {
            base.sign_in("sale").await?;
            base.init("sale").await?;
            base.query_cut(bytes).await?;
            output::say(format!("the answer was cut after {bytes} bytes"));
        }
        Said::CutSend(bytes) => {
            base.send_cut(bytes).await?;
            output::say(format!("the file was cut after {bytes} bytes"));
        }
    }
    Ok(())
}

async fn send(base: &mut OneC) -> Result<(), Trouble> {
    if let Some(said) = base.send_changes().await? {
        output::say(format!(
            "sent the changes; the site says: {}",
            said.join(" | ")
        ));
    }
    Ok(())
}

async fn catalogue(base: &mut OneC) -> Result<(), Trouble> {
    let goods = base.load_catalogue().await?;
    for (id, one) in &goods {
        let prices: Vec<String> = one
            .prices
            .iter()
            .map(|(kind, (price, currency))| format!("{kind}: {price} {currency}"))
            .collect();
        output::line(format!("{id}  {}  {}", one.name, prices.join(", ")));
    }
    output::say(format!(
        "the site's products are loaded: the base has {}",
        goods.len()
    ));
    Ok(())
}

async fn fetch(base: &mut OneC) -> Result<(), Trouble> {
    let brought = base.fetch_orders().await?;
    for order in base.orders.values() {
        output::line(line_of(order));
    }
    let (queries, orders) = (brought.queries, brought.orders);
    output::say(format!(
        "an exchange: {} of {}; the base has {}",
        output::count(orders, "order"),
        output::count(queries, "query"),
        base.orders.len()
    ));
    Ok(())
}

/// An order as it is told.
fn line_of(order: &Kept) -> String {
    let status = order.requisites.get("Статус заказа");
    let status = status.map_or("-", String::as_str);
    let (number, total, currency) = (&order.number, order.total, &order.currency);
    let received = match order.times {
        1 => "received once".to_owned(),
        times => format!("received {times} times"),
    };
    format!("{number}  {total} {currency}  {status}  {received}")
}
