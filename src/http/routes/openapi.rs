//! `GET /openapi.json`: the API's description, made from the code.

use super::ApiDoc;
use crate::http::{
    layer::{
        problem::codes_of,
        responses::{PROBLEM_JSON, problem},
    },
    request_schemas::Description,
};
use axum::{Json, http::StatusCode};
use std::collections::BTreeMap;
use utoipa::{
    OpenApi,
    openapi::{
        RefOr, Response,
        path::{Operation, Parameter, ParameterIn, PathItem},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

/// The description of every endpoint.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = ApiDoc::openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", bearer);
    for item in document.paths.paths.values_mut() {
        let PathItem {
            get,
            put,
            post,
            delete,
            patch,
            options,
            ..
        } = item;
        let all = [get, put, post, delete, patch, options];
        for operation in all.into_iter().flatten() {
            complete(operation);
        }
    }
    document
}

/// Adds the answers that every endpoint of its kind has, and says of each failure which codes it
/// may carry.
fn complete(operation: &mut Operation) {
    let parameters = operation.parameters.iter().flatten();
    let at = |place: &ParameterIn| {
        let is =
            |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.parameter_in == *place);
        parameters.clone().any(is)
    };
    let mut usual = vec![
        (StatusCode::REQUEST_TIMEOUT, "It was not complete in time"),
        (StatusCode::INTERNAL_SERVER_ERROR, "A fault of the bridge"),
    ];
    if at(&ParameterIn::Path) {
        usual.push((StatusCode::NOT_FOUND, "No such thing"));
    }
    if at(&ParameterIn::Query) {
        usual.push((StatusCode::BAD_REQUEST, "A parameter that cannot be used"));
    }
    if operation.security.is_some() {
        usual.push((StatusCode::UNAUTHORIZED, "No known key"));
        let slowed = "Too many wrong keys came from this address: a right one is taken at once";
        usual.push((StatusCode::TOO_MANY_REQUESTS, slowed));
        let away = "The database is away: try again";
        usual.push((StatusCode::SERVICE_UNAVAILABLE, away));
    }
    if operation.request_body.is_some() {
        usual.push((StatusCode::BAD_REQUEST, "It broke off, or cannot be read"));
        usual.push((StatusCode::PAYLOAD_TOO_LARGE, "Too large"));
        let busy = "The database is away, or there is no room for another body: try again";
        usual.push((StatusCode::SERVICE_UNAVAILABLE, busy));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in usual {
        let found = responses.entry(status.as_str().to_owned());
        found.or_insert_with(|| problem(description).into());
    }
    name_codes(responses);
}

fn name_codes(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, response) in responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let status = status.parse::<u16>().ok();
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        if let Some(status) = status
            && response.content.contains_key(PROBLEM_JSON)
        {
            let codes = codes_of(status);
            let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
            let told = format!("{}. Codes: {}", response.description, codes.join(", "));
            response.description = told;
        }
    }
}

/// The description of this API, made from the code that answers.
#[utoipa::path(
    get, path = "/openapi.json", tag = "watch",
    responses((status = 200, description = "OpenAPI 3.1", body = Description))
)]
pub(in crate::http) async fn get_openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
