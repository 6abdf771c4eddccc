//! The agreement about an order after a message was taken, given up or tried again.

use super::messages::line;
use crate::{
    app::{
        Error,
        sync::withdrawal::{self, took},
    },
    domain::{
        OrderKey,
        happening::{Acknowledged, OrderEvent, SyncEvent},
    },
    storage::{
        AskedBy,
        journal::{self, LineKind},
        queue::orders,
        sync::{
            agreements::{self, Row},
            clock_offsets, comparisons,
            status_changes::{self, ChangeRow},
        },
    },
};
use sqlx::PgConnection;

/// Locks the orders of these messages.
pub(in crate::app) async fn lock_orders<'a>(
    tx: &mut PgConnection,
    changes: impl IntoIterator<Item = &'a ChangeRow>,
) -> Result<(), Error> {
    let keys = changes
        .into_iter()
        .map(|one| OrderKey::new(&one.shop, &one.number));
    let (shops, numbers) = OrderKey::columns(keys);
    orders::lock(tx, &shops, &numbers).await?;
    Ok(())
}

/// Marks changes as known to the shop, whichever way it learnt of them. Of several the orders are
/// locked by now.
pub(in crate::app) async fn acknowledge(
    tx: &mut PgConnection,
    changes: &[ChangeRow],
    how: Acknowledged,
) -> Result<(), Error> {
    for change in changes {
        let now = clock_offsets::now(tx).await?;
        let Some(mut row) = locked(tx, change).await? else {
            continue;
        };
        let order = OrderKey::new(&change.shop, &change.number);
        let delivered = status_changes::deliver(tx, &order, change.seq, change.attempts).await?;
        if !delivered.first {
            continue;
        }
        let first = change.first_sent_at.unwrap_or(now);
        if let Some(agreed) = took(&mut row, (change.decided_at, first), now) {
            if agreed.status == change.status {
                orders::set_status(tx, &change.shop, &change.number, &change.status).await?;
            }
            agreements::save(tx, &[row]).await?;
        }
        let what = SyncEvent::ShopHasStatus {
            status: change.status.clone(),
            previous: change.previous_status.clone(),
            how,
        };
        let mut lines = vec![line(change, LineKind::Told, what)];
        for letter in delivered.letters {
            lines.push(line(
                change,
                LineKind::Overtaken,
                OrderEvent::LetterToldNewer { letter },
            ));
        }
        journal::add(tx, &lines).await?;
    }
    Ok(())
}

/// Nobody sends the message any more. Where the shop says its status by itself, the two are
/// compared: they agree then, and there is nothing left to tell.
pub(super) async fn died(
    tx: &mut PgConnection,
    change: &ChangeRow,
    mut row: Row,
) -> Result<(), Error> {
    let now = clock_offsets::now(tx).await?;
    withdrawal::died(&mut row, change.decided_at, now);
    let said = row.said.clone().filter(|said| !said.deleted);
    let has_it = said.is_some_and(|said| said.status.as_ref() == Some(&change.status));
    agreements::save(tx, &[row]).await?;
    if has_it {
        ask(tx, change).await?;
    }
    Ok(())
}

/// A message that was given up is tried again.
pub(in crate::app) async fn revived(
    tx: &mut PgConnection,
    change: &ChangeRow,
) -> Result<(), Error> {
    if let Some(mut row) = locked(tx, change).await? {
        withdrawal::revived(&mut row, change.decided_at);
        agreements::save(tx, &[row]).await?;
    }
    Ok(())
}

/// The order's agreement, locked. One that cannot be read stays as it is; it is told when the
/// order is compared.
pub(super) async fn locked(
    tx: &mut PgConnection,
    change: &ChangeRow,
) -> Result<Option<Row>, Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    orders::lock(tx, &shops, &numbers).await?;
    let Some(found) = agreements::lock(tx, &shops, &numbers).await?.pop() else {
        return Ok(None);
    };
    let row = found.into_row().ok();
    if row.is_none() {
        ask(tx, change).await?;
    }
    Ok(row)
}

/// The order of a message is to be compared.
pub(super) async fn ask(tx: &mut PgConnection, change: &ChangeRow) -> Result<(), Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    let portals = [change.portal.clone()];
    Ok(comparisons::ask(tx, (&shops, &numbers, &portals), AskedBy::Shop, 0).await?)
}
