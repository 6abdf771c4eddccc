//! The books of a 1C base: acts of its people on orders.
//!
//! An act stands in the books until it was sent; then the site's word counts again, as in a
//! configuration that loads orders before it sends its own.

use super::{
    OneC, Trouble,
    orders::{Kept, moscow},
    trouble,
};
use rust_decimal::Decimal;
use uuid::Uuid;

/// What a person does with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Gives it this status, by its id.
    Status(String),
    /// Enters a payment of this sum; none: of what is owed.
    Pay(Option<Decimal>),
    /// Ships all its goods, with this number of the parcel.
    Ship(Option<String>),
    /// Cancels it, which `Revive` takes back.
    Cancel,
    /// Takes a cancellation or a deletion mark back.
    Revive,
    /// Marks it for deletion.
    Delete,
}

/// A payment or a shipment that was entered in the base.
#[derive(Debug, Clone)]
pub(super) struct Entered {
    pub(super) id: Uuid,
    pub(super) number: String,
    pub(super) at: chrono::NaiveDateTime,
    pub(super) sum: Decimal,
    pub(super) parcel: Option<String>,
}

/// What the base has of an order beside what the site sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    pub(super) revision: u32,
    pub(super) status: Option<String>,
    pub(super) payments: Vec<Entered>,
    pub(super) shipment: Option<Entered>,
    pub(super) cancelled: bool,
    pub(super) deleted: bool,
    /// Whether it is to be sent.
    pub(super) changed: bool,
}

impl Book {
    pub(super) fn paid(&self) -> Decimal {
        self.payments.iter().map(|payment| payment.sum).sum()
    }

    /// Takes in what the site says, unless a person's own word has not been sent yet.
    pub(super) fn loaded(&mut self, order: &Kept) {
        if self.changed {
            return;
        }
        let said = |name: &str| order.requisites.get(name).cloned();
        self.status = said("Статуса заказа ИД").or_else(|| self.status.take());
        self.cancelled = said("Отменен").as_deref() == Some("true");
        self.deleted = order.deleted;
    }

    /// What is wrong with an act, in the words of the base.
    fn forbids(&self, order: &Kept, act: &Act) -> Option<String> {
        let number = &order.number;
        if self.deleted && *act != Act::Revive {
            return Some(format!("документ {number} помечен на удаление"));
        }
        match act {
            Act::Pay(_) | Act::Ship(_) if self.cancelled => Some(format!("заказ {number} отменён")),
            Act::Pay(sum) => {
                let owed = order.total - self.paid();
                let sum = sum.unwrap_or(owed);
                (sum <= Decimal::ZERO || sum > owed)
                    .then(|| format!("по заказу {number} осталось оплатить {owed}, а не {sum}"))
            }
            Act::Ship(_) if self.shipment.is_some() => Some(format!("заказ {number} уже отгружен")),
            Act::Cancel | Act::Delete if self.shipment.is_some() => {
                Some(format!("по заказу {number} есть проведённая отгрузка"))
            }
            Act::Revive if !self.cancelled && !self.deleted => {
                Some(format!("заказ {number} не отменён"))
            }
            _ => None,
        }
    }
}

impl OneC {
    /// A person does something with the order of this number. It waits until the changes are sent.
    ///
    /// # Errors
    ///
    /// The base has no such order, or does not let this be done with it.
    pub fn act(&mut self, number: &str, act: Act) -> Result<(), Trouble> {
        let Some(order) = self.orders.values().find(|kept| kept.number == number) else {
            return trouble(format!("заказа {number} в базе нет"));
        };
        let book = self.books.entry(order.id.clone()).or_default();
        if let Some(why) = book.forbids(order, &act) {
            return trouble(why);
        }
        let entered = |sum: Decimal, nth: usize, parcel: Option<String>| Entered {
            id: Uuid::now_v7(),
            number: format!("ТД-{number}/{nth}"),
            at: moscow(),
            sum,
            parcel,
        };
        match act {
            Act::Status(status) => book.status = Some(status),
            Act::Pay(sum) => {
                let sum = sum.unwrap_or(order.total - book.paid());
                let payment = entered(sum, book.payments.len() + 1, None);
                book.payments.push(payment);
            }
            Act::Ship(parcel) => book.shipment = Some(entered(order.total, 1, parcel)),
            Act::Cancel => book.cancelled = true,
            Act::Revive => (book.cancelled, book.deleted) = (false, false),
            Act::Delete => book.deleted = true,
        }
        book.revision += 1;
        book.changed = true;
        Ok(())
    }

    /// Sends every order that people changed, in one file, as the schedule does; what the site
    /// says, or nothing where nothing was changed. What the site does not take stays to be sent.
    ///
    /// # Errors
    ///
    /// The connection, or an answer that a real base does not understand.
    pub async fn send_changes(&mut self) -> Result<Option<Vec<String>>, Trouble> {
        let Some(file) = self.changes() else {
            return Ok(None);
        };
        self.sign_in("sale").await?;
        self.init("sale").await?;
        let name = self.file_name();
        let mut said = self.send_packed("sale", &name, file.as_bytes()).await?;
        let taken = said.first().map(String::as_str) == Some("success");
        if taken && self.exchange.version.is_some() {
            said = self.import("sale", &name).await?.1;
        }
        if said.first().map(String::as_str) == Some("success") {
            for book in self.books.values_mut() {
                book.changed = false;
            }
        }
        Ok(Some(said))
    }

    /// Begins to send the changes, and loses the connection after so many bytes. Nothing of them
    /// counts as sent.
    ///
    /// # Errors
    ///
    /// As [`OneC::send_changes`].
    pub async fn send_cut(&mut self, bytes: usize) -> Result<(), Trouble> {
        let Some(file) = self.changes() else {
            return trouble("отправлять нечего");
        };
        self.sign_in("sale").await?;
        self.init("sale").await?;
        let name = self.file_name();
        let cut = file.as_bytes();
        let cut = cut.get(..bytes.min(cut.len())).unwrap_or_default();
        self.send("sale", &name, cut).await.map(drop)
    }

    fn file_name(&self) -> String {
        if self.exchange.version.is_some() {
            format!("documents___{}.xml", Uuid::now_v7())
        } else {
            "orders.xml".to_owned()
        }
    }
}
