//! Stocks: what waits for a person, and whether levels are what their moves come to; and tills.

use super::report::Report;
use crate::{
    app::{
        App,
        stock::{OddUnit, TillView, UnclearCount, UntakenWarehouse},
    },
    cli::output,
    domain::{ErrorCode, Place},
    stock::StockSettings,
};

/// Open shortages that are counted.
const MOST: i64 = 1_000;

/// How long a till's API may go unread, in seconds.
const UNREAD: f64 = 600.0;

/// Looks at every stock.
pub(super) async fn check(app: &App, report: &mut Report) {
    for of in app.stock.stocks() {
        let what = format!("stock {}", of.name);
        if let Err(error) = one(app, of, &what, report).await {
            report.wrong(what, error.chain(), ErrorCode::Database);
        }
    }
    match app.stock.till_views().await {
        Ok(tills) => tills.iter().for_each(|till| look_at(till, report)),
        Err(error) => report.wrong("tills", error.chain(), ErrorCode::Database),
    }
}

/// What a till has sent, and what of it waits.
fn look_at(till: &TillView, report: &mut Report) {
    let what = format!("till {}", till.till);
    for (count, why, code) in [
        (
            till.storeless,
            "a store that is not known",
            ErrorCode::UnknownStore,
        ),
        (
            till.in_other_units,
            "a product in another unit than it is counted in",
            ErrorCode::OtherUnit,
        ),
        (
            till.parked - till.storeless - till.in_other_units,
            "a product that is not known",
            ErrorCode::UnknownProduct,
        ),
    ] {
        if count > 0 {
            let found = format!("receipts that name {why}, and wait for it: {count}");
            let at = Place {
                shop: Some(&till.shop),
                ..Place::till(&till.till)
            };
            report.wrong_at(at, &what, found, code);
        }
    }
    if let Some(seconds) = till.unread_for.filter(|seconds| *seconds > UNREAD) {
        let found = format!("its vendor's API was last read {seconds:.0} s ago");
        let steps = vec![
            "is `serve` running? The console and `status` tell why a till cannot be read"
                .to_owned(),
            format!("b24-bridge tills test {}", till.till),
        ];
        report.note(&what, found, steps);
    } else if till.parked == 0 {
        let found = match till.newest {
            Some(newest) => format!(
                "{} receipts in a day, the newest came {}",
                till.received,
                newest.format("%Y-%m-%d %H:%M")
            ),
            None => "no receipt within a month".to_owned(),
        };
        report.fine(what, found);
    }
}

async fn one(
    app: &App,
    of: &StockSettings,
    what: &str,
    report: &mut Report,
) -> Result<(), crate::app::Error> {
    let name = of.name.as_str();
    let checked = app.stock.check_stock(name).await?;
    if let Some(level) = checked.unproved.first() {
        let found = format!("{} in {}: {}", level.product, level.store, level.text);
        report.wrong(what, found, ErrorCode::Bug);
    }
    let foreign = app.stock.foreign_warehouses(of).await?;
    if !foreign.is_empty() {
        let called = |one: &UntakenWarehouse| {
            let id = if one.id.is_empty() {
                "(none named)"
            } else {
                &*one.id
            };
            let name = one.name.as_deref().map(|name| format!(" {name}"));
            format!(
                "{id}{} ({} products)",
                name.unwrap_or_default(),
                one.products
            )
        };
        let all: Vec<_> = foreign.iter().map(called).collect();
        let found = format!(
            "1C counts in warehouses that are no stores of it: {}",
            all.join(", ")
        );
        let step = format!(
            "Add the id to `ids` of a store of `[stock.{name}]` and restart, if its goods are sold \
             there; else there is nothing to do."
        );
        report.note(what, found, vec![step]);
    }
    let counted = counted_by_onec(app, of, what, report).await?;
    let open = app.stock.open_shortages(name, MOST).await?.len();
    if open > 0 {
        let found = format!("{} left to a person", output::count(open, "shortage"));
        report.wrong_at(Place::stock(name), what, found, ErrorCode::StockShortage);
    }
    if open == 0 && counted && checked.unproved.is_empty() {
        let found = format!(
            "{} proved by their moves; its master is `{}`",
            output::count(checked.levels, "level"),
            of.master.as_str()
        );
        report.fine(what, found);
    }
    Ok(())
}

/// What 1C counts that says nothing of the goods that the shops sell; true: nothing of the kind.
async fn counted_by_onec(
    app: &App,
    of: &StockSettings,
    what: &str,
    report: &mut Report,
) -> Result<bool, crate::app::Error> {
    let name = of.name.as_str();
    let odd = app.stock.odd_units(of).await?;
    if !odd.is_empty() {
        let said = |one: &OddUnit| {
            let OddUnit {
                product,
                onec,
                shop,
            } = one;
            format!("{product} (1C: {onec}, the shop: {shop})")
        };
        let all: Vec<_> = odd.iter().map(said).collect();
        let found = format!(
            "1C counts in another unit than the shop sells, and these counts wait: {}",
            all.join(", ")
        );
        report.wrong_at(Place::stock(name), what, found, ErrorCode::OtherUnit);
    }
    let unclear = app.stock.unclear_counts(of).await?;
    if !unclear.is_empty() {
        let said = |one: &UnclearCount| {
            let UnclearCount { id, name, products } = one;
            format!("{id} (`{name}` is that of {products})")
        };
        let all: Vec<_> = unclear.iter().map(said).collect();
        let found = format!(
            "1C counts products by their ids in 1C alone, and their articles or barcodes are those \
             of other products: {}",
            all.join(", ")
        );
        report.wrong_at(Place::stock(name), what, found, ErrorCode::UnknownProduct);
    }
    Ok(odd.is_empty() && unclear.is_empty())
}
