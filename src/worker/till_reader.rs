//! The lane of a till whose vendor has an API: MoySklad's documents are read from a cursor, and
//! those that a webhook told of one by one.

use super::lanes::restarts::Restarts;
use crate::{
    app::{App, TILL, stock::TillReader},
    clients::moysklad::{self, Client},
    domain::TillName,
    formats::tills::{self, MoyskladDocument},
    process::telemetry::chain,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is read though nothing was told.
const PAUSE: Duration = Duration::from_mins(1);
/// So much before the cursor is read again: changes of one moment do not come all at once.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);

/// Why a till could not be read.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    App(#[from] crate::app::Error),
    #[error(transparent)]
    Vendor(#[from] moysklad::Error),
}

/// Reads a till until told to stop. Of several processes one at a time does it.
pub(super) async fn keep(
    app: App,
    till: TillName,
    client: Client,
    turns: Restarts,
    stop: CancellationToken,
) {
    let bell = app.waker().subscribe(&format!("{TILL}{till}"));
    while !stop.is_cancelled() {
        match once(&app, &till, &client).await {
            Ok(()) => turns.went_well().await,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(%till, %error, "a till could not be read; it is tried again");
                turns.failed(&error).await;
            }
        }
        let more = tokio::time::timeout(PAUSE, bell.notified());
        stop.run_until_cancelled(more).await;
    }
}

/// Reads what was told of, and what has changed.
async fn once(app: &App, till: &TillName, client: &Client) -> Result<(), Failed> {
    let Some(mut reader) = app.stock.read_till(till).await? else {
        return Ok(());
    };
    read_told(app, till, client, &mut reader).await?;
    read_changed(app, till, client, &mut reader).await
}

/// Documents that webhooks told of; one that is not there is annulled.
async fn read_told(
    app: &App,
    till: &TillName,
    client: &Client,
    reader: &mut TillReader,
) -> Result<(), Failed> {
    for (document, hint) in reader.hints().await? {
        let row = client.document(document.entity(), &hint.document).await?;
        let event = if let Some(row) = row {
            tills::moysklad::event(till, document, &row)
        } else {
            let (_, now) = reader.cursor().await?;
            tills::moysklad::gone(till, (document, &hint.document), now)
        };
        app.intake.take_receipts(till, &[event]).await?;
        reader.done(&hint).await?;
    }
    Ok(())
}

/// Documents that have changed since the cursor, those in the bin, too. The cursor moves when all
/// were read.
async fn read_changed(
    app: &App,
    till: &TillName,
    client: &Client,
    reader: &mut TillReader,
) -> Result<(), Failed> {
    let (cursor, _) = reader.cursor().await?;
    let since = tills::moysklad::moscow(cursor - OVERLAP);
    let mut newest = cursor;
    for document in MoyskladDocument::ALL {
        for more in ["", ";isDeleted=true"] {
            let filter = format!("updated>={since}{more}");
            let read = read_pages(app, till, client, document, &filter).await?;
            newest = newest.max(read.unwrap_or(newest));
        }
    }
    Ok(reader.advance(newest).await?)
}

/// Takes all documents that a filter means; says when the newest was changed.
async fn read_pages(
    app: &App,
    till: &TillName,
    client: &Client,
    document: MoyskladDocument,
    filter: &str,
) -> Result<Option<DateTime<Utc>>, Failed> {
    let mut newest = None;
    let mut offset = 0;
    loop {
        let (rows, more) = client.page(document.entity(), filter, offset).await?;
        offset += rows.len();
        newest = newest.max(rows.iter().filter_map(tills::moysklad::updated).max());
        let event = |row| tills::moysklad::event(till, document, row);
        let events: Vec<_> = rows.iter().map(event).collect();
        app.intake.take_receipts(till, &events).await?;
        if !more {
            return Ok(newest);
        }
    }
}
