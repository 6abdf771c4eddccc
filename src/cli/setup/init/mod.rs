//! `init`: from an incoming webhook to a settings file that `serve` runs with.
//!
//! What is not given is asked, where somebody can answer; else it is the usual. The webhook is
//! tried before anything is written, and the table of statuses is proposed from the portal's own
//! funnel. A file that is there is never touched.

mod draft;
mod questions;

use crate::{
    app::status_map::{self, Funnel, ShopStatus},
    cli::{
        Global,
        output::{self, Refusal},
    },
    clients::bitrix24::{Client, Credentials, Options, Priority},
    config::{Config, DEFAULT_FILE},
    domain::{ErrorCode, PortalName, ShopName},
};
use anyhow::Context as _;
use draft::Draft;
use questions::Questions;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Address of the portal's incoming webhook, with the permission CRM; asked for if not given
    #[arg(
        long,
        value_name = "URL",
        env = "B24_WEBHOOK_URL",
        hide_env_values = true
    )]
    webhook_url: Option<String>,
    /// What the shop is made with: it says which statuses a fresh one has
    #[arg(long, value_enum)]
    kind: Option<ShopKind>,
    /// A status that the shop has, with its name; may be repeated, and replaces those of the kind
    #[arg(long = "status", value_name = "CODE[=NAME]")]
    statuses: Vec<String>,
    /// The funnel that deals are made in
    #[arg(long, value_name = "ID")]
    funnel: Option<u32>,
    /// Name of the shop in the settings
    #[arg(long, default_value = "main")]
    shop: String,
    /// Name of the portal in the settings
    #[arg(long, default_value = "main")]
    portal: String,
    /// Name by which the operator signs in
    #[arg(long, default_value = "operator")]
    operator: String,
    /// Where the API and the console listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// What a shop is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum ShopKind {
    /// A store on 1C-Bitrix: Site Management
    #[value(name = "1c-bitrix")]
    Bitrix,
    /// A store on WooCommerce
    #[value(name = "woocommerce")]
    WooCommerce,
    /// A store that posts events by its own code
    Own,
}

impl ShopKind {
    const ALL: [Self; 3] = [Self::Bitrix, Self::WooCommerce, Self::Own];

    /// As it is named on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Bitrix => "1c-bitrix",
            Self::WooCommerce => "woocommerce",
            Self::Own => "own",
        }
    }

    /// The statuses of a fresh shop; own code is taken to use those of 1C-Bitrix.
    fn statuses(self) -> Vec<ShopStatus> {
        let kind = match self {
            Self::Own => Self::Bitrix,
            known => known,
        };
        status_map::usual(kind.name()).unwrap_or_default()
    }

    /// The page that tells how such a shop is connected.
    fn page(self) -> &'static str {
        match self {
            Self::Bitrix => "deploy/1c-bitrix/README.md",
            Self::WooCommerce => "deploy/woocommerce/README.md",
            Self::Own => "deploy/own-code/README.md",
        }
    }
}

pub(in crate::cli) async fn run(global: &Global, args: &Args) -> anyhow::Result<ExitCode> {
    let file = place(global)?;
    let shop = ShopName::parse(&args.shop).map_err(|fault| anyhow::anyhow!("--shop: {fault}"))?;
    let portal =
        PortalName::parse(&args.portal).map_err(|fault| anyhow::anyhow!("--portal: {fault}"))?;
    let mut questions = Questions::of_terminal();
    let (webhook_url, client) = reach(args, &mut questions).await?;
    let funnels = status_map::funnels(&client).await?;
    let funnel = choose_funnel(args, &funnels, &mut questions)?;
    let kind = choose_kind(args, &mut questions)?;
    let statuses = match args.statuses.as_slice() {
        [] => kind.statuses(),
        given => given.iter().map(|text| ShopStatus::parse(text)).collect(),
    };
    let draft = Draft {
        listen: args.listen,
        rows: status_map::propose(&shop, funnel, &statuses),
        webhook_url,
        portal,
        shop,
        funnel: funnel.id,
        operator: args.operator.clone(),
        api_key: draft::random_key(),
        password: draft::random_password(),
        woocommerce: (kind == ShopKind::WooCommerce).then(draft::random_key),
    };
    let text = draft.toml()?;
    Config::parse(&text, &BTreeMap::new()).context("the settings that were drawn up")?;
    write(&file, &text)?;
    if global.json {
        output::json(&draft.told(&file))?;
    } else {
        tell(&draft, &file, funnel, kind);
    }
    Ok(ExitCode::SUCCESS)
}

/// The file to write, which must not be there yet, by its absolute path; its folder is made. Both
/// before anything is asked: nobody answers questions for a file that cannot be written.
fn place(global: &Global) -> anyhow::Result<PathBuf> {
    let named = global.config.clone();
    let named = named.or_else(|| std::env::var_os("BRIDGE_CONFIG").map(PathBuf::from));
    let file = named.unwrap_or_else(|| DEFAULT_FILE.into());
    let file = std::path::absolute(&file).context("the path in `--config`")?;
    anyhow::ensure!(
        !file.is_dir(),
        "{} is a folder: name the file in it, such as `--config {}`",
        file.display(),
        file.join(DEFAULT_FILE).display()
    );
    anyhow::ensure!(
        !file.exists(),
        "{} is there already and is left as it is: name another file with `--config`",
        file.display()
    );
    if let Some(folder) = file.parent() {
        let made = std::fs::create_dir_all(folder);
        made.with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    Ok(file)
}

/// A client of the portal that answered. Who sits at a terminal is asked until an address works.
async fn reach(args: &Args, questions: &mut Questions) -> anyhow::Result<(String, Client)> {
    let mut given = args.webhook_url.clone();
    loop {
        let asked = given.is_none();
        let address = match given.take() {
            Some(address) => address,
            None => ask_webhook(questions)?,
        };
        match try_webhook(address.trim()).await {
            Ok(client) => return Ok((address.trim().to_owned(), client)),
            Err(error) if asked => output::failure(&error),
            Err(error) => return Err(error),
        }
    }
}

fn ask_webhook(questions: &mut Questions) -> anyhow::Result<String> {
    output::say(
        "In Bitrix24: Applications > Developer resources > Other > Incoming webhook, permission \
         CRM (crm).",
    );
    let told = "--webhook-url is missing: the address of the portal's incoming webhook";
    questions.ask("Address of the webhook", None)?.context(told)
}

async fn try_webhook(address: &str) -> anyhow::Result<Client> {
    let credentials = Credentials::webhook(address)?;
    let options = Options {
        full_burst: true,
        ..Options::default()
    };
    let client = Client::new(credentials, &super::bootstrap::connections()?, &options);
    let answer = client.call("scope", &json!({}), Priority::Live).await;
    let scopes = answer?.result;
    let mut scopes = scopes.as_array().into_iter().flatten();
    let knows_crm = scopes.clone().next().is_none() || scopes.any(|one| one == &Value::from("crm"));
    let sentence = "the portal answers, but the webhook lacks the permission CRM";
    if knows_crm {
        Ok(client)
    } else {
        Err(Refusal::new(ErrorCode::Scope, sentence).into())
    }
}

fn choose_funnel<'a>(
    args: &Args,
    funnels: &'a [Funnel],
    questions: &mut Questions,
) -> anyhow::Result<&'a Funnel> {
    let list = || {
        let one = |funnel: &Funnel| format!("{} ({})", funnel.id, funnel.name);
        funnels.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let find = |id: u32| funnels.iter().find(|funnel| funnel.id == id);
    if let Some(id) = args.funnel {
        return find(id).with_context(|| {
            format!(
                "--funnel: the portal shows no funnel {id}; it shows {}",
                list()
            )
        });
    }
    let first = find(0).or(funnels.first());
    let first = first.ok_or_else(|| {
        let sentence = "the portal shows the webhook's user no funnel of deals";
        Refusal::new(ErrorCode::Rights, sentence)
    })?;
    if funnels.len() == 1 {
        return Ok(first);
    }
    output::say(format!("Funnels of the portal: {}.", list()));
    loop {
        let usual = first.id.to_string();
        let answer = questions.ask("Funnel of new deals", Some(&usual))?;
        let Some(answer) = answer else {
            return Ok(first);
        };
        match answer.parse().ok().and_then(find) {
            Some(funnel) => return Ok(funnel),
            None => output::say(format!("The portal shows no funnel {answer}.")),
        }
    }
}

fn choose_kind(args: &Args, questions: &mut Questions) -> anyhow::Result<ShopKind> {
    if let Some(kind) = args.kind {
        return Ok(kind);
    }
    let names = ShopKind::ALL.map(ShopKind::name).join(", ");
    loop {
        let question = format!("What is the shop made with ({names})");
        let Some(answer) = questions.ask(&question, Some(ShopKind::Bitrix.name()))? else {
            return Ok(ShopKind::Bitrix);
        };
        let named = ShopKind::ALL.into_iter().find(|kind| kind.name() == answer);
        match named {
            Some(kind) => return Ok(kind),
            None => output::say(format!("Not one of {names}: {answer}")),
        }
    }
}

/// Writes the file whole, for its owner alone; one that is there meanwhile stays.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut opened = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()
    };
    written().with_context(|| format!("write {}", file.display()))
}

fn tell(draft: &Draft, file: &Path, funnel: &Funnel, kind: ShopKind) {
    let usual = std::path::absolute(DEFAULT_FILE);
    let config = if usual.is_ok_and(|usual| usual == file) {
        String::new()
    } else {
        format!(" --config {}", file.display())
    };
    output::say(format!(
        "\nWritten: {} (readable by you alone). Its table of statuses was proposed for funnel {} \
         ({}): look it over.",
        file.display(),
        funnel.id,
        funnel.name
    ));
    if draft.rows.contains("\n# ") {
        output::say("What could not be placed stands there as a comment.");
    }
    output::line(format!("console    {}", draft.console()));
    output::line(format!("operator   {}", draft.operator));
    output::line(format!("password   {}", draft.password));
    output::line(format!("API key    {}", draft.api_key));
    if let Some(secret) = &draft.woocommerce {
        output::line(format!("WooCommerce webhook secret   {secret}"));
    }
    output::say("\nThe password is shown this once; the file has its hash. Next:");
    output::say(format!(
        "  b24-bridge doctor{config}    # checks settings, database, portal"
    ));
    output::say(format!("  b24-bridge serve{config}     # runs the bridge"));
    output::say(format!(
        "  {}    # how the shop sends its orders",
        kind.page()
    ));
}
