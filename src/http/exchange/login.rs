//! The login of an exchange, and its session.
//!
//! 1C shows its login with every request; other clients show it once, and a cookie or `sessid`
//! after that. Either is enough. A session is never found by a login once it showed a token.

use super::{Answer, Exchange, Refused, request::COOKIE};
use crate::{
    app::onec::{ExchangeKind, Logins, Session},
    auth::PasswordHash,
    config::OneCUser,
    domain::ErrorCode,
    formats::onec::Right,
    process::doors::{self, Admitted},
};
use axum::response::Response;
use tokio::sync::Semaphore;

/// The longest login or password that is looked at.
const LONGEST: usize = 256;
/// Passwords that are judged at the same time: each takes memory and tens of milliseconds.
static JUDGED: Semaphore = Semaphore::const_new(2);
/// A hash for logins that have none: as slow as those that there are.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Exchange<'_> {
    /// `mode=checkauth`: opens a session. No Set-Cookie: 1C would send the cookie twice.
    pub(super) async fn check_auth(&self) -> Result<Response, Refused> {
        let login = self.verified().await?;
        let kind = self.kind;
        let opened = self
            .with
            .onec
            .open_onec_session(&self.onec.base, kind, &login)
            .await;
        let (session, token) = opened.map_err(|error| self.failed(error))?;
        let mut lines = vec!["success".to_owned(), COOKIE.to_owned(), token.clone()];
        lines.push(format!("sessid={token}"));
        if kind == ExchangeKind::Catalog {
            lines.push(format!("timestamp={}", session.started_at.timestamp()));
        }
        Ok(self.say(&Answer::lines(lines)))
    }

    /// The session of this request. A client that shows its login alone goes on with its newest
    /// one, and gets one where it has none.
    pub(super) async fn session(&self) -> Result<Session, Refused> {
        if let Some(session) = self.by_token().await? {
            return Ok(session);
        }
        if !self.request.tokens.is_empty() {
            return Err(self.refuse(ErrorCode::OneCSession, ""));
        }
        let login = self.verified().await?;
        let (onec, kind) = (&self.with.onec, self.kind);
        let found = onec.onec_session_of(&self.onec.base, kind, &login).await;
        if let Some(session) = found.map_err(|error| self.failed(error))? {
            return Ok(session);
        }
        if self.request.mode == "success" {
            return Err(self.refuse(ErrorCode::OneCSession, ""));
        }
        let opened = onec.open_onec_session(&self.onec.base, kind, &login).await;
        opened
            .map(|(session, _)| session)
            .map_err(|error| self.failed(error))
    }

    /// For what needs no session: the login of somebody who may exchange.
    pub(super) async fn somebody(&self) -> Result<String, Refused> {
        match self.by_token().await? {
            Some(session) => Ok(session.login),
            None => self.verified().await,
        }
    }

    /// Refuses orders to who may not fetch them.
    pub(super) fn may_export(&self, login: &str) -> Result<(), Refused> {
        if self.base().may(Some(login), Right::Export) {
            return Ok(());
        }
        let detail = format!("пользователю {login:.60} выгрузка заказов не разрешена (may)");
        Err(self.refuse(ErrorCode::OneCLogin, &detail))
    }

    async fn by_token(&self) -> Result<Option<Session>, Refused> {
        if self.request.tokens.is_empty() {
            return Ok(None);
        }
        let found = self
            .with
            .onec
            .onec_session(&self.onec.base, &self.request.tokens)
            .await;
        let Some(session) = found.map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        self.may(self.onec.users.get(&session.login), &session.login)?;
        doors::known();
        Ok(Some(session))
    }

    fn may(&self, user: Option<&OneCUser>, login: &str) -> Result<(), Refused> {
        if user.is_some_and(|user| user.exchanges(self.kind.as_str())) {
            return Ok(());
        }
        let detail = format!(
            "пользователю {login:.60} обмен type={} не разрешён",
            self.kind.as_str()
        );
        Err(self.refuse(ErrorCode::OneCLogin, &detail))
    }

    /// The login that the request shows, verified.
    async fn verified(&self) -> Result<String, Refused> {
        let Some((login, password)) = &self.request.login else {
            let detail = if self.request.authorization {
                "заголовок Authorization пришёл не в виде Basic"
            } else {
                "заголовок Authorization не пришёл"
            };
            return Err(self.refuse(ErrorCode::OneCLogin, detail));
        };
        if login.len() > LONGEST || password.len() > LONGEST {
            return Err(self.refuse(ErrorCode::OneCLogin, "логин или пароль слишком длинный"));
        }
        let user = self.onec.users.get(login);
        let hash = user.map(|user| user.password.clone());
        let known = hash.is_some();
        let hash = hash.or_else(|| PasswordHash::parse(NOBODY));
        let text = hash.as_ref().map_or("", PasswordHash::expose);
        let digest = Logins::digest(self.base().name.as_str(), login, password, text);
        let logins = self.with.onec.onec_logins();
        if !logins.knows(&digest) {
            if !self.judge(hash, password).await? || !known {
                return Err(self.wrong(login));
            }
            logins.verified(digest);
        }
        self.may(user, login)?;
        doors::known();
        Ok(login.clone())
    }

    async fn judge(&self, hash: Option<PasswordHash>, password: &str) -> Result<bool, Refused> {
        if let Some(source) = doors::caller()
            && let Admitted::In(wait) = self.with.wrong_keys.admits(&source)
        {
            let seconds = wait.as_secs_f64().ceil();
            let detail =
                format!("слишком много неверных паролей с этого адреса: подождите {seconds} с");
            return Err(self.refuse(ErrorCode::OneCLogin, &detail));
        }
        let _turn = JUDGED.acquire().await;
        let password = password.to_owned();
        // Made to be slow: not on a thread that serves others.
        let hashed = move || hash.is_some_and(|hash| hash.matches(&password));
        Ok(tokio::task::spawn_blocking(hashed).await.unwrap_or(false))
    }

    fn wrong(&self, login: &str) -> Refused {
        if let Some(source) = doors::caller() {
            self.with.wrong_keys.wrong(&source);
        }
        let base = self.base().name.as_str();
        self.with
            .metrics
            .onec_asked(base, self.request.known_mode(), "login");
        let shown: String = login.chars().take(60).collect();
        self.refuse(ErrorCode::OneCLogin, &format!("логин «{shown}»"))
    }
}
