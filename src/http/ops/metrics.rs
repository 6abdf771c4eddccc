//! `GET /metrics`: the meters for Prometheus.

use crate::{
    app::Operations, config::Config, domain::ErrorCode, http::Problem, process::telemetry::Metrics,
};
use axum::{
    extract::State as Extract,
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted. Without the database the gauges read from it keep their last values.
#[utoipa::path(
    get, path = "/metrics", tag = "watch",
    responses(
        (
            status = 200, description = "OpenMetrics text", body = String,
            content_type = "application/openmetrics-text"
        ),
        (
            status = 404, description = "They are at `[http] metrics_listen`", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_metrics(
    Extract(config): Extract<Arc<Config>>,
    operations: Extract<Operations>,
    metrics: Extract<Metrics>,
) -> Result<Response, Problem> {
    if config.http.metrics_listen.is_some() {
        // They are for whoever reaches the other listener.
        return Err(Problem::not_found());
    }
    shown(operations, metrics).await
}

/// The same, whatever the settings say: for a listener of its own.
pub(in crate::http) async fn shown(
    Extract(operations): Extract<Operations>,
    Extract(metrics): Extract<Metrics>,
) -> Result<Response, Problem> {
    if !operations.refresh_gauges().await {
        tracing::warn!("the meters show old figures: the database did not answer");
    }
    let text = metrics.render();
    let text = text.map_err(|_| Problem::new(ErrorCode::Bug, "the meters cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
