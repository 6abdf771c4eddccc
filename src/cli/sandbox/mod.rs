//! `sandbox`: a simulated portal.

mod onec;

use super::output;
use crate::{
    process::{signals, telemetry::logging},
    sandbox::{Faults, LocalApp, Options, Plan, Sandbox},
};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("base").args(["onec", "onec_push"]))]
pub(super) struct Args {
    /// The address and port to listen at
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The secret part of the webhook's address
    #[arg(long, default_value = "sandboxsecret")]
    secret: String,
    /// The portal's plan, which sets its request limit
    #[arg(long, value_enum, default_value = "standard")]
    plan: PlanArg,
    /// How long every answer takes at least, in milliseconds
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Every kind of trouble with this probability, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    faults: f64,
    /// Server errors with this probability
    #[arg(long)]
    server_errors: Option<f64>,
    /// Connections reset before anything runs, with this probability
    #[arg(long)]
    resets: Option<f64>,
    /// Answers lost after the call ran, with this probability
    #[arg(long)]
    lost_answers: Option<f64>,
    /// Where chance starts: the same seed gives the same troubles
    #[arg(long, default_value_t = 24)]
    seed: u64,
    /// Send outgoing webhooks to this address
    #[arg(long, requires = "webhook_token")]
    webhook_to: Option<String>,
    /// The application token that they carry
    #[arg(long)]
    webhook_token: Option<String>,
    /// An application with this client id; its secret is that of the webhook
    #[arg(long, value_name = "CLIENT_ID", requires = "app_to")]
    app: Option<String>,
    /// Where its messages go, e.g. http://127.0.0.1:8080/webhooks/bitrix24/main; the browser is
    /// sent to /oauth below
    #[arg(long, value_name = "ADDRESS", requires = "app")]
    app_to: Option<String>,
    /// Work without leads: a new lead with a name turns into a contact and a deal by itself
    #[arg(long)]
    without_leads: bool,
    /// Check parameter names against JSON schemas of the methods in this directory
    #[arg(long)]
    spec_dir: Option<PathBuf>,
    /// Play a 1C base instead, which exchanges with a site at this address, e.g.
    /// http://127.0.0.1:8080/exchange/1c/main
    #[arg(long, value_name = "ADDRESS", requires = "login")]
    onec: Option<String>,
    /// Play an HTTP service of a 1C base instead, at this address and port, which takes orders at
    /// once
    #[arg(long, value_name = "ADDRESS", requires = "login")]
    onec_push: Option<SocketAddr>,
    /// The login that the base has there; that of the service: the one that it takes
    #[arg(long, requires = "base")]
    login: Option<String>,
    /// The file in whose first line the password stands; else it is the first line of the standard
    /// input
    #[arg(long, value_name = "FILE", requires = "base")]
    password_file: Option<PathBuf>,
    /// The version of CommerceML that the base asks for, 2.03 to 3.1; none: the old protocol. That
    /// of the service: the newest that it reads; none: 2.09
    #[arg(long, requires = "base")]
    schema_version: Option<String>,
    /// The newer version that it asks for beside: payments and shipments stand in their orders
    #[arg(long, requires_all = ["schema_version", "onec"])]
    cml_version: Option<String>,
    /// It never says that it took the orders in, as some modules of 3.1
    #[arg(long, requires = "onec")]
    never_success: bool,
    /// Do what stands on further lines of the standard input: status NUMBER STATUS, pay NUMBER with
    /// or without a SUM, ship NUMBER with or without a PARCEL, cancel NUMBER, revive NUMBER, delete
    /// NUMBER, exchange, fetch, send, cut fetch BYTES, cut send BYTES
    #[arg(long, requires = "onec")]
    acts: bool,
    /// Seconds between two exchanges; 0: only one
    #[arg(long, default_value_t = 0, requires = "onec")]
    every: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum PlanArg {
    /// 2 requests a second, burst 50
    Standard,
    /// 5 requests a second, burst 250
    Enterprise,
    /// No request limit at all
    Unlimited,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    logging::start(false, "info", None).map_err(anyhow::Error::msg)?;
    if let (Some(address), Some(login)) = (&args.onec, &args.login) {
        return onec::run(args, address, login).await;
    }
    if let (Some(address), Some(login)) = (args.onec_push, &args.login) {
        return onec::serve(args, address, login).await;
    }
    let mut faults = if args.faults > 0.0 {
        Faults::everything(args.faults.min(1.0))
    } else {
        Faults::default()
    };
    faults.bad_gateway = args.server_errors.unwrap_or(faults.bad_gateway);
    faults.reset_before = args.resets.unwrap_or(faults.reset_before);
    faults.lost_answer = args.lost_answers.unwrap_or(faults.lost_answer);
    let plan = match args.plan {
        PlanArg::Standard => Plan::Standard,
        PlanArg::Enterprise => Plan::Enterprise,
        PlanArg::Unlimited => Plan::Unlimited,
    };
    let mut options = Options {
        spec_dir: args.spec_dir.clone(),
        leads: !args.without_leads,
        ..Options::default()
    }
    .listen(args.listen)
    .webhook(1, &args.secret)
    .plan(plan)
    .latency(Duration::from_millis(args.latency_ms))
    .seed(args.seed)
    .faults(faults);
    if let (Some(url), Some(token)) = (&args.webhook_to, &args.webhook_token) {
        options = options.outgoing_webhook(url, token);
    }
    if let (Some(client), Some(to)) = (&args.app, &args.app_to) {
        let mut app = LocalApp::new(client, &args.secret);
        app.install_url = Some(to.clone());
        app.redirect_uri = format!("{}/oauth", to.trim_end_matches('/'));
        options = options.app(app);
    }
    let sandbox = Sandbox::start(options).await?;
    output::say(format!(
        "a sandbox portal: its data are in memory, its page at http://{}/",
        sandbox.addr()
    ));
    output::line(sandbox.url());
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    stop.cancelled().await;
    sandbox.stop().await;
    Ok(ExitCode::SUCCESS)
}
