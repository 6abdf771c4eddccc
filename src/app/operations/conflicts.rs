//! Everything that waits, or waited, for a person's word: differences of statuses, and shortages.
//! They share one row of numbers.

use crate::{
    app::{ConflictFilter, ConflictView, Error, Stock, Sync, page::page_size, stock::ShortageView},
    domain::ShopName,
    storage::stock::shortages::ShortageFilter,
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// One thing that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConflictItem {
    /// A shop and a portal say different things of an order.
    Status(Box<ConflictView>),
    /// More is reserved than there is.
    Shortage(Box<ShortageView>),
}

impl ConflictItem {
    fn id(&self) -> i64 {
        match self {
            Self::Status(conflict) => conflict.id,
            Self::Shortage(shortage) => shortage.id,
        }
    }
}

/// A page of what waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ConflictPage)]
pub struct ConflictItems {
    /// The items, oldest first.
    pub items: Vec<ConflictItem>,
    /// Where the next page starts; none if this is the last.
    pub next: Option<i64>,
}

/// Differences of statuses and shortages in one list, each as whoever asks may see it. Cheap to
/// clone.
#[derive(Debug, Clone)]
pub struct Conflicts {
    sync: Arc<Sync>,
    stock: Arc<Stock>,
}

impl Conflicts {
    pub(in crate::app) fn new(sync: &Arc<Sync>, stock: &Arc<Stock>) -> Self {
        Self {
            sync: Arc::clone(sync),
            stock: Arc::clone(stock),
        }
    }

    /// What waits for a person, of statuses and of goods; closed items, too, if asked for. A shop
    /// sees the shortages that concern its reservations, and of them only its own.
    pub async fn list(&self, filter: &ConflictFilter) -> Result<ConflictItems, Error> {
        let limit = page_size(filter.limit);
        let wanted = ConflictFilter {
            limit,
            ..filter.clone()
        };
        let statuses = self.sync.conflicts(&wanted).await?;
        // A shortage is of no portal.
        let shortages = if filter.portal.is_some() {
            Vec::new()
        } else {
            let wanted = ShortageFilter {
                shop: filter.shop.as_ref().map(ShopName::as_str),
                number: filter.number.as_deref(),
                closed: filter.closed,
                after: filter.after.unwrap_or(0),
                limit: i64::from(limit) + 1,
            };
            self.stock.shortages(&wanted).await?
        };
        let shortages = shortages.into_iter().map(|mut shortage| {
            seen_by(&mut shortage, filter.shop.as_ref());
            ConflictItem::Shortage(Box::new(shortage))
        });
        let more = statuses.next.is_some();
        let statuses = statuses
            .items
            .into_iter()
            .map(Box::new)
            .map(ConflictItem::Status);
        let mut items: Vec<_> = statuses.chain(shortages).collect();
        items.sort_by_key(ConflictItem::id);
        let more = more || items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(ConflictItem::id);
        Ok(ConflictItems { items, next })
    }

    /// One of them, open or closed, as a shop sees it, or an operator.
    pub async fn get(
        &self,
        id: i64,
        only: Option<&ShopName>,
    ) -> Result<Option<ConflictItem>, Error> {
        if let Some(conflict) = self.sync.conflict(id).await? {
            let sees = only.is_none_or(|shop| shop.as_str() == conflict.shop);
            return Ok(sees.then(|| ConflictItem::Status(Box::new(conflict))));
        }
        let Some(mut shortage) = self.stock.shortage(id).await? else {
            return Ok(None);
        };
        seen_by(&mut shortage, only);
        let sees = only.is_none() || !shortage.reservations.is_empty();
        Ok(sees.then(|| ConflictItem::Shortage(Box::new(shortage))))
    }
}

/// What a shop may see of a shortage: its own reservations. The sentence may name others'.
fn seen_by(shortage: &mut ShortageView, only: Option<&ShopName>) {
    let Some(shop) = only else { return };
    let all = shortage.reservations.len();
    shortage
        .reservations
        .retain(|one| one.shop == shop.as_str());
    if shortage.reservations.len() < all {
        let (product, store) = (&shortage.product, &shortage.store);
        let (reserved, on_hand) = (&shortage.reserved, &shortage.on_hand);
        shortage.sentence =
            format!("of {product} in {store} {reserved} are reserved and {on_hand} are there");
    }
}
