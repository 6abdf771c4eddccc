//! 1C bases: whether each can be exchanged with, and what would surprise people.

use super::{bootstrap, report::Report};
use crate::{
    app::{
        App,
        onec::{BaseReport, DocumentState},
    },
    clients::{
        connections::Connections,
        onec::{Client, Standing},
    },
    config::{Config, OneC},
    domain::{ErrorCode, Place},
    formats::{
        commerceml::Encoding,
        onec::{Base, Discounts, Right, Way},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most documents that are looked at.
const OPEN: i64 = 500;

/// Looks at every base.
pub(super) async fn check(
    (config, connections): (&Config, &Connections),
    app: &App,
    report: &mut Report,
) {
    if config.onec.is_empty() {
        return;
    }
    match app.onec.check_onec_bases().await {
        Ok(problems) => {
            for problem in problems {
                report.wrong(problem.key, problem.sentence, ErrorCode::Config);
            }
        }
        Err(error) => report.wrong("1C bases", error.chain(), ErrorCode::Database),
    }
    let known = app.onec.onec_report().await.unwrap_or_default();
    let services = bootstrap::pushes(config, connections);
    for (name, onec) in &config.onec {
        users(onec, report);
        settings(config, onec, report);
        if let Some(found) = known.iter().find(|found| found.base == name.as_str()) {
            orders(found, report);
        }
        documents(app, &onec.base, report).await;
        prices(app, &onec.base, report).await;
        address(config, name.as_str(), report).await;
        if let Some(service) = services.get(name) {
            push(service, name.as_str(), report).await;
        }
    }
}

/// Whether the service that gets orders at once is there and takes the login.
async fn push(service: &Client, name: &str, report: &mut Report) {
    let what = format!("HTTP service of 1C base {name}");
    let (words, code) = match service.look().await {
        Standing::Works => return report.fine(what, "can be reached, and takes the login"),
        Standing::Login(words) => (words, ErrorCode::OneCPushLogin),
        Standing::Nowhere(words) => (words, ErrorCode::OneCPushAnswer),
        Standing::Down(words) => (words, ErrorCode::OneCPushDown),
    };
    report.wrong_at(Place::base(name), what, words, code);
}

/// Who fetches orders, and how they are written.
fn users(onec: &OneC, report: &mut Report) {
    let base = &onec.base;
    let what = format!("users of 1C base {}", base.name);
    let users = onec.users.iter();
    let users = users.filter(|(login, user)| {
        user.exchanges("sale") && base.may(Some(login.as_str()), Right::Export)
    });
    let logins: Vec<&str> = users.map(|(login, _)| login.as_str()).collect();
    if logins.is_empty() {
        let steps = vec![format!(
            "give one of `[onec.{}.users]` the type \"sale\" and the right \"export\", or leave \
             `types` and `may` out",
            base.name
        )];
        return report.note(what, "none may fetch orders: they stay here", steps);
    }
    let encoding = match base.encoding {
        Encoding::Utf8Bom => "utf-8 with a byte order mark",
        Encoding::Utf8 => "utf-8",
        _ => "windows-1251",
    };
    let (logins, version) = (logins.join(", "), base.version_max);
    report.fine(
        what,
        format!("{logins} may fetch orders, in {encoding}, CommerceML {version} at most"),
    );
}

/// What the settings do that people may not expect.
fn settings(config: &Config, onec: &OneC, report: &mut Report) {
    let base = &onec.base;
    let what = format!("1C base {}", base.name);
    let table = base.statuses.rows();
    let mut missing: Vec<&str> = Vec::new();
    for name in base.shops.iter().filter(|_| !table.is_empty()) {
        let rows = config
            .shops
            .get(name)
            .map(|shop| shop.rules.statuses.rows());
        let statuses = rows
            .unwrap_or_default()
            .iter()
            .map(|row| row.status.as_str());
        let there = |status: &&str| {
            let mut rows = table.iter();
            rows.any(|row| row.status == *status && row.way != Way::ToShop)
        };
        missing.extend(statuses.filter(|status| !there(status)));
    }
    if !missing.is_empty() {
        let found = format!(
            "orders go without a status while it is {}",
            missing.join(", ")
        );
        let step = format!(
            "add rows to `[[onec.{}.statuses]]`, or leave it so",
            base.name
        );
        report.note(&what, found, vec![step]);
    }
    if base.export.discounts == Discounts::Line {
        let found = "discounts go as a line with a negative sum, which some modules refuse";
        let step = "if orders do not appear in 1C: `discounts = \"in_price\"`".to_owned();
        report.note(&what, found, vec![step]);
    }
}

/// Whether 1C knows the types of prices that its products are to have in the portal.
async fn prices(app: &App, base: &Base, report: &mut Report) {
    for shop in &base.shops {
        let what = format!("catalogue of shop {shop}");
        match app.catalogue.unknown_price_types(shop).await {
            Ok(unknown) if unknown.is_empty() => {}
            Ok(unknown) => {
                let found = format!("1C has no type of prices {}", unknown.join(", "));
                let step = format!(
                    "Write it into `onec_price_types` of `[shops.{shop}.catalogue]` as 1C calls \
                     it: until then these prices are not written."
                );
                report.note(what, found, vec![step]);
            }
            Err(error) => report.wrong(what, error.chain(), ErrorCode::Database),
        }
    }
}

/// How it stands with its orders.
fn orders(found: &BaseReport, report: &mut Report) {
    let what = format!("orders of 1C base {}", found.base);
    if let Some(sheet) = found.refused_orders.first() {
        let (refused, number, why) = (found.refused, &sheet.number, &sheet.why);
        let words = format!("{refused} cannot be written, such as {number}: {why}");
        let code = ErrorCode::parse(&sheet.code).unwrap_or(ErrorCode::OneCOrder);
        report.wrong_at(Place::base(&found.base), &what, words, code);
    }
    if let Some(since) = found.untaken_since {
        let at = since.format("%Y-%m-%d %H:%M UTC");
        let many = found.untaken;
        let words = format!("{many} were made in 1C, and the shop has not sent them since {at}");
        let step = "look whether the shop takes `bridge.order.created.v1`: at its callback, or \
                    from `GET /v1/messages`";
        report.note(&what, words, vec![step.to_owned()]);
    }
    if found.prefix_changed {
        let words = "the number prefix was changed since the first exchange";
        let step = "orders that 1C has keep the old one; only new ones get the new".to_owned();
        report.note(&what, words, vec![step]);
    }
    let waiting = found.waiting;
    match found.sessions.first() {
        None => report.note(
            what,
            format!("{waiting} wait; 1C has never been here"),
            vec!["fill in 1C's form as in deploy/1c.md".to_owned()],
        ),
        Some(last) => {
            let at = last.last_at.format("%Y-%m-%d %H:%M UTC");
            let version = last.version.as_deref().unwrap_or("the old protocol");
            let words = format!("{waiting} wait; 1C was here last at {at} and spoke {version}");
            report.fine(what, words);
        }
    }
}

/// What came from it and is not carried out, and what it says that no row reads.
async fn documents(app: &App, base: &Base, report: &mut Report) {
    let what = format!("documents of 1C base {}", base.name);
    let (open, table) = match (
        app.onec.open_documents(base, OPEN).await,
        app.onec.check_statuses(base).await,
    ) {
        (Ok(open), Ok(table)) => (open, table),
        (Err(error), _) | (_, Err(error)) => {
            return report.wrong(what, error.chain(), ErrorCode::Database);
        }
    };
    if !table.unknown.is_empty() {
        let words = format!("1C says what no row reads: {}", table.unknown.join(", "));
        let at = Place::base(base.name.as_str());
        report.wrong_at(at, &what, words, ErrorCode::OneCStatus);
    }
    let refused = open
        .iter()
        .filter(|one| one.state == DocumentState::Refused);
    let codes: BTreeMap<&str, usize> = refused.fold(BTreeMap::new(), |mut codes, one| {
        *codes.entry(one.code.as_str()).or_default() += 1;
        codes
    });
    if codes.is_empty() {
        return report.fine(what, format!("none is refused; {} wait", open.len()));
    }
    let codes: Vec<String> = codes
        .into_iter()
        .map(|(code, many)| format!("{many} {code}"))
        .collect();
    let step = format!(
        "look at them: `b24-bridge onec documents --base {}`",
        base.name
    );
    report.note(what, format!("refused: {}", codes.join(", ")), vec![step]);
}

/// Whether the exchange is reached at the public address.
async fn address(config: &Config, name: &str, report: &mut Report) {
    let what = format!("address of 1C base {name}");
    let path = format!("/exchange/1c/{name}");
    let Some(public) = &config.http.public_url else {
        let found = format!("{path} at whatever address 1C reaches the bridge by");
        let step = "give `[http] public_url` to have it looked at".to_owned();
        return report.note(what, found, vec![step]);
    };
    let url = format!(
        "{}{path}?type=sale&mode=checkauth",
        public.trim_end_matches('/')
    );
    // The provider may have been chosen already; either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let answer = match client {
        Ok(client) => {
            client
                .get(&url)
                .basic_auth("doctor", Some("nobody"))
                .send()
                .await
        }
        Err(error) => Err(error),
    };
    let text = match answer {
        Ok(answer) => answer.text_with_charset("windows-1251").await,
        Err(error) => Err(error),
    };
    match text {
        Ok(text) if text.contains("Authorization не пришёл") => {
            let remedy = "The web server in front must pass on the header Authorization.";
            report.wrong_with(
                what,
                "the login does not arrive",
                ErrorCode::OneCLogin,
                remedy,
            );
        }
        Ok(text) if text.starts_with("failure") => report.fine(what, "can be reached"),
        Ok(_) => {
            let remedy = "Let the web server pass on /exchange/1c/ to the bridge.";
            report.wrong_with(
                what,
                "somebody else answers there",
                ErrorCode::OneCRequest,
                remedy,
            );
        }
        Err(error) => {
            let remedy = "Let the web server pass on /exchange/1c/ to the bridge.";
            report.wrong_with(what, error.to_string(), ErrorCode::OneCRequest, remedy);
        }
    }
}
