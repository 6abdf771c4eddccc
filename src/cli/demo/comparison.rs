//! Sending the day, watching it arrive, and comparing both sides.

use super::sample_day::{Day, Expected, KEY};
use crate::{
    app::{App, LetterFilter},
    cli::output,
    sandbox::Sandbox,
};
use anyhow::Context as _;
use indicatif::ProgressBar;
use rust_decimal::Decimal;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// What became of the day.
#[derive(Debug, Default)]
pub(super) struct Report {
    orders: usize,
    events: usize,
    deals: usize,
    leads: usize,
    contacts: usize,
    companies: usize,
    letters: BTreeMap<String, usize>,
    requests: u64,
    commands: u64,
    throttled: u64,
    pub(super) faults: Vec<String>,
}

impl Report {
    pub(super) fn is_fine(&self) -> bool {
        self.faults.is_empty()
    }
}

pub(super) async fn follow(
    app: &App,
    portal: &Sandbox,
    api: &str,
    day: &Day,
    until: Instant,
    stop: &CancellationToken,
) -> anyhow::Result<Report> {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build()?;
    let post = async |event: &Value| {
        let request = http
            .post(format!("{api}/v1/events"))
            .bearer_auth(KEY)
            .json(event);
        let answer = request.send().await.context("post an event")?;
        anyhow::Ok(answer.status().as_u16())
    };
    let mut faults = Vec::new();
    let refused = post(&day.refused).await?;
    if refused != 422 {
        faults.push(format!(
            "an invalid event was answered with {refused} instead of 422"
        ));
    }
    output::say(format!("sending {} orders …", day.expected.len()));
    let bar = bar(day.expected.len());
    for event in &day.events {
        let status = post(event).await?;
        if status != 202 {
            faults.push(format!(
                "the event {} was answered with {status}",
                event["id"]
            ));
        }
    }
    loop {
        let status = app.operations.status().await?;
        let waiting: i64 = status.shops.iter().map(|shop| shop.pending).sum();
        let settled = i64::try_from(day.expected.len()).unwrap_or(i64::MAX) - waiting;
        bar.set_position(settled.try_into().unwrap_or(0));
        if waiting == 0 {
            break;
        }
        if Instant::now() > until || stop.is_cancelled() {
            faults.push(format!("{waiting} orders still wait"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    let mut report = compare(app, portal, day).await?;
    report.events = day.events.len();
    report.faults.splice(0..0, faults);
    Ok(report)
}

fn bar(orders: usize) -> ProgressBar {
    let template = "{bar:40} {pos}/{len} orders settled, {per_sec:.0}, {elapsed}";
    output::progress(orders as u64, template)
}

fn text(row: &Value, field: &str) -> String {
    match row.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Holds the portal's own data against what the day should have come to.
async fn compare(app: &App, portal: &Sandbox, day: &Day) -> anyhow::Result<Report> {
    let (deals, leads) = (portal.deals(), portal.leads());
    let stats = portal.stats();
    let mut report = Report {
        orders: day.expected.len(),
        deals: deals.len(),
        leads: leads.len(),
        contacts: portal.contacts().len(),
        companies: portal.companies().len(),
        requests: stats.requests,
        commands: stats.commands,
        throttled: stats.throttled,
        ..Report::default()
    };
    let filter = LetterFilter {
        limit: 500,
        ..LetterFilter::default()
    };
    let letters = app.dead_letters.dead_letters(&filter).await?.items;
    for letter in &letters {
        *report.letters.entry(letter.code.clone()).or_default() += 1;
    }
    let dead: BTreeMap<String, &str> = letters
        .iter()
        .filter_map(|letter| Some((letter.number.clone()?, letter.code.as_str())))
        .collect();
    for (number, expected) in &day.expected {
        let of = |rows: &[Value]| {
            rows.iter()
                .filter(|row| text(row, "ORIGIN_ID") == *number)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (deals, leads) = (of(&deals), of(&leads));
        let found = match expected {
            Expected::Deal(total) => one_deal(&deals, *total),
            Expected::Lead if leads.len() == 1 && deals.is_empty() => Ok(()),
            Expected::Lead => Err(format!("{} leads and {} deals", leads.len(), deals.len())),
            Expected::Dead(code) if dead.get(number) == Some(code) => Ok(()),
            Expected::Dead(code) => {
                Err(format!("no dead letter {code} but {:?}", dead.get(number)))
            }
        };
        if let Err(found) = found {
            report.faults.push(format!("order {number}: {found}"));
        } else if !matches!(expected, Expected::Dead(_)) && dead.contains_key(number) {
            report
                .faults
                .push(format!("order {number} is dead: {:?}", dead.get(number)));
        }
    }
    Ok(report)
}

fn one_deal(deals: &[Value], total: i64) -> Result<(), String> {
    let [deal] = deals else {
        return Err(format!("{} deals", deals.len()));
    };
    let sum: Option<Decimal> = text(deal, "OPPORTUNITY").parse().ok();
    if sum == Some(Decimal::new(total, 2)) {
        Ok(())
    } else {
        Err(format!(
            "the deal's sum is {} instead of {}",
            text(deal, "OPPORTUNITY"),
            Decimal::new(total, 2)
        ))
    }
}

pub(super) fn table(report: &Report, took: Duration) {
    let letters: Vec<String> = report
        .letters
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    output::table(
        &["the day", ""],
        vec![
            row("orders", report.orders.to_string()),
            row("events accepted", report.events.to_string()),
            row("events refused at once", "1".to_owned()),
            row("deals in the portal", report.deals.to_string()),
            row("leads", report.leads.to_string()),
            row("contacts", report.contacts.to_string()),
            row("companies", report.companies.to_string()),
            row("dead letters", letters.join(", ")),
            row(
                "requests to the portal",
                format!("{}, with {} commands", report.requests, report.commands),
            ),
            row("refused by its request limit", report.throttled.to_string()),
            row(
                "from the first event to the last deal",
                format!("{:.1} s", took.as_secs_f64()),
            ),
            row(
                "every order as it should be",
                if report.is_fine() { "yes" } else { "NO" }.to_owned(),
            ),
        ],
    );
}
