//! OAuth 2.0 as Bitrix24 speaks it: no token type in the answer, scopes with commas, a new refresh token each time, errors also under HTTP 200.

use super::{
    Error,
    auth::{Access, Pending, TokenSource, same},
};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse,
    RefreshToken, RequestTokenError, Scope, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use std::{pin::Pin, time::Duration};
use tokio::sync::Mutex;
use url::Url;

/// An application of a portal.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// The token address of the authorisation server, e.g. `https://oauth.bitrix24.tech/oauth/token/`.
    pub token_url: Url,
}

/// Tokens of an application, kept in memory, renewed by one caller for all.
#[derive(Debug)]
pub struct Tokens {
    app: OAuthApp,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    access: Access,
    refresh: SecretString,
}

impl Tokens {
    /// Tokens as an installation or authorisation gave them.
    pub fn new(app: OAuthApp, access: Access, refresh: SecretString) -> Result<Self, Error> {
        Ok(Self {
            app,
            http: super::client::http(Duration::from_secs(30))?,
            state: Mutex::new(State { access, refresh }),
        })
    }

    async fn renew(&self, refresh: &SecretString) -> Result<BitrixToken, Error> {
        let refused = |words: String| Error::TokenExpired { words };
        let token_url = TokenUrl::new(self.app.token_url.to_string())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let client: Client = oauth2::Client::new(ClientId::new(self.app.client_id.clone()));
        let client = client
            .set_client_secret(ClientSecret::new(
                self.app.client_secret.expose_secret().to_owned(),
            ))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(token_url);
        let transport = Transport(&self.http);
        client
            .exchange_refresh_token(&RefreshToken::new(refresh.expose_secret().to_owned()))
            .request_async(&transport)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(said) => refused(said.to_string()),
                RequestTokenError::Request(error) => error,
                RequestTokenError::Parse(_, body) => refused(
                    super::answer::Envelope::parse(&body)
                        .map(|said| said.words())
                        .unwrap_or_default(),
                ),
                RequestTokenError::Other(words) => refused(words),
            })
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
            let token = self.renew(&state.refresh).await?;
            state.refresh = SecretString::from(token.refresh_token.secret().clone());
            state.access.token = SecretString::from(token.access_token.secret().clone());
            if let Some(endpoint) = token
                .client_endpoint
                .as_deref()
                .and_then(|text| Url::parse(text).ok())
            {
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
    refresh_token: RefreshToken,
    #[serde(default)]
    expires_in: u64,
    #[serde(rename = "scope", default, deserialize_with = "scopes")]
    scopes: Vec<Scope>,
    #[serde(default)]
    client_endpoint: Option<String>,
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
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
        Some(Duration::from_secs(self.expires_in))
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        Some(&self.refresh_token)
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        Some(&self.scopes)
    }
}

type Client = oauth2::Client<
    BasicErrorResponse,
    BitrixToken,
    BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// Carries requests of the `oauth2` crate by our own transport.
struct Transport<'a>(&'a reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(perform(self.0.clone(), request))
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
        .send()
        .await
        .map_err(Error::transport)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = HttpResponse::new(answer.bytes().await.map_err(Error::transport)?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
