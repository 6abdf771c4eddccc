//! `GET /openapi.json`: the API's description, made from the code.

use super::routes::Described;
use axum::Json;
use utoipa::{
    OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

/// The description of every endpoint.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Described::openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", bearer);
    document
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "watch",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(super) async fn get_openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
