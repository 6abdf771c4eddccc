//! `forms`: what the forms of a shop's site have sent.

use crate::{
    app::{Error, Submission, SubmissionFilter},
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::{ErrorCode, Place, ShopName},
};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List submissions, newest first
    List {
        /// Only those of this shop
        #[arg(long)]
        shop: Option<String>,
        /// Only those that are kept and not delivered, or only those that were taken
        #[arg(long, value_enum)]
        only: Option<Only>,
        /// Only those with ids below this
        #[arg(long)]
        below: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Deliver a submission that was kept: as a robot's, for want of consent, for its many fields
    Restore {
        /// The submission's id, as `forms list` shows it
        id: i64,
    },
}

/// Which submissions to list.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(in crate::cli) enum Only {
    /// Delivered, or on their way
    Taken,
    /// Filled in by robots
    Robot,
    /// Without the consent that the form requires
    NoConsent,
    /// With more fields than are read
    TooMany,
}

impl Only {
    fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Robot => "robot",
            Self::NoConsent => "no_consent",
            Self::TooMany => "too_many",
        }
    }
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = match command {
        Command::List {
            shop,
            only,
            below,
            limit,
        } => {
            let shop = shop.as_deref().map(ShopName::parse).transpose();
            let filter = SubmissionFilter {
                shop: shop.map_err(anyhow::Error::msg)?,
                verdict: only.map(|only| only.word().to_owned()),
                below: *below,
                limit: *limit,
            };
            let found = app.forms.submissions(&filter).await;
            found
                .map_err(Into::into)
                .and_then(|found| show(global, &found))
        }
        Command::Restore { id } => {
            match app.forms.restore_submission(*id, &bootstrap::actor()).await {
                Ok(()) => {
                    let result = json!({ "result": "queued" });
                    let sentence = format!("submission {id} waits for its portal");
                    output::done(&result, sentence).map(|()| ExitCode::SUCCESS)
                }
                Err(Error::NotFound) => anyhow::bail!("no submission {id} is kept"),
                Err(error) => Err(error.into()),
            }
        }
    };
    database.close().await;
    done
}

fn show(global: &Global, found: &[Submission]) -> anyhow::Result<ExitCode> {
    if global.json {
        output::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    for one in found {
        let at = one.received_at.format("%Y-%m-%d %H:%M:%S");
        let cards = [
            ("lead", one.lead_id),
            ("deal", one.deal_id),
            ("contact", one.contact_id),
        ];
        let card =
            cards.map(|(card, id)| id.map_or_else(String::new, |id| format!("  {card} {id}")));
        let card = card.concat();
        output::line(format!(
            "{}  {at}  {}/{}  {}{card}",
            one.id, one.shop, one.form, one.state
        ));
        if let Some(code) = one.code.as_deref().and_then(ErrorCode::parse) {
            let remedy = Place::shop(&one.shop).fill(code.remedy());
            output::line(format!("    {code}: {} {remedy}", code.sentence()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
