//! `POST /webhooks/bitrix24/{portal}/install`: the page that a portal opens when the application is
//! installed.

use crate::{
    app::{
        PortalAccess,
        portal_access::{Field, InstallOutcome},
    },
    domain::{ErrorCode, PortalName},
    http::{
        Problem,
        layer::{body::SentBody, path::PathParam},
    },
};
use axum::{
    extract::{RawQuery, State as Extract},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// Largest form: a portal sends two tokens and a few words.
const LARGEST: usize = 64 * 1024;
/// Most fields that are read.
const MOST_FIELDS: usize = 200;

/// Takes the tokens that a portal opens the application's page with, to be judged in the
/// background, and ends the installation.
#[utoipa::path(
    post, path = "/webhooks/bitrix24/{portal}/install", tag = "portal",
    params(("portal" = String, Path, description = "The portal's name in the settings")),
    request_body(
        content = String, content_type = "application/x-www-form-urlencoded",
        description = "The fields that a portal opens an application with"
    ),
    responses(
        (
            status = 200, description = "Taken; the page ends the installation in the portal",
            body = String, content_type = "text/html"
        ),
        (
            status = 400, description = "Not the form of a portal", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403,
            description = "The form of another portal, or the portal is not reached by an \
                           application",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 503,
            description = "Too many installations wait, or the database is away: try again",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_install(
    Extract(portal_access): Extract<PortalAccess>,
    PathParam(name): PathParam,
    RawQuery(query): RawQuery,
    sent: SentBody,
) -> Result<Response, Problem> {
    let foreign = || {
        Problem::new(
            ErrorCode::Forbidden,
            "this is not the form of a portal that is reached by an application",
        )
    };
    let portal = PortalName::parse(&name).map_err(|_| foreign())?;
    let body = sent.within(LARGEST).bytes().await?;
    let mut fields = fields(&body);
    fields.extend(self::fields(query.unwrap_or_default().as_bytes()));
    match portal_access.install_app(&portal, &fields).await? {
        InstallOutcome::Waits(_) => Ok(page(&portal_access, &portal)),
        InstallOutcome::Incomplete => Err(Problem::malformed(
            StatusCode::BAD_REQUEST,
            "this is not the form that a portal opens an application with",
        )),
        InstallOutcome::Foreign | InstallOutcome::NoApplication => Err(foreign()),
        InstallOutcome::TooMany => Err(Problem::new(
            ErrorCode::Busy,
            "too many installations wait to be judged",
        )),
    }
}

/// The fields of a form or a query, in order.
pub(in crate::http) fn fields(bytes: &[u8]) -> Vec<Field> {
    form_urlencoded::parse(bytes)
        .take(MOST_FIELDS)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// What the page does, with the portal's own library.
const SCRIPT: &str = "BX24.init(function () { BX24.installFinish(); });";

/// The page may run its one script and the portal's, and stand in the portal's frame and nowhere
/// else.
fn page(portal_access: &PortalAccess, portal: &PortalName) -> Response {
    let digest = STANDARD.encode(Sha256::digest(SCRIPT));
    let frame = portal_access
        .application(portal)
        .map_or("'none'", |application| {
            application.portal_url.trim_end_matches('/')
        });
    let policy = format!(
        "default-src 'none'; script-src https://api.bitrix24.com 'sha256-{digest}'; \
         frame-ancestors {frame}"
    );
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>b24-bridge</title>\
         <p>The bridge is being installed. This page may be closed.</p>\
         <script src=\"https://api.bitrix24.com/api/v1/\"></script><script>{SCRIPT}</script></html>"
    );
    let mut response = Html(html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
