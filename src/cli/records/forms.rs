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
                shop: shop.map_err(output::wrong_word)?,
                verdict: only.map(|only| only.word().to_owned()),
                below: *below,
                limit: *limit,
            };
            let found = app.forms.submissions(&filter).await;
            found.map_err(Into::into).and_then(|found| {
                if found.is_empty() {
                    bootstrap::refuse_unknown(&app, filter.shop.as_ref(), None)?;
                }
                show(global, &found)
            })
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
        output::list(found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |one: &Submission| {
        let cards = [
            ("lead", one.lead_id),
            ("deal", one.deal_id),
            ("contact", one.contact_id),
        ];
        let cards = cards.into_iter();
        let cards = cards.filter_map(|(card, id)| id.map(|id| format!("{card} {id}")));
        vec![
            one.id.to_string(),
            one.received_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            format!("{}/{}", one.shop, one.form),
            one.state.to_owned(),
            cards.collect::<Vec<_>>().join(", "),
            one.code.clone().unwrap_or_default(),
        ]
    };
    output::table(
        &["id", "received", "form", "state", "cards", "code"],
        found.iter().map(row).collect(),
    );
    let mut told: Vec<(ErrorCode, &String)> = Vec::new();
    for one in found {
        let code = one.code.as_deref().and_then(ErrorCode::parse);
        let code = code.map(|code| (code, &one.shop));
        if let Some((code, shop)) = code.filter(|new| !told.contains(new)) {
            let remedy = Place::shop(shop).fill(code.remedy());
            output::sentence("", &format!("{code}: {} {remedy}", code.sentence()));
            told.push((code, shop));
        }
    }
    Ok(ExitCode::SUCCESS)
}
