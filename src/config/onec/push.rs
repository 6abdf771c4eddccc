//! `[onec.NAME.push]`: an HTTP service of the base that is told of orders at once.

use crate::{
    config::{Problem, Secret, portals::secure_or_local, reading::secret},
    formats::commerceml::SchemaVersion,
};
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

/// An HTTP service of a base.
#[derive(Debug, Clone)]
pub struct OneCPush {
    /// The address of the service in 1C that takes orders.
    pub url: Url,
    /// The login that is shown there.
    pub user: String,
    /// The password of that login.
    pub password: Secret,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    user: String,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    #[serde(default = "usual_version")]
    version: String,
    #[serde(default)]
    allow_http: bool,
}

fn usual_version() -> String {
    "2.09".to_owned()
}

/// The service, and the version in which it is written to.
pub(super) fn check(
    raw: Raw,
    base: &str,
    most: SchemaVersion,
    problems: &mut Vec<Problem>,
) -> Option<(OneCPush, SchemaVersion)> {
    let key = format!("{base}.push");
    let place = format!("{key}.password");
    let before = problems.len();
    let password = secret::resolve(raw.password, raw.password_file.as_deref(), &place, problems);
    if password.is_none() && problems.len() == before {
        let remedy = "give the password of the service's user in 1C";
        problems.push(Problem::new(&place, "missing", remedy));
    }
    if raw.user.is_empty() || raw.user.contains(':') {
        let remedy = "name the service's user in 1C; a login has no colon";
        problems.push(Problem::new(
            format!("{key}.user"),
            "this cannot be a login",
            remedy,
        ));
    }
    let url = Url::parse(&raw.url).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let place = format!("{key}.url");
    match &url {
        None => problems.push(Problem::new(
            place,
            "this is no address",
            "write the address of the HTTP service: \"https://1c.example/ut/hs/orders\"",
        )),
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            problems.push(Problem::new(
                place,
                "the login stands in the address",
                "write it into `user` and `password_file`",
            ));
        }
        Some(url) if !raw.allow_http && !secure_or_local(url) => problems.push(Problem::new(
            place,
            "orders and a password would go over the network in the clear",
            "write an https address, or set `allow_http = true` where the network is your own",
        )),
        Some(_) => {}
    }
    let version = SchemaVersion::parse(&raw.version);
    let version = version.filter(|one| (SchemaVersion::new(2, 3)..=most).contains(one));
    if version.is_none() {
        problems.push(Problem::new(
            format!("{key}.version"),
            format!(
                "`{}` is no version that this base is written to in",
                raw.version
            ),
            format!("choose 2.03 to {most}, which is `schema_version_max`"),
        ));
    }
    let (url, version, password) = (url?, version?, password?);
    let push = OneCPush {
        url,
        user: raw.user,
        password,
    };
    Some((push, version))
}
