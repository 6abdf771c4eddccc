//! Counterparties that come without an order: the shop is told of each change once.

use super::shop_of;
use crate::{
    app::{
        Error, Onec,
        onec::{outcome::Became, sides::Kept},
    },
    domain::{ErrorCode, happening::DocumentReason},
    formats::{
        commerceml::Counterparty,
        onec::{
            Base, Right,
            births::{customer, customer_id},
        },
    },
    storage::{MessageKind, onec::births, sync::messages},
};
use serde_json::json;
use sqlx::PgConnection;

impl Onec {
    /// Tells the shop of a counterparty, where the settings want it and something about it is new.
    pub(in crate::app::onec) async fn take_in_customer(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        who: &Counterparty,
        kept: &Kept,
    ) -> Result<Became, Error> {
        let Some(shop) = shop_of(base).filter(|_| base.import.create_orders) else {
            let why = DocumentReason::NoCustomers;
            return Ok(Became::refused_for(ErrorCode::OneCLater, why));
        };
        if !base.may(kept.login.as_deref(), Right::Create) {
            return Ok(Became::applied().without(&[Right::Create]));
        }
        let id = customer_id(who);
        let mut data = customer(who);
        data["deleted"] = (who.deleted == Some(true)).into();
        let key = (base.name.as_str(), &*id);
        if births::save_customer(&mut *tx, key, &data, kept.formed_at).await? {
            let body = json!({
                "id": id, "source": "onec", "base": base.name.as_str(), "customer": data,
            });
            let subject = format!("customer {id}");
            let of = (shop.as_str(), &*subject, None);
            messages::add(&mut *tx, MessageKind::CustomerSaved, of, &body).await?;
        }
        Ok(Became::applied())
    }
}
