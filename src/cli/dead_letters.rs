//! `dead-letters`: what will not be tried again by itself.

use super::{
    Global, output,
    setup::{self, Database},
};
use crate::{
    app::{Actor, Bridge, Letter, LetterFilter, Retried, Retry},
    domain::{Code, PortalName, ShopName},
};
use anyhow::Context as _;
use std::{path::PathBuf, process::ExitCode};

/// The most letters that one bulk command touches.
const BULK: u32 = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List open letters
    List(Filter),
    /// Show one letter whole
    Show {
        /// The letter's id
        id: i64,
    },
    /// Try again: one letter by id, or all that a filter names
    Retry {
        /// The letter's id; none: those of the filter
        id: Option<i64>,
        #[command(flatten)]
        filter: Filter,
        /// A file with the mended order (the event's `data`) to send instead
        #[arg(long, requires = "id", value_name = "FILE")]
        payload: Option<PathBuf>,
        /// Make a new deal if the old one is gone
        #[arg(long)]
        recreate: bool,
        /// Do it for all letters of the filter
        #[arg(long)]
        all_of_them: bool,
    },
    /// Let go of one letter
    Discard {
        /// The letter's id
        id: i64,
        /// Why, for those who look later
        #[arg(long)]
        reason: String,
    },
    /// Print letters as one JSON object a line
    Export(Filter),
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Filter {
    /// Of this shop
    #[arg(long)]
    shop: Option<String>,
    /// Of this portal
    #[arg(long)]
    portal: Option<String>,
    /// With this code, such as MAP-STATUS
    #[arg(long)]
    code: Option<String>,
    /// Of this order
    #[arg(long)]
    number: Option<String>,
    /// Only those after this id
    #[arg(long)]
    after: Option<i64>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

impl Filter {
    fn parsed(&self) -> anyhow::Result<LetterFilter> {
        let code = self
            .code
            .as_ref()
            .map(|code| Code::parse(code).with_context(|| format!("there is no code {code}")));
        let filter = LetterFilter {
            shop: self
                .shop
                .as_deref()
                .map(ShopName::parse)
                .transpose()
                .map_err(anyhow::Error::msg)?,
            portal: self
                .portal
                .as_deref()
                .map(PortalName::parse)
                .transpose()
                .map_err(anyhow::Error::msg)?,
            code: code.transpose()?,
            number: self.number.clone(),
            after: self.after,
            limit: self.limit,
        };
        Ok(filter)
    }

    fn is_empty(&self) -> bool {
        self.shop.is_none() && self.portal.is_none() && self.code.is_none() && self.number.is_none()
    }
}

pub(super) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = setup::config(global)?;
    let database = Database::open(&config, global).await?;
    let bridge = setup::bridge(&config, database.pool.clone());
    let done = perform(global, &bridge, command).await;
    database.close().await;
    done
}

async fn perform(global: &Global, bridge: &Bridge, command: &Command) -> anyhow::Result<ExitCode> {
    let who = Actor::new(format!("cli:{}", nix::unistd::geteuid()));
    match command {
        Command::List(filter) => {
            let page = bridge.dead_letters(&filter.parsed()?).await?;
            if global.json {
                output::json(&page)?;
            } else {
                list(&page.items);
                if let Some(next) = page.next {
                    output::say(format!("there are more: --after {next}"));
                }
            }
        }
        Command::Show { id } => {
            let letter = bridge
                .dead_letter(*id)
                .await?
                .with_context(|| format!("there is no open letter {id}"))?;
            if global.json {
                output::json(&letter)?;
            } else {
                show(&letter)?;
            }
        }
        Command::Retry {
            id: Some(id),
            payload,
            recreate,
            ..
        } => {
            let payload = payload
                .as_ref()
                .map(|file| -> anyhow::Result<_> {
                    let text = std::fs::read_to_string(file)
                        .with_context(|| format!("read {}", file.display()))?;
                    serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))
                })
                .transpose()?;
            tell(
                *id,
                bridge
                    .retry(
                        *id,
                        &who,
                        Retry {
                            payload,
                            recreate: *recreate,
                        },
                    )
                    .await?,
            );
        }
        Command::Retry {
            id: None,
            filter,
            recreate,
            all_of_them,
            ..
        } => {
            return retry_all(bridge, filter, *recreate, *all_of_them, &who).await;
        }
        Command::Discard { id, reason } => {
            bridge.discard(*id, &who, reason).await?;
            output::say(format!("letter {id} is discarded"));
        }
        Command::Export(filter) => export(bridge, filter.parsed()?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(bridge: &Bridge, mut filter: LetterFilter) -> anyhow::Result<()> {
    loop {
        let page = bridge.dead_letters(&filter).await?;
        for letter in &page.items {
            output::line(serde_json::to_string(letter)?);
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn retry_all(
    bridge: &Bridge,
    filter: &Filter,
    recreate: bool,
    sure: bool,
    who: &Actor,
) -> anyhow::Result<ExitCode> {
    if filter.is_empty() {
        output::say("name a letter, or say which ones: --shop, --portal, --code or --number");
        return Ok(ExitCode::from(2));
    }
    let letters = bridge
        .dead_letters(&LetterFilter {
            limit: BULK,
            ..filter.parsed()?
        })
        .await?
        .items;
    if !sure {
        output::say(format!(
            "{} letters would be tried again; add --all-of-them to do it",
            letters.len()
        ));
        return Ok(ExitCode::from(2));
    }
    output::say(format!("{} letters are tried again", letters.len()));
    let mut failed = 0;
    for letter in &letters {
        match bridge
            .retry(
                letter.id,
                who,
                Retry {
                    payload: None,
                    recreate,
                },
            )
            .await
        {
            Ok(retried) => tell(letter.id, retried),
            Err(error) => {
                failed += 1;
                output::say(format!("letter {}: {error}", letter.id));
            }
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell(id: i64, retried: Retried) {
    output::say(match retried {
        Retried::Queued => format!("letter {id} is on its way again"),
        Retried::Overtaken => {
            format!("letter {id} is closed: the shop has sent a newer snapshot since")
        }
    });
}

fn list(letters: &[Letter]) {
    let rows = letters.iter().map(|letter| {
        vec![
            letter.id.to_string(),
            letter.shop.clone().unwrap_or_default(),
            letter.number.clone().unwrap_or_default(),
            letter.code.clone(),
            letter.attempts.to_string(),
            letter
                .last_failed_at
                .format("%Y-%m-%d %H:%M:%S")
                .to_string(),
            letter.message.chars().take(80).collect(),
        ]
    });
    output::table(
        &[
            "id",
            "shop",
            "order",
            "code",
            "tries",
            "last failed",
            "message",
        ],
        rows.collect(),
    );
}

fn show(letter: &Letter) -> anyhow::Result<()> {
    let sentence = Code::parse(&letter.code)
        .map(Code::sentence)
        .unwrap_or_default();
    output::line(format!("letter {}: {} {sentence}", letter.id, letter.code));
    output::line(format!("  message  {}", letter.message));
    output::line(format!("  remedy   {}", letter.remedy));
    output::line(format!(
        "  order    {} of {}, {} tries, {} to {}",
        letter.number.as_deref().unwrap_or("-"),
        letter.shop.as_deref().unwrap_or("-"),
        letter.attempts,
        letter.first_failed_at.format("%Y-%m-%d %H:%M:%S"),
        letter.last_failed_at.format("%Y-%m-%d %H:%M:%S")
    ));
    output::line(serde_json::to_string_pretty(&letter.payload)?);
    Ok(())
}
