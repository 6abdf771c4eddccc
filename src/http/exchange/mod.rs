//! `GET|POST /exchange/1c/{base}`: 1C exchanges with the bridge as with a site.
//!
//! Owns: the wire of both generations of the protocol. 1C reads the first word of an answer
//! (`success`, `progress`, `failure`) and shows the lines after it to a person; so everything that
//! is wrong is answered with status 200, `failure`, and a sentence in that person's language.
//!
//! | file | owns |
//! |---|---|
//! | `request` | the query string, cookies, Basic |
//! | `answer` | texts in the base's encoding |
//! | `files` | `file`, `import`, `deactivate`, `complete` |
//! | `login` | who exchanges, and in which session |
//! | `orders` | the answer to `query`, streamed |
//! | `catalogue` | the answers to `query` of `get_catalog` |

mod answer;
mod catalogue;
mod files;
mod login;
mod orders;
mod request;

use super::{
    Problem, State,
    layer::{body::SentBody, patient_stream::Flushes},
};
use crate::{
    app::{self, Onec, onec::ExchangeKind},
    config::{Config, OneC},
    domain::ErrorCode,
    formats::{
        commerceml::{Encoding, Listed, SchemaVersion, info},
        onec::Base,
    },
    process::{doors, telemetry::Metrics},
};
use answer::Answer;
use axum::{
    extract::{FromRef, Request, State as Extract},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use percent_encoding::percent_decode_str;
use request::ExchangeRequest;
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The path where bases are served, each under its name in the settings.
pub(super) const PATH: &str = "/exchange/1c/{base}";
const PREFIX: &str = "/exchange/1c/";
/// The version from which on payments and shipments may stand in their orders.
const SUBORDINATE: SchemaVersion = SchemaVersion::new(2, 10);
/// The base in metrics where the settings have none of the name: no base can be called so.
const NO_BASE: &str = "-";
/// How long a `listen` is held: 1C comes again after 40 seconds, and proxies cut at 60.
const LISTEN: Duration = Duration::from_secs(50);
/// How often it is looked for news meanwhile.
const LOOK: Duration = Duration::from_secs(2);

/// What a failed request is answered with.
struct Refused(Box<Response>);

impl From<Response> for Refused {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

/// The base that is served at this path.
fn base_at<'a>(config: &'a Config, path: &str) -> Option<&'a OneC> {
    if let Some(name) = path.strip_prefix(PREFIX) {
        let mut bases = config.onec.iter();
        return bases
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, base)| base);
    }
    let mut bases = config.onec.values();
    bases.find(|onec| onec.also_at.iter().any(|place| place == path))
}

/// The encoding of answers at this path; none: the path is another's.
pub(super) fn encoding(config: &Config, path: &str) -> Option<Encoding> {
    let base = base_at(config, path).map(|base| base.base.encoding);
    base.or_else(|| path.starts_with(PREFIX).then_some(Encoding::Windows1251))
}

/// What the layers around answer instead of the exchange, as 1C's user reads it: a request that
/// took too long, or at which the bridge failed.
pub(super) fn failed(status: StatusCode, encoding: Encoding) -> Response {
    let answer = match status {
        StatusCode::REQUEST_TIMEOUT => {
            let detail = "запрос не завершён вовремя: обмен продолжится со следующего";
            Answer::failure(ErrorCode::OneCRequest, detail)
        }
        _ => Answer::failure(ErrorCode::Bug, ""),
    };
    with_status(status, &answer, encoding)
}

fn with_status(status: StatusCode, answer: &Answer, encoding: Encoding) -> Response {
    let mut response = answer.response(encoding);
    *response.status_mut() = status;
    response
}

/// The answer at an address that ends in the name of no base. The name is told as it was asked,
/// other bases are not: whoever asks need not be 1C.
fn no_such_base(path: &str) -> Response {
    let asked = path.strip_prefix(PREFIX).unwrap_or(path);
    let asked = percent_decode_str(asked).decode_utf8_lossy();
    // The answer is taken for HTML by browsers.
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let shown: String = asked
        .chars()
        .take(60)
        .map(|c| if plain(c) { c } else { '?' })
        .collect();
    let code = ErrorCode::OneCRequest;
    tracing::warn!(asked = shown, %code, "1C asked for a base that is not in the settings");
    let detail =
        format!("базы «{shown}» в настройках моста нет: сверьте имя базы в конце адреса обмена");
    Answer::failure(code, &detail).response(Encoding::Windows1251)
}

/// How long a request to the exchange may take; none: the path is another's.
pub(super) fn limit(config: &Config, path: &str) -> Option<Duration> {
    let step = match base_at(config, path)?.base.step {
        Duration::ZERO => Duration::from_hours(1),
        step => step,
    };
    let usual = Duration::from_secs(config.http.request_timeout_seconds);
    Some(usual.max(step + usual).max(LISTEN + usual))
}

/// Takes every request of 1C, and answers by its `type` and `mode`.
pub(super) async fn exchange(Extract(with): Extract<Handles>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request = ExchangeRequest::read(&parts);
    let mode = request.known_mode();
    let Some(onec) = base_at(&with.config, parts.uri.path()) else {
        with.metrics.onec_asked(NO_BASE, mode, "failure");
        return no_such_base(parts.uri.path());
    };
    let base = onec.base.name.as_str();
    if ![Method::GET, Method::POST, Method::HEAD].contains(&parts.method) {
        with.metrics.onec_asked(base, mode, "failure");
        let detail = "метод HTTP не тот: 1С шлёт GET и POST";
        let answer = Answer::failure(ErrorCode::OneCRequest, detail);
        return with_status(StatusCode::METHOD_NOT_ALLOWED, &answer, onec.base.encoding);
    }
    let flushes = parts.extensions.get::<Flushes>().cloned();
    let sent = SentBody::of(&parts.headers, body, with.config.http.max_body_bytes);
    let answered = if let Some(kind) = request.kind() {
        let exchange = Exchange {
            with: &with,
            onec,
            kind,
            request: &request,
            flushes,
        };
        exchange.answer(sent).await
    } else {
        let detail = "type: известны sale, catalog, get_catalog и listen";
        Err(refused(&onec.base, mode, (ErrorCode::OneCRequest, detail)))
    };
    let (result, response) = match answered {
        Ok((result, response)) => (result, response),
        Err(refused) => ("failure", *refused.0),
    };
    with.metrics.onec_asked(base, mode, result);
    response
}

/// What the exchange with bases uses.
#[derive(Clone)]
pub(super) struct Handles {
    onec: Onec,
    config: Arc<Config>,
    metrics: Metrics,
    wrong_keys: Arc<doors::Tries<IpAddr>>,
    ready: watch::Receiver<bool>,
}

impl FromRef<State> for Handles {
    fn from_ref(state: &State) -> Self {
        Self {
            onec: FromRef::from_ref(state),
            config: FromRef::from_ref(state),
            metrics: FromRef::from_ref(state),
            wrong_keys: FromRef::from_ref(state),
            ready: state.ready.clone(),
        }
    }
}

fn refused(base: &Base, mode: &str, (code, detail): (ErrorCode, &str)) -> Refused {
    tracing::warn!(base = %base.name, %code, detail, mode, "1C was refused");
    Answer::failure(code, detail).response(base.encoding).into()
}

/// One request of a base, once it is known whose it is.
struct Exchange<'a> {
    with: &'a Handles,
    onec: &'a OneC,
    kind: ExchangeKind,
    request: &'a ExchangeRequest,
    flushes: Option<Flushes>,
}

impl Exchange<'_> {
    fn base(&self) -> &Base {
        &self.onec.base
    }

    fn say(&self, answer: &Answer) -> Response {
        answer.response(self.base().encoding)
    }

    fn success(&self) -> (&'static str, Response) {
        ("success", self.say(&Answer::success()))
    }

    fn refuse(&self, code: ErrorCode, detail: &str) -> Refused {
        refused(self.base(), self.request.known_mode(), (code, detail))
    }

    /// What the bridge itself could not do: 1C tries again at its next exchange.
    fn failed(&self, error: app::Error) -> Refused {
        let away = Problem::from(error);
        let code = away.code();
        let status = match code {
            ErrorCode::Database => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        with_status(status, &Answer::failure(code, ""), self.base().encoding).into()
    }

    async fn answer(&self, sent: SentBody) -> Result<(&'static str, Response), Refused> {
        use ExchangeKind::{Catalog, GetCatalog, Listen, Sale};
        let kind = self.kind;
        if kind == Listen && self.request.mode != "checkauth" {
            self.may_export(&self.somebody().await?)?;
            return self.listen().await;
        }
        let files = matches!(kind, Sale | Catalog);
        match self.request.mode.as_str() {
            "checkauth" => Ok(("success", self.check_auth().await?)),
            "init" => self.init().await,
            "info" if kind == Sale => {
                self.somebody().await?;
                Ok(("success", self.info()))
            }
            "query" if kind == Sale => {
                let session = self.session().await?;
                self.may_export(&session.login)?;
                Ok(("orders", self.query(session).await?))
            }
            "query" if kind == GetCatalog => self.catalogue().await,
            "success" if kind == Sale => {
                let session = self.session().await?;
                self.may_export(&session.login)?;
                let done = self.with.onec.onec_success(&session).await;
                done.map_err(|error| self.failed(error))?;
                Ok(self.success())
            }
            "file" if files => self.file(sent).await,
            "import" if files => self.import().await,
            "deactivate" if kind == Catalog => self.deactivate().await,
            "complete" if kind == Catalog => {
                self.session().await?;
                Ok(self.success())
            }
            _ => {
                self.somebody().await?;
                let detail = format!(
                    "режим mode={:.40} для type={} неизвестен",
                    self.request.mode,
                    kind.as_str()
                );
                Err(self.refuse(ErrorCode::OneCRequest, &detail))
            }
        }
    }

    /// The version that is asked for; an odd one is refused.
    fn version(&self) -> Result<Option<SchemaVersion>, Refused> {
        let Some(text) = self
            .request
            .version
            .as_deref()
            .filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        let read = SchemaVersion::parse(text).filter(|version| version.major >= 2);
        let detail = || format!("версия CommerceML {text:.40} не поддерживается");
        read.map(Some)
            .ok_or_else(|| self.refuse(ErrorCode::OneCRequest, &detail()))
    }

    fn subordinate(&self) -> bool {
        let given = self.request.cml_version.as_deref();
        let version = given.and_then(SchemaVersion::parse);
        version.is_some_and(|version| version >= SUBORDINATE)
    }

    async fn init(&self) -> Result<(&'static str, Response), Refused> {
        let session = self.session().await?;
        let asked = self.version()?;
        self.steps_alone()?;
        let spoken = self
            .with
            .onec
            .init_onec_session(&session, asked, self.subordinate());
        let spoken = spoken.await.map_err(|error| self.failed(error))?;
        let dropped = self.with.onec.drop_onec_files(&session, self.kind).await;
        dropped.map_err(|error| self.failed(error))?;
        let base = self.base();
        // Products go to 1C as they are written.
        let zip = base.zip && self.kind != ExchangeKind::GetCatalog;
        let mut lines = vec![
            format!("zip={}", if zip { "yes" } else { "no" }),
            format!("file_limit={}", base.file_limit),
        ];
        if asked.is_some() {
            if let Some(token) = self.request.tokens.first() {
                lines.push(format!("sessid={token}"));
            }
            lines.push(format!("version={spoken}"));
        }
        Ok(("success", self.say(&Answer::lines(lines))))
    }

    /// Statuses, ways to pay and to deliver, for 1C's settings form.
    fn info(&self) -> Response {
        let base = self.base();
        let pay: Vec<Listed> = base
            .pay_systems
            .iter()
            .map(|one| one.listed.clone())
            .collect();
        let bytes = info(&self.statuses(), &pay, &base.delivery_services);
        let kind = "application/xml; charset=windows-1251";
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    }

    /// The statuses of the base's table; without one those of its shops' tables.
    fn statuses(&self) -> Vec<Listed> {
        let base = self.base();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut list: Vec<Listed> = Vec::new();
        let mut add = |id: &str, name: &str| {
            found.entry(id.to_owned()).or_insert_with(|| {
                list.push(Listed {
                    id: id.to_owned(),
                    name: name.to_owned(),
                });
                list.len()
            });
        };
        for name in &base.shops {
            let Some(shop) = self.with.config.shops.get(name) else {
                continue;
            };
            let title = |status: &str| {
                let title = shop.titles.get(status).map(String::as_str);
                title.unwrap_or(status).to_owned()
            };
            for row in base.statuses.rows() {
                add(&row.id, &title(&row.status));
            }
            if base.statuses.rows().is_empty() {
                for row in shop.rules.statuses.rows() {
                    add(&row.status, &title(&row.status));
                }
            }
        }
        list
    }

    /// Waits for an order that the base is to get: 200 once there is one, else 304.
    async fn listen(&self) -> Result<(&'static str, Response), Refused> {
        let until = tokio::time::Instant::now() + LISTEN;
        let mut ready = self.with.ready.clone();
        loop {
            let news = self.with.onec.onec_has_news(self.base()).await;
            if news.map_err(|error| self.failed(error))? {
                return Ok(("news", self.say(&Answer::success())));
            }
            let stopped = !*ready.borrow_and_update();
            if stopped || tokio::time::Instant::now() + LOOK > until {
                return Ok(("quiet", StatusCode::NOT_MODIFIED.into_response()));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = ready.changed() => {}
            }
        }
    }
}
