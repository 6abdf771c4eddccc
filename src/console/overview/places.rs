//! Where an incident is: a portal, a shop, or the bridge's own work.

use crate::{
    app::{
        APPLICATION, FROM_SQL, GOODS, HOUSEKEEPING, JOBS, STOCK, StatusReport, TILL,
        operations::overview::Incident,
    },
    console::{i18n::messages::Text, ui::links},
    domain::{ErrorCode, Place},
};

pub(super) fn known(report: &StatusReport, incident: &Incident) -> bool {
    if own(incident).is_some() {
        return true;
    }
    match shop_of(incident) {
        Some(name) => report
            .shops
            .iter()
            .any(|shop| shop.shop == name && (shop.callback.is_some() || sent(incident))),
        None => report
            .portals
            .iter()
            .any(|portal| portal.portal == incident.lane),
    }
}

/// Whether it is about what a shop sends, not about what it is told.
fn sent(incident: &Incident) -> bool {
    [ErrorCode::WebhookOwner, ErrorCode::NotAnOrder]
        .iter()
        .any(|code| code.as_str() == incident.code)
}

/// The place as a remedy names it.
pub(super) fn at((kind, name): (Text, &str)) -> Place<'_> {
    match kind {
        Text::Shop | Text::CallbackOf => Place::shop(name),
        Text::Portal | Text::ApplicationOf => Place::portal(name),
        Text::StockPage => Place::stock(name),
        _ => Place::default(),
    }
}

/// The shop that it is about.
fn shop_of(incident: &Incident) -> Option<&str> {
    incident.lane.strip_prefix("shop:")
}

/// The bridge's own work that it is about, if it is about no lane.
fn own(incident: &Incident) -> Option<Text> {
    match incident.lane.as_str() {
        FROM_SQL => Some(Text::FromSql),
        JOBS => Some(Text::LetterJobs),
        HOUSEKEEPING => Some(Text::Housekeeping),
        STOCK => Some(Text::StockKept),
        GOODS => Some(Text::Products),
        lane if lane.starts_with(TILL) => Some(Text::TillsRead),
        _ => None,
    }
}

/// Where it is, and its page.
pub(super) fn place(incident: &Incident) -> ((Text, &str), String, Text) {
    if let Some(own) = own(incident) {
        return ((own, ""), "/console".to_owned(), Text::Overview);
    }
    if let Some(portal) = incident.lane.strip_prefix(APPLICATION) {
        let href = links::portal(portal);
        return ((Text::ApplicationOf, portal), href, Text::ToPortal);
    }
    if let Some(shop) = shop_of(incident).filter(|_| sent(incident)) {
        ((Text::Shop, shop), links::shop(shop), Text::ToShop)
    } else if let Some(shop) = shop_of(incident) {
        ((Text::CallbackOf, shop), links::shop(shop), Text::ToShop)
    } else {
        let href = links::portal(&incident.lane);
        ((Text::Portal, &incident.lane), href, Text::ToPortal)
    }
}
