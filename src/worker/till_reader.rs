//! The lane of a till whose vendor has an API: MoySklad's documents are read from a cursor, and
//! those that a webhook told of one by one.

use super::lanes::restarts::Restarts;
use crate::{
    app::{App, Incidents, Intake, Lanes, Stock, TILL, stock::TillReader},
    clients::moysklad::{self, Client},
    domain::{ErrorCode, TillName},
    formats::tills::{self, MoyskladDocument},
    process::telemetry::chain,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
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

/// Reads a till until told to stop, by the use cases over the newest settings. Of several processes
/// one at a time does it.
pub(super) async fn keep(
    mut newest: watch::Receiver<App>,
    till: TillName,
    client: Client,
    turns: Restarts,
    stop: CancellationToken,
) {
    let mut app = newest.borrow_and_update().clone();
    let wake_up = app.waker().subscribe(&format!("{TILL}{till}"));
    let mut unread = Unread {
        lane: format!("{TILL}{till}"),
        times: 0,
        told: true,
    };
    while !stop.is_cancelled() {
        let read = once((&app.stock, &app.intake), &till, &client).await;
        if let Err(error) = &read {
            let error = chain(error);
            tracing::warn!(%till, %error, "a till could not be read; it is tried again");
        }
        // What a vendor does is no failure of the work here.
        match &read {
            Err(Failed::App(error)) => turns.failed(&chain(error)).await,
            Ok(()) | Err(Failed::Vendor(_)) => turns.went_well().await,
        }
        match &read {
            Err(Failed::Vendor(error)) => unread.again(&app.lanes, chain(error)).await,
            Ok(()) => unread.over(&app.lanes).await,
            Err(Failed::App(_)) => {}
        }
        let until = Instant::now() + PAUSE;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => break,
                () = wake_up.notified() => break,
                () = stop.cancelled() => break,
                Ok(()) = newest.changed() => app.clone_from(&newest.borrow_and_update()),
            }
        }
    }
}

/// How often a vendor's API could not be read, one time after the other.
struct Unread {
    lane: String,
    times: u32,
    /// Whether people may have been told: at first, by an earlier process.
    told: bool,
}

impl Unread {
    /// It could not be read, in these words. A single time passes by itself.
    async fn again(&mut self, lanes: &Lanes, words: String) {
        self.times = self.times.saturating_add(1);
        if self.times > 1 {
            self.told = true;
            let mut incidents = Incidents::default();
            incidents.notes.push((ErrorCode::TillUnread, words, 1));
            self.write(lanes, &incidents).await;
        }
    }

    /// The till was read to its end: what was told of it as unread is over.
    async fn over(&mut self, lanes: &Lanes) {
        self.times = 0;
        if self.told {
            let mut incidents = Incidents::default();
            incidents.over.push(ErrorCode::TillUnread);
            self.told = !self.write(lanes, &incidents).await;
        }
    }

    async fn write(&self, lanes: &Lanes, incidents: &Incidents) -> bool {
        let written = lanes.record(&self.lane, incidents).await;
        if let Err(error) = &written {
            tracing::debug!(lane = self.lane, %error, "a till's trouble cannot be written down");
        }
        written.is_ok()
    }
}

/// Reads what was told of, and what has changed.
async fn once(
    (stock, intake): (&Stock, &Intake),
    till: &TillName,
    client: &Client,
) -> Result<(), Failed> {
    let Some(mut reader) = stock.read_till(till).await? else {
        return Ok(());
    };
    let read = read_all(intake, till, client, &mut reader).await;
    // What was told meanwhile has woken this reader again, who must not stand in his own way.
    let left = reader.leave().await;
    read?;
    Ok(left?)
}

async fn read_all(
    intake: &Intake,
    till: &TillName,
    client: &Client,
    reader: &mut TillReader,
) -> Result<(), Failed> {
    read_told(intake, till, client, reader).await?;
    read_changed(intake, till, client, reader).await
}

/// Documents that webhooks told of; one that is not there is annulled. What was told and makes no
/// sense to the vendor holds nothing up: what has really changed is found by the cursor.
async fn read_told(
    intake: &Intake,
    till: &TillName,
    client: &Client,
    reader: &mut TillReader,
) -> Result<(), Failed> {
    for (document, hint) in reader.hints().await? {
        let row = match client.document(document.entity(), &hint.document).await {
            Err(error) if error.is_of_one_document() => {
                let document = &hint.document;
                tracing::warn!(%till, document, %error, "what a webhook told of is passed over");
                reader.done(&hint).await?;
                continue;
            }
            row => row?,
        };
        let event = if let Some(row) = row {
            tills::moysklad::event(till, document, &row)
        } else {
            let version = reader.version_after(&hint.document).await?;
            tills::moysklad::gone(till, (document, &hint.document), version)
        };
        intake.take_receipts(till, &[event]).await?;
        reader.done(&hint).await?;
    }
    Ok(())
}

/// Documents that have changed since the cursor, those in the bin, too. The cursor moves when all
/// were read.
async fn read_changed(
    intake: &Intake,
    till: &TillName,
    client: &Client,
    reader: &mut TillReader,
) -> Result<(), Failed> {
    let (cursor, _) = reader.cursor().await?;
    let mut newest = cursor;
    for document in MoyskladDocument::ALL {
        for deleted in [false, true] {
            let since = cursor - OVERLAP;
            let read = read_pages(intake, till, client, (document, deleted), since).await?;
            newest = newest.max(read.unwrap_or(newest));
        }
    }
    Ok(reader.advance(newest).await?)
}

/// Takes all documents that have changed since then, or all in the bin; says when the newest was
/// changed. Each page begins at the moment at which the one before ended: whoever changes a
/// document meanwhile moves it to the end, and those behind it up, past a page that is counted.
async fn read_pages(
    intake: &Intake,
    till: &TillName,
    client: &Client,
    (document, deleted): (MoyskladDocument, bool),
    mut since: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Failed> {
    let mut newest = None;
    let mut offset = 0;
    loop {
        let from = tills::moysklad::moscow(since);
        let bin = if deleted { ";isDeleted=true" } else { "" };
        let filter = format!("updated>={from}{bin}");
        let (rows, more) = client.page(document.entity(), &filter, offset).await?;
        let last = rows.iter().filter_map(tills::moysklad::updated).max();
        newest = newest.max(last);
        let event = |row| tills::moysklad::event(till, document, row);
        let events: Vec<_> = rows.iter().map(event).collect();
        intake.take_receipts(till, &events).await?;
        if !more {
            return Ok(newest);
        }
        match last.filter(|last| *last > since) {
            Some(last) => (since, offset) = (last, 0),
            // A whole page of one moment.
            None => offset += rows.len(),
        }
    }
}
