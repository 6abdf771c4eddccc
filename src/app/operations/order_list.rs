//! Lists of orders: by state, shop, status, time and words; the newest first, page by page.

use super::order_search::{LARGEST_CHUNK, Look, Place};
use crate::{
    app::{
        Error, Operations,
        filter_words::{read, time, words},
        intake::search_keys,
        page::page_size,
    },
    domain::{Faults, PortalName, ShopName, did_you_mean},
    storage::views::search::{self, FoundRow, Patterns, Wanted},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

/// By how much ids of events may be in another order than their times: a transaction has the time
/// of its begin.
const CROSSING: TimeDelta = TimeDelta::minutes(10);
/// The fewest digits that a part of a phone number has.
const FEWEST_DIGITS: usize = 4;

/// How an order stands, in one word: the same in lists, on its page, in the API and on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// A dead letter of it is open.
    Dead,
    /// Something of it waits to be sent.
    OnItsWay,
    /// The sides differ, or it is not known that they agree.
    NotInSync,
    /// Both sides hold the same, and nothing is on its way.
    InSync,
}

impl OrderState {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Dead, Self::OnItsWay, Self::NotInSync, Self::InSync];

    /// What the columns of `bridge.order_states` mean together.
    pub(in crate::app) fn of(dead: bool, waits: bool, in_sync: bool) -> Self {
        match (dead, waits, in_sync) {
            (true, ..) => Self::Dead,
            (_, true, _) => Self::OnItsWay,
            (_, _, false) => Self::NotInSync,
            (_, _, true) => Self::InSync,
        }
    }

    /// Its word, as the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::OnItsWay => "on_its_way",
            Self::NotInSync => "not_in_sync",
            Self::InSync => "in_sync",
        }
    }

    /// The state with this word.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str);
            let meant = did_you_mean(text, &all);
            if meant.is_empty() {
                format!("there is no state `{text}`: {}", all.join(", "))
            } else {
                format!("there is no state `{text}`{meant}")
            }
        })
    }

    /// What the columns of `bridge.order_states` are then.
    fn columns(self) -> (Option<bool>, Option<bool>, Option<bool>) {
        match self {
            Self::Dead => (Some(true), None, None),
            Self::OnItsWay => (Some(false), Some(true), None),
            Self::NotInSync => (Some(false), Some(false), Some(false)),
            Self::InSync => (Some(false), Some(false), Some(true)),
        }
    }
}

/// A filter as people write it, in a form, a query or a command. What is empty or missing means
/// any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// Only of this shop.
    pub shop: Option<String>,
    /// Only in this state: a word of [`OrderState`].
    pub state: Option<String>,
    /// Only with this status of the shop.
    pub status: Option<String>,
    /// Last heard of then or later: RFC 3339, or a date (its midnight in UTC).
    pub since: Option<String>,
    /// Last heard of before then.
    pub until: Option<String>,
    /// A number, a deal's id, a phone number or an e-mail address; or parts of a number, of names,
    /// of an address or of a phone number. At most 200 characters.
    pub text: Option<String>,
}

/// Which orders, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only of this shop.
    pub shop: Option<ShopName>,
    /// Only in this state.
    pub state: Option<OrderState>,
    /// Only with this status of the shop.
    pub status: Option<String>,
    /// Last heard of then or later.
    pub since: Option<DateTime<Utc>>,
    /// Last heard of before then.
    pub until: Option<DateTime<Utc>>,
    /// What is looked for.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// How many: at most 500; 0 means 50.
    pub limit: u32,
}

impl OrderQuery {
    /// Reads the words; every fault with the name of its field as the pointer.
    pub fn parse(&self) -> Result<OrderFilter, Faults> {
        let mut faults = Faults::new();
        let filter = OrderFilter {
            shop: read("/shop", self.shop.as_ref(), &mut faults, ShopName::parse),
            state: read(
                "/state",
                self.state.as_ref(),
                &mut faults,
                OrderState::parse,
            ),
            status: read("/status", self.status.as_ref(), &mut faults, words),
            since: read("/since", self.since.as_ref(), &mut faults, time),
            until: read("/until", self.until.as_ref(), &mut faults, time),
            text: read("/text", self.text.as_ref(), &mut faults, words),
            before: None,
            limit: 0,
        };
        if faults.is_empty() {
            Ok(filter)
        } else {
            Err(faults)
        }
    }
}

impl OrderFilter {
    /// Whether it means every order there is.
    pub fn is_empty(&self) -> bool {
        Self {
            before: None,
            limit: 0,
            ..self.clone()
        } == Self::default()
    }

    /// The same as storage takes it; without the words that are looked for.
    fn wanted(&self, shops: Vec<String>, portals: Vec<String>) -> Wanted {
        let columns = self.state.map(OrderState::columns);
        let (dead, waits, in_sync) = columns.unwrap_or_default();
        Wanted {
            shops,
            portals,
            dead,
            waits,
            in_sync,
            status: self.status.clone(),
            since: self.since,
            until: self.until,
        }
    }
}

/// An order as lists show it: where it stands, and not what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderSummary {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number: with the shop its identity.
    pub number: String,
    /// The portal it goes to.
    pub portal: String,
    /// How far the bridge is with it.
    pub state: OrderState,
    /// The id of its deal in the portal, once there is one.
    pub deal_id: Option<u64>,
    /// The shop's status: what its newest snapshot says, or what it was told since.
    pub status: Option<String>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// The customer's name, else the company's; none where that is no longer stored.
    pub customer: Option<String>,
    /// When its newest event came; none where that is no longer stored.
    pub received_at: Option<DateTime<Utc>>,
}

impl From<FoundRow> for OrderSummary {
    fn from(row: FoundRow) -> Self {
        Self {
            shop: row.shop,
            number: row.number,
            portal: row.portal,
            state: OrderState::of(row.dead, row.waits, row.in_sync),
            deal_id: row.deal_id.and_then(|id| u64::try_from(id).ok()),
            status: row.status,
            stage: row.stage,
            customer: row.customer,
            received_at: row.received_at,
        }
    }
}

/// Orders, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderPage {
    /// The orders. A page may be short, or empty, though there are more: see `next`.
    pub items: Vec<OrderSummary>,
    /// Where the next page begins; none after the last.
    pub next: Option<i64>,
    /// With a `next`: the orders of then and later are looked through.
    pub looked_back_to: Option<DateTime<Utc>>,
}

impl Operations {
    /// Orders that a filter means. A whole number, a deal's id, a whole phone number or address is
    /// found at once, whatever its age; parts are looked for from the newest order back, for about
    /// a tenth of a second a page. Orders whose events are pruned are found by number and by deal
    /// alone.
    pub async fn list_orders(&self, filter: &OrderFilter) -> Result<OrderPage, Error> {
        let limit = page_size(filter.limit);
        let shops = match &filter.shop {
            Some(shop) => vec![shop.to_string()],
            None => self
                .registry
                .shops
                .keys()
                .map(ToString::to_string)
                .collect(),
        };
        let portals = self.registry.portals.iter().map(PortalName::to_string);
        let wanted = filter.wanted(shops, portals.collect());
        let mut tx = self.db.begin().await?;
        if let (Some(text), None) = (&filter.text, filter.before) {
            let whole = whole(&mut tx, &wanted, text, limit.into()).await?;
            if !whole.is_empty() {
                return Ok(OrderPage {
                    items: whole.into_iter().map(OrderSummary::from).collect(),
                    next: None,
                    looked_back_to: None,
                });
            }
        }
        let before = match (filter.before, filter.until) {
            (None, Some(until)) => past(&mut tx, until).await?,
            (before, _) => before.unwrap_or(i64::MAX),
        };
        let lowest = match filter.since {
            Some(since) => past(&mut tx, since - CROSSING * 2).await?,
            None => i64::MIN,
        };
        let place = place(&mut tx, filter).await?;
        let look = Look::new(place, (lowest, before), limit);
        let looked = look.through(&mut tx, &wanted).await?;
        Ok(OrderPage {
            items: looked.found.into_iter().map(OrderSummary::from).collect(),
            next: looked.next,
            looked_back_to: looked.back_to,
        })
    }
}

/// Where what the filter means is found soonest.
async fn place(db: &mut PgConnection, filter: &OrderFilter) -> Result<Place, Error> {
    match (&filter.text, filter.state) {
        (Some(text), _) => Place::words(db, parts(text)).await,
        (None, Some(OrderState::Dead)) => Ok(Place::Dead),
        (None, Some(OrderState::OnItsWay)) => Ok(Place::Waiting),
        (None, Some(OrderState::NotInSync)) => Place::differing(db).await,
        (None, Some(OrderState::InSync) | None) => Ok(Place::Events),
    }
}

/// Orders that a whole number, a deal's id, a phone number or an address names.
async fn whole(
    db: &mut PgConnection,
    wanted: &Wanted,
    text: &str,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    let deal = text.trim_start_matches('#').parse().ok();
    let named = search::by_number(db, (text, deal), wanted).await?;
    let found = search::known(db, &named, wanted, limit).await?;
    match search_keys::key_of_words(text) {
        Some(key) if found.is_empty() => {
            let number = search_keys::number_of(&key);
            let named = search::by_key(db, (&key, number), LARGEST_CHUNK).await?;
            Ok(search::known(db, &named, wanted, limit).await?)
        }
        _ => Ok(found),
    }
}

/// The patterns of the words of a text, and of its digits if it may be a part of a phone number.
fn parts(text: &str) -> Patterns {
    let pattern = |word: &str| {
        let escaped = word
            .to_lowercase()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        format!("%{escaped}%")
    };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let phone = search_keys::is_of_phone(text) && digits.len() >= FEWEST_DIGITS;
    Patterns {
        words: text.split_whitespace().map(pattern).collect(),
        digits: phone.then(|| pattern(&digits)),
    }
}

/// An id of an event below which all came before `until`, or nearly so.
async fn past(db: &mut PgConnection, until: DateTime<Utc>) -> Result<i64, Error> {
    let first = search::first_since(db, until + CROSSING).await?;
    Ok(first.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_what_its_columns_mean() {
        for state in OrderState::ALL {
            let (dead, waits, in_sync) = state.columns();
            let of = OrderState::of(
                dead.unwrap_or(true),
                waits.unwrap_or(true),
                in_sync.unwrap_or(true),
            );
            assert_eq!(of, state);
            assert_eq!(OrderState::parse(state.as_str()), Ok(state));
        }
        assert!(OrderState::parse("dead ").is_err());
    }

    #[test]
    fn words_are_looked_for_each_by_itself_and_digits_as_a_phone() {
        let found = parts("Анна 50%");
        assert_eq!(found.words, ["%анна%", "%50\\%%"]);
        assert_eq!(found.digits, None);
        assert_eq!(parts("916-00").digits.as_deref(), Some("%91600%"));
        assert_eq!(parts("A-1600").digits, None);
        assert_eq!(parts("160").digits, None);
    }

    #[test]
    fn a_filter_of_words_names_every_fault() {
        let query = OrderQuery {
            state: Some("broken".to_owned()),
            since: Some("yesterday".to_owned()),
            ..OrderQuery::default()
        };
        let faults = query.parse().unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(pointers, ["/state", "/since"]);
        assert!(OrderQuery::default().parse().unwrap().is_empty());
    }
}
