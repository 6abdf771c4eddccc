//! Shops: whether each can be told.

use super::report::Report;
use crate::{
    app::App,
    clients::{
        callback::{self, Sender},
        connections::Connections,
    },
    config::Shop,
    domain::{ErrorCode, Place, ShopName},
};
use secrecy::ExposeSecret as _;

/// Whether shops' systems send something else in place of orders.
pub(super) async fn notices(app: &App, report: &mut Report) {
    // A database that cannot be asked is told of where it is looked at.
    for notice in app.intake.shop_notices().await.unwrap_or_default() {
        let code = ErrorCode::parse(&notice.code).unwrap_or(ErrorCode::NotAnOrder);
        let what = match code {
            ErrorCode::FormMapBroken => format!("forms of shop {}", notice.shop),
            _ => format!("orders of shop {}", notice.shop),
        };
        let since = notice.first_at.format("%Y-%m-%d %H:%M UTC");
        let words = format!(
            "{} ({} times since {since}): {}",
            code.sentence(),
            notice.times,
            notice.message
        );
        report.wrong_at(Place::shop(&notice.shop), what, words, code);
    }
}

/// Whether the shop's callback can be reached, without telling it anything.
pub(super) async fn check(
    name: &ShopName,
    shop: &Shop,
    connections: &Connections,
    report: &mut Report,
) {
    let (what, at) = (
        format!("callback of shop {name}"),
        Place::shop(name.as_str()),
    );
    let (Some(url), Some(secret)) = (&shop.callback_url, &shop.callback_secret) else {
        let step = "the shop reads GET /v1/status-changes, or give it a `callback_url` and a \
                    `callback_secret`";
        return report.note(what, "none", vec![step.to_owned()]);
    };
    let Some(secret) = callback::Secret::parse(secret.expose_secret()) else {
        let remedy = "Give a `callback_secret` of `whsec_` and base64.";
        return report.wrong_with(what, "the secret cannot be read", ErrorCode::Config, remedy);
    };
    let sender = match Sender::new(url, secret, connections) {
        Ok(sender) => sender,
        Err(error) => return report.wrong_at(at, what, error.to_string(), ErrorCode::Config),
    };
    match sender.reach().await {
        Ok(status) if status >= 500 => {
            report.wrong_at(
                at,
                what,
                format!("answers with {status}"),
                ErrorCode::CallbackDown,
            );
        }
        // Any other answer shows that somebody is there: a callback need not take requests without
        // a message.
        Ok(_) => report.fine(what, "can be reached"),
        Err(words) => report.wrong_at(at, what, words, ErrorCode::CallbackDown),
    }
}
