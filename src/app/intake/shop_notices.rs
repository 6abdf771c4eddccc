//! Notices that a shop's system sent in place of an order: nobody but an operator can do anything
//! about it.

use crate::{
    app::{Error, Intake, lane_of},
    domain::{ErrorCode, ShopName},
    storage::{Reason, views::incidents},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The codes of what a shop's system sends in place of orders. An order that comes ends them.
pub(in crate::app) const CODES: [ErrorCode; 2] = [ErrorCode::WebhookOwner, ErrorCode::NotAnOrder];

/// What a shop's system sends in place of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShopNotice {
    /// The shop's name in the settings.
    pub shop: String,
    /// The stable code of what its system sent.
    pub code: String,
    /// What came the last time, in its own words.
    pub message: String,
    /// How often it came.
    pub times: i64,
    /// When it first came.
    pub first_at: DateTime<Utc>,
    /// When it last came.
    pub last_at: DateTime<Utc>,
}

impl Intake {
    /// Writes down what a shop's system sent in place of an order.
    pub async fn shop_sent_notice(
        &self,
        shop: &ShopName,
        code: ErrorCode,
        words: &str,
    ) -> Result<(), Error> {
        tracing::warn!(%shop, %code, "the shop's system sent something else in place of an order");
        let mut db = self.db.acquire().await?;
        let words = words.replace('\0', " ");
        let lane = lane_of(shop.as_str());
        Ok(incidents::note(&mut db, &lane, Reason::new(code, &words), 1).await?)
    }

    /// An order came from a shop's system: what it sent in place of orders is over.
    pub async fn shop_sent_order(&self, shop: &ShopName) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        let codes = CODES.map(|code| code.to_string());
        Ok(incidents::over(&mut db, &lane_of(shop.as_str()), Some(&codes)).await?)
    }

    /// What shops' systems send in place of orders now.
    pub async fn shop_notices(&self) -> Result<Vec<ShopNotice>, Error> {
        let mut db = self.db.acquire().await?;
        let lasting = incidents::lately(&mut db, 0.0).await?.into_iter();
        let told = lasting.filter_map(|row| {
            let shop = row.lane.strip_prefix("shop:")?.to_owned();
            let shown = CODES.iter().chain([&ErrorCode::FormMapBroken]);
            let ours = shown.map(|code| code.as_str()).any(|code| code == row.code);
            (ours && row.over_at.is_none()).then_some(ShopNotice {
                shop,
                code: row.code,
                message: row.message,
                times: row.times,
                first_at: row.first_at,
                last_at: row.last_at,
            })
        });
        Ok(told.collect())
    }
}
