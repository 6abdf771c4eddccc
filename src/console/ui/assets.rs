//! The style sheet and the script, named by their content so that browsers may keep them for ever.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const CSS: &str = include_str!("../assets/console.css");
const JS: &str = include_str!("../assets/console.js");
const ICON: &str = include_str!("../assets/icon.svg");

struct Asset {
    name: String,
    kind: &'static str,
    body: &'static str,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset("console", "css", "text/css; charset=utf-8", CSS),
        asset("console", "js", "text/javascript; charset=utf-8", JS),
        asset("icon", "svg", "image/svg+xml", ICON),
    ]
});

fn asset(stem: &str, ending: &str, kind: &'static str, body: &'static str) -> Asset {
    let mut hash = hex::encode(Sha256::digest(body.as_bytes()));
    // Six bytes.
    hash.truncate(12);
    let name = format!("{stem}-{hash}.{ending}");
    Asset { name, kind, body }
}

fn path(index: usize) -> String {
    let name = ASSETS.get(index).map_or("", |asset| asset.name.as_str());
    format!("/console/assets/{name}")
}

/// Where the style sheet is.
pub(in crate::console) fn css() -> String {
    path(0)
}

/// Where the script is.
pub(in crate::console) fn js() -> String {
    path(1)
}

/// Where the icon is.
pub(in crate::console) fn icon() -> String {
    path(2)
}

/// `GET /console/assets/{name}`: a style sheet, script or icon, to be kept for ever.
pub(in crate::console) async fn get(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
