//! OAuth 2.0 as Bitrix24 speaks it: no token type in the answer, scopes with commas, a new refresh
//! token each time, errors also under HTTP 200.

use super::{
    Error,
    credentials::{Access, Pending, TokenSource, same},
};
use crate::clients::connections::Connections;
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::{fmt, pin::Pin, time::Duration};
use tokio::sync::Mutex;
use url::Url;

/// How long the authorisation server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An application of a portal.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    /// The application's id (`client_id`).
    pub client_id: String,
    /// The application's secret (`client_secret`).
    pub client_secret: SecretString,
    /// The token address of the authorisation server, e.g.
    /// `https://oauth.bitrix24.tech/oauth/token/`.
    pub token_url: Url,
}

/// What the authorisation server gave.
#[derive(Clone)]
pub struct GrantedTokens {
    /// The access token that every call shows, until it expires.
    pub access: SecretString,
    /// The refresh token: valid once, for the next renewal.
    pub refresh: SecretString,
    /// `client_endpoint`, where it is an address.
    pub endpoint: Option<Url>,
    /// `member_id`: the portal's identity, whatever its address.
    pub member_id: Option<String>,
}

impl fmt::Debug for GrantedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("member_id", &self.member_id)
            .finish_non_exhaustive()
    }
}

/// Why no tokens were given.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The server answered no. The same question will be answered so again.
    #[error("the authorisation server refuses: {words}")]
    Refused {
        /// Its code, e.g. `invalid_grant`.
        code: String,
        /// `error` and `error_description` of the answer.
        words: String,
    },
    /// It could not be asked, or did not answer.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<OAuthError> for Error {
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::Refused { words, .. } => Self::TokenExpired { words },
            OAuthError::Failed(error) => error,
        }
    }
}

/// Asks the authorisation server for tokens of one application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuth {
    app: OAuthApp,
    connections: Connections,
}

impl OAuth {
    /// For this application, whose server is reached by these connections.
    pub fn new(app: OAuthApp, connections: &Connections) -> Self {
        let connections = connections.clone();
        Self { app, connections }
    }

    /// The application that tokens are asked for.
    pub fn app(&self) -> &OAuthApp {
        &self.app
    }

    /// New tokens for a refresh token, which is used up by this unless the server gives no other.
    pub async fn renew(&self, refresh: &SecretString) -> Result<GrantedTokens, OAuthError> {
        let old = refresh;
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let answer = self
            .client()?
            .exchange_refresh_token(&refresh)
            .request_async(&Transport(&self.connections))
            .await;
        let token = answer.map_err(refused)?;
        Ok(granted(&token, Some(old))?)
    }

    /// Tokens for a code, which lives half a minute.
    pub async fn exchange(&self, code: &SecretString) -> Result<GrantedTokens, OAuthError> {
        let code = AuthorizationCode::new(code.expose_secret().to_owned());
        let answer = self
            .client()?
            .exchange_code(code)
            .request_async(&Transport(&self.connections))
            .await;
        let token = answer.map_err(refused)?;
        Ok(granted(&token, None)?)
    }

    fn client(&self) -> Result<Client, Error> {
        let token_url = TokenUrl::new(self.app.token_url.to_string())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let secret = ClientSecret::new(self.app.client_secret.expose_secret().to_owned());
        Ok(
            oauth2::Client::new(ClientId::new(self.app.client_id.clone()))
                .set_client_secret(secret)
                .set_auth_type(AuthType::RequestBody)
                .set_token_uri(token_url),
        )
    }
}

fn granted(token: &BitrixToken, old: Option<&SecretString>) -> Result<GrantedTokens, Error> {
    let given = token
        .refresh_token
        .as_ref()
        .filter(|refresh| !refresh.secret().is_empty())
        .map(|refresh| SecretString::from(refresh.secret().clone()));
    let refresh = given
        .or_else(|| old.cloned())
        .ok_or_else(|| Error::Unreadable {
            status: 200,
            why: "a refresh token is missing".to_owned(),
        })?;
    let endpoint = token.client_endpoint.as_deref();
    Ok(GrantedTokens {
        access: SecretString::from(token.access_token.secret().clone()),
        refresh,
        endpoint: endpoint.and_then(|text| Url::parse(text).ok()),
        member_id: token.member_id.clone().filter(|id| !id.is_empty()),
    })
}

type RefreshFailure = RequestTokenError<Error, BasicErrorResponse>;

fn refused(error: RefreshFailure) -> OAuthError {
    match error {
        RequestTokenError::ServerResponse(said) => OAuthError::Refused {
            code: said.error().to_string(),
            words: said.to_string(),
        },
        RequestTokenError::Request(error) => OAuthError::Failed(error),
        RequestTokenError::Parse(_, body) => match super::response::Envelope::parse(&body) {
            Some(said) if said.is_error => OAuthError::Refused {
                words: said.words(),
                code: said.error,
            },
            _ => OAuthError::Failed(Error::Unreadable {
                status: 200,
                why: "these are not the tokens of an application".to_owned(),
            }),
        },
        RequestTokenError::Other(why) => OAuthError::Failed(Error::Unreadable { status: 200, why }),
    }
}

/// Tokens of an application, kept in memory, renewed by one caller for all.
#[derive(Debug)]
pub struct Tokens {
    server: OAuth,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    access: Access,
    refresh: SecretString,
}

impl Tokens {
    /// Tokens as an installation or authorisation gave them.
    pub fn new(server: OAuth, access: Access, refresh: SecretString) -> Self {
        let state = Mutex::new(State { access, refresh });
        Self { server, state }
    }
}

impl TokenSource for Tokens {
    fn current(&self) -> Pending<'_> {
        Box::pin(async { Ok(self.state.lock().await.access.clone()) })
    }

    fn renewed<'a>(&'a self, expired: &'a SecretString) -> Pending<'a> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            if !same(&state.access.token, expired) {
                return Ok(state.access.clone());
            }
            let granted = self.server.renew(&state.refresh).await?;
            state.refresh = granted.refresh;
            state.access.token = granted.access;
            if let Some(endpoint) = granted.endpoint {
                state.access.endpoint = endpoint;
            }
            Ok(state.access.clone())
        })
    }
}

/// The answer of Bitrix24's token address.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct BitrixToken {
    access_token: AccessToken,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(rename = "scope", default, deserialize_with = "scopes")]
    scopes: Vec<Scope>,
    #[serde(default, deserialize_with = "words")]
    client_endpoint: Option<String>,
    #[serde(default, deserialize_with = "words")]
    member_id: Option<String>,
}

/// A member that tokens do without: PHP writes `false`, or a list, where it has no text. The token
/// they were given for is used up by then, so that nothing else may fail.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let text = words(deserializer)?.unwrap_or_default();
    Ok(text
        .split([',', ' '])
        .filter(|scope| !scope.is_empty())
        .map(|scope| Scope::new(scope.to_owned()))
        .collect())
}

static BEARER: BasicTokenType = BasicTokenType::Bearer;

impl TokenResponse for BitrixToken {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &Self::TokenType {
        &BEARER
    }

    fn expires_in(&self) -> Option<Duration> {
        // Never looked at: tokens are renewed when the portal says that they expired.
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        Some(&self.scopes)
    }
}

type Client = oauth2::Client<
    BasicErrorResponse,
    BitrixToken,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Carries requests of the `oauth2` crate by our own transport.
struct Transport<'a>(&'a Connections);

impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(perform(self.0.any().clone(), request))
    }
}

async fn perform(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Error> {
    let (parts, body) = request.into_parts();
    let url =
        Url::parse(&parts.uri.to_string()).map_err(|error| Error::Invalid(error.to_string()))?;
    let answer = http
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|error| Error::transport(&error))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    if status.is_server_error() || status.is_redirection() || status.as_u16() == 429 {
        return Err(Error::Server {
            status: status.as_u16(),
            words: "the authorisation server did not do it".to_owned(),
        });
    }
    let mut response = HttpResponse::new(super::transport::read(answer).await?);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(answer: Value) -> GrantedTokens {
        let token: BitrixToken = serde_json::from_value(answer).unwrap();
        granted(&token, Some(&SecretString::from("old"))).unwrap()
    }

    #[test]
    fn tokens_are_taken_whatever_stands_beside_them() {
        for beside in [json!(false), json!(null), json!([]), json!(7), json!("")] {
            let tokens = given(json!({
                "access_token": "a", "refresh_token": "r", "scope": beside,
                "client_endpoint": beside, "member_id": beside
            }));
            assert_eq!(tokens.access.expose_secret(), "a", "{beside}");
            assert_eq!(tokens.refresh.expose_secret(), "r", "{beside}");
            assert!(tokens.endpoint.is_none(), "{beside}");
        }
    }

    #[test]
    fn the_old_refresh_token_stays_where_no_other_is_given() {
        for answer in [
            json!({"access_token": "a"}),
            json!({"access_token": "a", "refresh_token": null}),
            json!({"access_token": "a", "refresh_token": ""}),
        ] {
            assert_eq!(given(answer).refresh.expose_secret(), "old");
        }
    }
}
