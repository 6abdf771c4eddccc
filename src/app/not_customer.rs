//! "This is not he": an operator takes a card from an order, for ever.

use super::{Actor, Bridge, Error, claim::read_or_default, mend};
use crate::{
    domain::{EventBody, Person, ShopName},
    planner::{Card, Known},
    storage::{
        self,
        bearers::{self, RefusedCard},
        journal::{self, Line},
        links, orders,
    },
};
use serde_json::json;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCustomer {
    /// The card that is not his.
    pub id: u64,
    /// Whether another is looked for now; otherwise with the order's next event, since its last one is no longer kept.
    pub now: bool,
}

impl Bridge {
    /// Takes a card from an order: the link is cut, the pair is remembered for ever, and another card is looked for or made. Without an id
    /// it is the card that the order has; [`Error::NotFound`] if it has none, or has another.
    pub async fn not_customer(
        &self,
        shop: &ShopName,
        number: &str,
        (card, id): (Card, Option<u64>),
        who: &Actor,
    ) -> Result<NotCustomer, Error> {
        let mut tx = self.pool().begin().await?;
        let kept = orders::keep(&mut tx, shop.as_str(), number).await?;
        let kept = kept.ok_or(Error::NotFound)?;
        let mut known: Known = read_or_default(&kept.known);
        let held = match card {
            Card::Contact => known.contact_id,
            Card::Company => known.company_id,
        };
        let id = held.filter(|held| id.is_none_or(|id| id == *held));
        let id = id.ok_or(Error::NotFound)?;
        let bitrix_id = i64::try_from(id).map_err(|_| Error::NotFound)?;
        let told = kept
            .body
            .as_ref()
            .and_then(|body| self.person_in(shop, body.value().ok()?));
        let person = known.person.clone().or(told).unwrap_or_default();
        let mut values = person.values();
        values.push(format!("order:{number}"));
        let entity = match card {
            Card::Contact => "contact",
            Card::Company => "company",
        };
        let refused = RefusedCard {
            shop: shop.to_string(),
            value: String::new(),
            entity: entity.to_owned(),
            bitrix_id,
            person: json!(person),
        };
        let place = (kept.portal.as_str(), number, who.0.as_str());
        bearers::refuse(&mut tx, place, &refused, &values).await?;
        let of_shop = (kept.portal.as_str(), shop.as_str());
        self.cut(&mut tx, of_shop, card, (&known, &person), bitrix_id)
            .await?;
        forget(&mut known, card);
        let ids = [known.contact_id, known.company_id];
        let [contact, company] = ids.map(|id| id.and_then(|id| i64::try_from(id).ok()));
        let order = (shop.as_str(), number);
        let stored = serde_json::to_value(&known).map_or_else(|_| json!({}), storage::storable);
        orders::take_card(&mut tx, order, &stored, contact, company).await?;
        let now = kept.body.is_some();
        if now {
            orders::wake(&mut tx, shop.as_str(), number, false).await?;
        }
        let text = match card {
            Card::Contact => format!(
                "{} said that contact {id} is not this customer's: another is looked for",
                who.0
            ),
            Card::Company => format!(
                "{} said that company {id} is not this customer's: another is looked for",
                who.0
            ),
        };
        let line = Line {
            shop: shop.to_string(),
            number: number.to_owned(),
            kind: "refused",
            text,
            detail: None,
        };
        journal::add(&mut tx, &[line]).await?;
        let target = format!("{shop}/{number}");
        let detail = json!({ "card": card, "id": id });
        journal::audit(&mut tx, &who.0, "order.not_customer", &target, &detail).await?;
        tx.commit().await?;
        self.bell().ring(&kept.portal);
        Ok(NotCustomer { id, now })
    }

    /// Who the customer of a stored event is.
    fn person_in(&self, shop: &ShopName, body: &serde_json::Value) -> Option<Person> {
        let rules = self.rules_of(shop.as_str()).ok()?;
        let event = mend::parse(body, rules).ok()?;
        let EventBody::Saved(snapshot) = event.body else {
            return None;
        };
        let customer = snapshot.customer.as_ref()?;
        Some(Person::of(customer, &rules.placeholders).0)
    }

    /// Takes the card from the customer's id or the firm's number, and from the values of his.
    async fn cut(
        &self,
        tx: &mut sqlx::PgConnection,
        (portal, shop): (&str, &str),
        card: Card,
        (known, person): (&Known, &Person),
        id: i64,
    ) -> Result<(), Error> {
        match card {
            Card::Contact => {
                let key = person.id.as_ref().map(|id| format!("{shop}/{id}"));
                if let Some(key) = key {
                    links::cut(tx, (portal, "contact"), &key, id).await?;
                }
                bearers::forget_contact(tx, (portal, shop), &person.values(), id).await?;
            }
            Card::Company => {
                let inn = known.firm.as_ref().and_then(|firm| firm.inn.as_ref());
                if let Some(inn) = inn {
                    let prefix = format!("{shop}/inn/{inn}/");
                    links::cut(tx, (portal, "company"), &prefix, id).await?;
                }
            }
        }
        Ok(())
    }
}

fn forget(known: &mut Known, card: Card) {
    let recognised = known.recognised.as_mut();
    match card {
        Card::Contact => {
            known.contact_id = None;
            known.person = None;
            if let Some(recognised) = recognised {
                recognised.contact = None;
            }
        }
        Card::Company => {
            known.company_id = None;
            known.firm = None;
            if let Some(recognised) = recognised {
                recognised.company = None;
            }
        }
    }
}
