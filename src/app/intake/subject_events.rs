//! Events about what is no order and is brought to a portal all the same: products, and calls,
//! mails and messages.

use super::event_reader::Rejection;
use crate::{
    activities::ActivityEvent,
    app::{Accepted, Error, Intake, catalogue::ReadProduct, forms::activities::ReadActivity},
    domain::{ProductEvent, ShopName},
};
use serde_json::Value;
use sqlx::PgConnection;

/// Such an event, read.
pub(in crate::app) enum ReadSubject {
    /// About a call, a mail or a message.
    Activity(Box<ReadActivity>),
    /// About a product of the shop's catalogue.
    Product(Box<ReadProduct>),
}

impl ReadSubject {
    /// Whether a message is such an event, whatever else is right or wrong with it.
    pub(in crate::app) fn is(message: &Value) -> bool {
        ActivityEvent::is(message) || ProductEvent::is(message)
    }

    /// The shop whose it is.
    pub(in crate::app) fn shop(&self) -> &String {
        match self {
            Self::Activity(event) => event.shop(),
            Self::Product(event) => event.shop(),
        }
    }

    /// The portal to which it goes.
    pub(in crate::app) fn portal(&self) -> &str {
        match self {
            Self::Activity(event) => event.portal(),
            Self::Product(event) => event.portal(),
        }
    }
}

impl Intake {
    /// Reads such an event.
    pub(in crate::app) fn read_subject(
        &self,
        shop: Option<&ShopName>,
        value: &Value,
    ) -> Result<ReadSubject, Rejection> {
        if ProductEvent::is(value) {
            let read = self.catalogue.read_product(shop, value)?;
            return Ok(ReadSubject::Product(Box::new(read)));
        }
        let read = self.forms.read_activity(shop, value)?;
        Ok(ReadSubject::Activity(Box::new(read)))
    }

    /// Stores such an event once.
    pub(in crate::app) async fn store_subject(
        &self,
        db: &mut PgConnection,
        event: &ReadSubject,
    ) -> Result<Accepted, Error> {
        match event {
            ReadSubject::Activity(event) => self.forms.store_activity(db, event).await,
            ReadSubject::Product(event) => self.catalogue.store_product(db, event).await,
        }
    }
}
