//! `GET /webhooks/bitrix24/{portal}/oauth`: where the browser comes back from a portal's page, with
//! a code.

use super::install::fields;
use crate::{
    app::{
        PortalAccess,
        portal_access::{CallbackOutcome, Field},
    },
    domain::PortalName,
    http::{Problem, layer::path::PathParam},
};
use axum::{
    extract::{RawQuery, State as Extract},
    http::StatusCode,
};

/// Takes the code of an authorisation that was begun here; it is exchanged in the background.
#[utoipa::path(
    get, path = "/webhooks/bitrix24/{portal}/oauth", tag = "portal",
    params(
        ("portal" = String, Path, description = "The portal's name in the settings"),
        ("code" = String, Query, description = "The portal's code, which lives half a minute"),
        ("state" = String, Query, description = "The state that the authorisation was begun with"),
    ),
    responses(
        (status = 200, description = "Taken", body = String, content_type = "text/plain"),
        (
            status = 400, description = "Nobody began this authorisation here, or it is over",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 503, description = "The database is away: try again", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_oauth(
    Extract(portal_access): Extract<PortalAccess>,
    PathParam(name): PathParam,
    RawQuery(query): RawQuery,
) -> Result<&'static str, Problem> {
    let unknown = || {
        Problem::malformed(
            StatusCode::BAD_REQUEST,
            "nobody began this authorisation here, or it is over: begin it again, in the console \
             or by `b24-bridge portals authorize`",
        )
    };
    let portal = PortalName::parse(&name).map_err(|_| unknown())?;
    let fields = fields(query.unwrap_or_default().as_bytes());
    let (code, given) = (value(&fields, "code"), value(&fields, "state"));
    let back = portal_access
        .authorisation_came_back(&portal, code, given)
        .await?;
    match back {
        CallbackOutcome::Waits(_) => Ok(
            "Taken: the portal is asked to confirm. Where the authorisation was begun, in the \
             console or by `b24-bridge portals authorize`, it is told what came of it. This page \
             may be closed.\n",
        ),
        CallbackOutcome::Unknown => Err(unknown()),
    }
}

fn value<'a>(fields: &'a [Field], key: &str) -> &'a str {
    let found = fields.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value)
}
