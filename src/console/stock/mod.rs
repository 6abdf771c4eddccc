//! Pages of stock: what each store has, who waits for a decision, a product's ledger, and receipts
//! of tills.

pub(super) mod ledger;
pub(super) mod page;
pub(super) mod receipts;
pub(super) mod shortages;

/// The address of a product's ledger.
fn ledger_of(stock: &str, product: &str) -> String {
    use super::ui::links;
    links::link(
        "/console/stock/ledger",
        &[("stock", Some(stock)), ("product", Some(product))],
    )
}
