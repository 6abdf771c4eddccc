//! `POST /v1/portals/{name}/pause` and `/resume`: hold a portal's lane, and let it go on.

use crate::{
    app::Operations,
    http::{
        Problem,
        layer::{auth::MayOperate, path::PathParam},
    },
};
use axum::{Json, extract::State as Extract};
use serde::Serialize;
use utoipa::ToSchema;

/// What the lane does now.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Lane {
    /// The lane's name as it was given: a portal's, or `shop:NAME`.
    portal: String,
    /// What was done: `paused` or `resumed`.
    result: &'static str,
}

/// Stops sending to a portal until somebody resumes it.
#[utoipa::path(
    post, path = "/v1/portals/{name}/pause", tag = "operator", security(("key" = [])),
    params(("name" = String, Path, description = "The portal, or `shop:NAME` for a shop's \
                                                  callback")),
    responses(
        (status = 200, description = "Paused", body = Lane),
        MayOperate,
        (
            status = 404, description = "No such portal", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_pause(
    Extract(operations): Extract<Operations>,
    MayOperate(caller): MayOperate,
    PathParam(name): PathParam,
) -> Result<Json<Lane>, Problem> {
    operations.pause_lane(&name, &caller.actor()).await?;
    Ok(lane(name, "paused"))
}

/// Sends to a portal again, at once.
#[utoipa::path(
    post, path = "/v1/portals/{name}/resume", tag = "operator", security(("key" = [])),
    params(("name" = String, Path, description = "The portal, or `shop:NAME` for a shop's \
                                                  callback")),
    responses(
        (status = 200, description = "Resumed", body = Lane),
        MayOperate,
        (
            status = 404, description = "No such portal", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_resume(
    Extract(operations): Extract<Operations>,
    MayOperate(caller): MayOperate,
    PathParam(name): PathParam,
) -> Result<Json<Lane>, Problem> {
    operations.resume_lane(&name, &caller.actor()).await?;
    Ok(lane(name, "resumed"))
}

fn lane(portal: String, result: &'static str) -> Json<Lane> {
    Json(Lane { portal, result })
}
