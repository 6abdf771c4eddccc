//! `/forms/{shop}/{form}/{token}`: where the forms of a shop's site post to.

use super::{
    Problem,
    layer::body::{self, SentBody},
};
use crate::{
    app::{FormTaken, Forms},
    auth::KeyDigest,
    config::{Config, Form, FormAnswer},
    domain::ShopName,
    formats::forms as formats,
    process::doors,
};
use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State as Extract, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// The most that is kept of a form's body, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How the fields of an address are written.
const ENCODED: &str = "application/x-www-form-urlencoded";
/// The largest body with files, whose contents are not kept: what the configuration of nginx in
/// `deploy/https` lets pass.
const LARGEST_WITH_FILES: usize = 25 * 1024 * 1024;

type Address = Result<Path<(String, String, String)>, PathRejection>;

/// Takes what a form of the shop's site has posted.
///
/// Form-encoded, multipart or JSON, in UTF-8 or windows-1251, as Tilda, Elementor, Contact Form 7,
/// Gravity Forms and plain HTML post it. The token takes the place of a key. Whatever was posted is
/// answered with success: a repetition, a robot and a form that cannot be used are the operator's
/// affair, not the visitor's. Files are not taken; their names are kept.
#[utoipa::path(
    post, path = "/forms/{shop}/{form}/{token}", tag = "shop",
    params(
        ("shop" = String, Path, description = "The shop's name in the configuration"),
        ("form" = String, Path, description = "The form's name in the configuration"),
        ("token" = String, Path, description = "The form's token"),
    ),
    request_body(
        content = String, content_type = "application/x-www-form-urlencoded",
        description = "The fields, also as multipart/form-data or JSON"
    ),
    responses(
        (status = 200, description = "Taken", body = String, content_type = "text/plain"),
        (
            status = 303, description = "Taken: the visitor is sent to the page of `answer`",
            body = String, content_type = "text/plain"
        ),
        (
            status = 404, description = "No such form", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 413, description = "Larger than 1 MiB, or than 25 MiB with its files",
            body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 503, description = "The database is away", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn post_form(
    Extract(forms): Extract<Forms>,
    Extract(config): Extract<Arc<Config>>,
    address: Address,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<Response, Problem> {
    let (shop, form) = found(&config, address)?;
    doors::known();
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let bytes = match formats::WithoutFiles::new(kind) {
        Some(mut parts) => {
            let sent = sent.within(LARGEST_WITH_FILES);
            sent.pieces(LARGEST, |piece| parts.push(piece)).await?;
            Bytes::from(parts.kept())
        }
        None => sent.within(LARGEST).bytes().await?,
    };
    body::room(&bytes).await?;
    let posted = formats::read_body(kind, &bytes);
    let taken = forms.take_form(&shop, &form.rules, posted).await?;
    tracing::info!(%shop, form = form.rules.name, ?taken, "a form was posted");
    Ok(answer(form, taken))
}

/// What the visitor sees.
fn answer(form: &Form, taken: FormTaken) -> Response {
    match (&form.answer, taken) {
        (FormAnswer::Redirect(to), taken) if taken != FormTaken::Ping => {
            let to = [(header::LOCATION, to.clone())];
            (StatusCode::SEE_OTHER, to, ok()).into_response()
        }
        _ => ok(),
    }
}

/// Whether somebody answers at a form's address.
///
/// A form whose method is GET sends its fields in the address: those are taken like a post, if they
/// hold a telephone or an e-mail address.
#[utoipa::path(
    get, path = "/forms/{shop}/{form}/{token}", tag = "shop",
    params(
        ("shop" = String, Path, description = "The shop's name in the configuration"),
        ("form" = String, Path, description = "The form's name in the configuration"),
        ("token" = String, Path, description = "The form's token"),
    ),
    responses(
        (
            status = 200, description = "There is such a form", body = String,
            content_type = "text/plain"
        ),
        (
            status = 303, description = "Taken: the visitor is sent to the page of `answer`",
            body = String, content_type = "text/plain"
        ),
        (
            status = 404, description = "No such form", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 503, description = "The database is away", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn get_form(
    Extract(forms): Extract<Forms>,
    Extract(config): Extract<Arc<Config>>,
    address: Address,
    method: Method,
    RawQuery(fields): RawQuery,
) -> Result<Response, Problem> {
    let (shop, form) = found(&config, address)?;
    let fields = fields.filter(|fields| !fields.is_empty() && method == Method::GET);
    let Some(fields) = fields else {
        return Ok(ok());
    };
    doors::known();
    let posted = formats::read_body(ENCODED, fields.as_bytes());
    let taken = forms
        .take_form_of_address(&shop, &form.rules, posted)
        .await?;
    tracing::info!(%shop, form = form.rules.name, ?taken, "a form came in an address");
    Ok(answer(form, taken))
}

/// Whether a script of another site may post to a form.
///
/// A browser asks this before a script posts JSON; without the answer it sends nothing, and the
/// visitor's words are lost.
#[utoipa::path(
    options, path = "/forms/{shop}/{form}/{token}", tag = "shop",
    params(
        ("shop" = String, Path, description = "The shop's name in the configuration"),
        ("form" = String, Path, description = "The form's name in the configuration"),
        ("token" = String, Path, description = "The form's token"),
    ),
    responses(
        (status = 204, description = "It may, with the headers that it asked for"),
        (
            status = 404, description = "No such form", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn options_form(
    Extract(config): Extract<Arc<Config>>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    found(&config, address)?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let head = answer.headers_mut();
    let any = HeaderValue::from_static("*");
    head.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    let methods = HeaderValue::from_static("POST");
    head.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    head.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("86400"),
    );
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        head.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    Ok(answer)
}

/// A page of another site may read that it was taken, so that nobody presses again.
fn ok() -> Response {
    let head = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (StatusCode::OK, head, "ok").into_response()
}

fn found(config: &Config, address: Address) -> Result<(ShopName, &Form), Problem> {
    let Path((shop, form, token)) = address.map_err(|_| Problem::not_found())?;
    let shop = ShopName::parse(&shop).map_err(|_| Problem::not_found())?;
    let owner = config.shops.get(&shop).ok_or_else(Problem::not_found)?;
    let token = KeyDigest::of(&token);
    let found = owner
        .forms
        .iter()
        .find(|one| one.rules.name == form && one.token.matches(&token));
    found
        .map(|found| (shop, found))
        .ok_or_else(Problem::not_found)
}
