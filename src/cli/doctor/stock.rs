//! Stocks: what waits for a person, and whether levels are what their moves come to.

use super::report::Report;
use crate::{app::App, domain::ErrorCode, stock::StockSettings};

/// Open shortages that are counted.
const MOST: i64 = 1_000;

/// Looks at every stock.
pub(super) async fn check(app: &App, report: &mut Report) {
    for of in app.stock.stocks() {
        let what = format!("stock {}", of.name);
        if let Err(error) = one(app, of, &what, report).await {
            report.wrong(what, error.chain(), ErrorCode::Database);
        }
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
    let open = app.stock.open_shortages(name, MOST).await?.len();
    if open > 0 {
        let found = format!("{open} shortages wait for a person");
        report.wrong(what, found, ErrorCode::StockShortage);
    }
    if open == 0 && checked.unproved.is_empty() {
        let found = format!(
            "{} levels are what their moves come to; its master is `{}`",
            checked.levels,
            of.master.as_str()
        );
        report.fine(what, found);
    }
    Ok(())
}
