//! The authorisation server: codes, access tokens and refresh tokens of the installed applications.

use super::{
    Portal, PortalState,
    protocol::decode::{Params, text},
};
use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

const CODE_SECONDS: i64 = 30;
const ACCESS_SECONDS: i64 = 3_600;
const REFRESH_SECONDS: i64 = 180 * 86_400;

/// A token's owner and its end, in unix seconds.
type Grant = (String, u64, i64);

/// All secrets that were handed out.
#[derive(Default)]
pub(crate) struct Tokens {
    codes: HashMap<String, Grant>,
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
}

impl Tokens {
    pub(crate) fn access(&self, token: &str) -> Option<Grant> {
        self.access.get(token).cloned()
    }

    /// Ends the life of every refresh token: the application must be let in anew.
    pub(crate) fn forget_refresh(&mut self) {
        self.refresh.clear();
    }

    /// Ends the life of every access token.
    pub(crate) fn expire(&mut self) {
        for grant in self.access.values_mut() {
            grant.2 = 0;
        }
    }
}

impl PortalState {
    /// A fresh access token for an application acting for a user.
    pub(crate) fn grant_access(&mut self, client: &str, user: u64) -> String {
        let token = self.dice.token();
        let until = self.clock.now().timestamp() + ACCESS_SECONDS;
        self.tokens
            .access
            .insert(token.clone(), (client.to_owned(), user, until));
        token
    }

    pub(crate) fn grant_refresh(&mut self, client: &str, user: u64) -> String {
        let token = self.dice.token();
        let until = self.clock.now().timestamp() + REFRESH_SECONDS;
        self.tokens
            .refresh
            .insert(token.clone(), (client.to_owned(), user, until));
        token
    }

    fn token_pair(&mut self, client: &str, user: u64) -> Value {
        let scope = self
            .options
            .apps
            .iter()
            .find(|app| app.client_id == client)
            .map(|app| app.scopes.join(","))
            .unwrap_or_default();
        json!({
            "access_token": self.grant_access(client, user),
            "refresh_token": self.grant_refresh(client, user),
            "expires": self.clock.now().timestamp() + ACCESS_SECONDS,
            "expires_in": ACCESS_SECONDS,
            "scope": scope,
            "domain": self.domain(),
            "server_endpoint": self.base(),
            "client_endpoint": self.base(),
            "status": "L",
            "member_id": self.member_id(),
            "user_id": user,
        })
    }
}

/// The page where a user lets an application in; the sandbox's user always does.
pub(crate) async fn authorize(State(portal): State<Arc<Portal>>, uri: Uri) -> Response {
    let params = Params::from_query(uri.query().unwrap_or(""));
    let client = params.exact("client_id").map(text).unwrap_or_default();
    let state = params.exact("state").map(text).unwrap_or_default();
    portal.with(|world| {
        let Some(app) = world
            .options
            .apps
            .iter()
            .find(|app| app.client_id == client)
            .cloned()
        else {
            let page = "<html><body>Application not found</body></html>";
            return (
                StatusCode::NOT_FOUND,
                [(header::CONTENT_TYPE, "text/html")],
                page,
            )
                .into_response();
        };
        let code = world.dice.token();
        let until = world.clock.now().timestamp() + CODE_SECONDS;
        let user = world.options.webhook_user;
        world
            .tokens
            .codes
            .insert(code.clone(), (client, user, until));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &state)
            .append_pair("domain", world.domain())
            .append_pair("member_id", &world.member_id())
            .append_pair("scope", &app.scopes.join(","))
            .append_pair("server_domain", world.domain())
            .finish();
        let joint = if app.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        let location = format!("{}{joint}{query}", app.redirect_uri);
        (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
    })
}

/// Exchanges a code or a refresh token for a pair of tokens.
pub(crate) async fn token(State(portal): State<Arc<Portal>>, uri: Uri, body: Bytes) -> Response {
    let mut params = Params::from_query(uri.query().unwrap_or(""));
    params.merge(Params::from_query(&String::from_utf8_lossy(&body)));
    let (status, answer) = portal.with(|world| exchange(world, &params));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let head = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, head, answer.to_string()).into_response()
}

fn exchange(world: &mut PortalState, params: &Params) -> (u16, Value) {
    let given = |name: &str| params.exact(name).map(text).unwrap_or_default();
    let error = |status: u16, code: &str, description: &str| {
        (
            status,
            json!({ "error": code, "error_description": description }),
        )
    };
    let client = given("client_id");
    let Some(app) = world
        .options
        .apps
        .iter()
        .find(|app| app.client_id == client)
    else {
        return error(200, "wrong_client", "Wrong client");
    };
    if app.client_secret != given("client_secret") {
        return error(400, "invalid_client", "Invalid client");
    }
    let now = world.clock.now().timestamp();
    let name = match given("grant_type").as_str() {
        "authorization_code" => "code",
        "refresh_token" => "refresh_token",
        _ => return error(400, "invalid_request", "Unsupported grant type"),
    };
    let secret = given(name);
    if secret.is_empty() {
        return error(
            400,
            "invalid_request",
            &format!("No \"{name}\" parameter found"),
        );
    }
    let shelf = if name == "code" {
        &mut world.tokens.codes
    } else {
        &mut world.tokens.refresh
    };
    match shelf.remove(&secret) {
        Some((owner, user, until)) if owner == client && until > now => {
            (200, world.token_pair(&client, user))
        }
        _ => error(400, "invalid_grant", "Invalid grant"),
    }
}
