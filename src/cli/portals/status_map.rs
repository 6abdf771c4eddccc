//! `statuses`: the correspondence tables beside the portals' own funnels and stages.

use crate::{
    app::{
        App,
        status_map::{self, MapCheck, Severity, ShopStatus},
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    clients::{bitrix24::Client, connections::Connections},
    config::{Config, Portal, PortalAccess},
    domain::{ShopName, ShopRules, happening::Tell as _},
    formats::onec::Base,
};
use anyhow::Context as _;
use serde_json::json;
use std::{process::ExitCode, sync::Arc};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Compare the configured tables with the portals: unknown stages, stages in no row, statuses
    /// without a way back; with --spoke onec, those of 1C bases with what 1C has said
    Check(Check),
    /// Have a changed table move what was agreed under the old one; with --dry-run only show the
    /// plan
    Apply(Apply),
    /// Propose a table from names and meanings, as TOML to paste
    Suggest(Suggest),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Shops {
    /// Only the table of this shop
    #[arg(long)]
    shop: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    shops: Shops,
    #[command(flatten)]
    spoke: Spoke,
}

/// Whose table it is.
#[derive(Debug, clap::Args)]
struct Spoke {
    /// The shops' tables with the portals, or those of 1C bases
    #[arg(long, default_value = "portal", value_parser = ["portal", "onec"])]
    spoke: String,
}

impl Spoke {
    fn is_onec(&self) -> bool {
        self.spoke == "onec"
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Apply {
    #[command(flatten)]
    shops: Shops,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Suggest {
    #[command(flatten)]
    shops: Shops,
    #[command(flatten)]
    spoke: Spoke,
    /// The statuses of a fresh shop of this kind
    #[arg(long, value_parser = ["1c-bitrix", "woocommerce"])]
    kind: Option<String>,
    /// A status that the shop has, with its name; may be repeated
    #[arg(long = "status", value_name = "CODE[=NAME]")]
    statuses: Vec<String>,
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let by_app = |portal: &Portal| matches!(portal.access, PortalAccess::App(_));
    let of_onec = match command {
        Command::Check(Check { spoke, .. }) | Command::Suggest(Suggest { spoke, .. }) => {
            spoke.is_onec()
        }
        Command::Apply(_) => false,
    };
    let connections = bootstrap::connections()?;
    let needed =
        matches!(command, Command::Apply(_)) || of_onec || config.portals.values().any(by_app);
    let database = if needed {
        Some(Database::open(&config, global).await?)
    } else {
        Database::at_hand(&config, global).await
    };
    let app = database
        .as_ref()
        .map(|database| bootstrap::app(&config, database.pool.clone()));
    let asked = MapQuery {
        json: global.json,
        config,
        app,
        connections,
    };
    let done = match command {
        Command::Check(wanted) if of_onec => asked.check_bases(&wanted.shops).await,
        Command::Suggest(wanted) if of_onec => asked.suggest_bases(&wanted.shops).await,
        Command::Check(wanted) => asked.check(&wanted.shops).await,
        Command::Apply(wanted) => asked.apply(wanted).await,
        Command::Suggest(wanted) => asked.suggest(wanted).await,
    };
    if let Some(database) = database {
        database.close().await;
    }
    done
}

/// What a run has at hand. Without a database the portal's limit is not shared with those who drive
/// its lane.
struct MapQuery {
    json: bool,
    config: Config,
    app: Option<App>,
    connections: Connections,
}

impl MapQuery {
    async fn check(&self, shops: &Shops) -> anyhow::Result<ExitCode> {
        let (mut all, mut unread) = (Vec::new(), false);
        for rules in chosen(&self.config, shops)? {
            // One portal that cannot be asked says nothing of the others.
            match self.checked(&rules).await {
                Ok(checked) => all.push(checked),
                Err(error) => {
                    output::failure(&error);
                    unread = true;
                }
            }
        }
        if self.json {
            output::list(&all)?;
        } else {
            all.iter().for_each(print);
        }
        Ok(if unread || all.iter().any(MapCheck::faulty) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    async fn checked(&self, rules: &ShopRules) -> anyhow::Result<MapCheck> {
        let client = self.client(rules)?;
        let checked = status_map::check(rules, &client).await;
        checked.with_context(|| format!("the funnels of portal {} cannot be read", rules.portal))
    }

    async fn apply(&self, wanted: &Apply) -> anyhow::Result<ExitCode> {
        let app = self.app.as_ref().context("there is no database")?;
        let mut plan = Vec::new();
        for rules in chosen(&self.config, &wanted.shops)? {
            plan.extend(app.sync.table_plan(&rules.shop).await?);
        }
        if self.json {
            output::list(&plan)?;
        } else {
            for one in &plan {
                let what = one.outcome.sentence();
                output::line(format!("{}/{}: {what}", one.shop, one.number));
            }
        }
        let moves = plan
            .iter()
            .filter(|one| one.outcome.winner().is_some())
            .count();
        output::say(format!(
            "{moves} of {} orders that no longer agree are moved",
            plan.len()
        ));
        if !wanted.dry_run {
            for rules in chosen(&self.config, &wanted.shops)? {
                app.sync
                    .apply_table(&rules.shop, &bootstrap::actor())
                    .await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn suggest(&self, wanted: &Suggest) -> anyhow::Result<ExitCode> {
        let mut proposals = Vec::new();
        for rules in chosen(&self.config, &wanted.shops)? {
            let client = self.client(&rules)?;
            let toml = status_map::suggest(&rules, &client, &known(wanted, &rules))
            .await
            .with_context(|| format!("the funnels of portal {} cannot be read", rules.portal))?
            .with_context(|| {
                format!(
                    "portal {} shows no funnel {}: correct `shops.{}.funnel`, or let the bridge's \
                     user see it",
                    rules.portal, rules.funnel, rules.shop
                )
            })?;
            proposals.push((rules, toml));
        }
        if self.json {
            let one = |(rules, toml): &(Arc<ShopRules>, String)| {
                json!(
                    {"shop": rules.shop, "funnel": rules.funnel, "toml": toml}
                )
            };
            output::list(&proposals.iter().map(one).collect::<Vec<_>>())?;
        } else {
            for (_, toml) in &proposals {
                output::line(toml);
            }
            output::say(
                "look it over: in the settings it replaces the shop's [[shops.NAME.statuses]]",
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn check_bases(&self, shops: &Shops) -> anyhow::Result<ExitCode> {
        let app = self.app.as_ref().context("there is no database")?;
        let mut all = Vec::new();
        for base in self.bases(shops)? {
            all.push(app.onec.check_statuses(&base).await?);
        }
        if self.json {
            output::list(&all)?;
        } else {
            for one in &all {
                output::line(format!("base {}: {} rows", one.base, one.rows));
                for status in &one.unwritten {
                    output::line(format!(
                        "  note  orders go without a status while it is {status}"
                    ));
                }
                for word in &one.unknown {
                    output::line(format!("  FAIL  1C says {word}, and no row reads it"));
                }
            }
        }
        let is_fine = all.iter().all(|one| one.unknown.is_empty());
        Ok(if is_fine {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn suggest_bases(&self, shops: &Shops) -> anyhow::Result<ExitCode> {
        let app = self.app.as_ref().context("there is no database")?;
        let mut proposals = Vec::new();
        for base in self.bases(shops)? {
            let toml = app.onec.suggest_statuses(&base).await?;
            proposals.push(json!({"base": base.name.as_str(), "toml": toml}));
        }
        if self.json {
            output::list(&proposals)?;
        } else {
            for one in &proposals {
                output::line(one["toml"].as_str().unwrap_or_default());
            }
            output::say(
                "look it over: in the settings it replaces the base's [[onec.NAME.statuses]]",
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The bases; those of one shop, if that is given.
    fn bases(&self, shops: &Shops) -> anyhow::Result<Vec<Arc<Base>>> {
        let of = |base: &Base| match &shops.shop {
            Some(shop) => base.shops.iter().any(|one| one.as_str() == shop),
            None => true,
        };
        let bases = self.config.bases().into_values();
        let found: Vec<_> = bases.filter(|base| of(base)).collect();
        anyhow::ensure!(
            !found.is_empty(),
            "no base is configured for that: add `[onec.NAME]`"
        );
        Ok(found)
    }

    fn client(&self, rules: &ShopRules) -> anyhow::Result<Client> {
        let portal = self
            .config
            .portals
            .get(&rules.portal)
            .with_context(|| format!("there is no portal {}", rules.portal))?;
        let connections = &self.connections;
        match &self.app {
            Some(app) => bootstrap::apps::guest(app, &rules.portal, portal, connections),
            None => bootstrap::client(portal, connections)?
                .context("the portal is reached by an application"),
        }
    }
}

fn print(checked: &MapCheck) {
    let verdict = if checked.faulty() {
        "not as it should be"
    } else {
        "in order"
    };
    output::line(format!(
        "shop {}: {} rows, {verdict}",
        checked.shop, checked.rows
    ));
    for told in &checked.findings {
        let mark = match told.severity {
            Severity::Error => "FAIL",
            Severity::Warning => "warn",
            Severity::Note => "note",
        };
        output::line(format!("  {mark}  {}", told.sentence));
    }
}

/// Statuses as given, else of the kind, else those of the table, else those of a fresh 1C-Bitrix
/// shop.
fn known(wanted: &Suggest, rules: &ShopRules) -> Vec<ShopStatus> {
    let given = wanted.statuses.iter();
    let given: Vec<_> = given.map(|text| ShopStatus::parse(text)).collect();
    let configured = || {
        let rows = rules.statuses.rows().iter();
        let all: Vec<_> = rows
            .map(|row| ShopStatus {
                code: row.status.clone(),
                name: String::new(),
            })
            .collect();
        (!all.is_empty()).then_some(all)
    };
    let usual = |kind: &str| status_map::usual(kind).unwrap_or_default();
    if given.is_empty() {
        match &wanted.kind {
            Some(kind) => usual(kind),
            None => configured().unwrap_or_else(|| usual("1c-bitrix")),
        }
    } else {
        given
    }
}

fn chosen(config: &Config, shops: &Shops) -> anyhow::Result<Vec<Arc<ShopRules>>> {
    let all = config.shop_rules();
    let Some(name) = &shops.shop else {
        return Ok(all.into_values().collect());
    };
    let name = ShopName::parse(name).map_err(output::wrong_word)?;
    let rules = all
        .get(&name)
        .with_context(|| bootstrap::unknown("shop", name.as_str(), all.keys()))?;
    Ok(vec![Arc::clone(rules)])
}
