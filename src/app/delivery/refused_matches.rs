//! "This is not he": an operator takes a card from an order, for ever.

use super::customer_matches as words;
use crate::{
    app::{Actor, Delivery, Error, intake::event_reader},
    domain::{
        EventBody, LegalEntity, OrderKey, Person, ShopName,
        happening::{self, Act, OrderEvent},
    },
    planner::{Card, KnownLinks, NotOf},
    storage::{
        self, CustomerCard, Json, LinkEntity, Unreadable,
        journal::{self, Line, LineKind},
        queue::{
            customer_values::{self, Word},
            links, orders,
        },
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCustomer {
    /// The card that is not his.
    pub id: u64,
    /// Whether another is looked for now; otherwise with the order's next event, since its last one
    /// is no longer kept.
    pub now: bool,
}

impl Delivery {
    /// Takes a card from an order: the link is cut, the pair is remembered for ever, and another
    /// card is looked for or made. Without an id it is the card that the order has;
    /// [`Error::NotFound`] if it has none, or has another.
    pub async fn not_customer(
        &self,
        shop: &ShopName,
        number: &str,
        (card, id): (Card, Option<u64>),
        who: &Actor,
    ) -> Result<NotCustomer, Error> {
        let mut tx = self.db.begin().await?;
        let kept = orders::keep(&mut tx, shop.as_str(), number).await?;
        let kept = kept.ok_or(Error::NotFound)?;
        let order = OrderKey::new(shop.as_str(), number);
        let known = kept.known.typed("bridge.orders", "known", &order);
        let mut known: KnownLinks = known.map_err(storage::Error::from)?;
        let held = match card {
            Card::Contact => known.contact_id,
            Card::Company => known.company_id,
        };
        let id = held.filter(|held| id.is_none_or(|id| id == *held));
        let id = id.ok_or(Error::NotFound)?;
        let bitrix_id = i64::try_from(id).map_err(|_| Error::NotFound)?;
        let is_known = match card {
            Card::Contact => known.person.is_some(),
            Card::Company => known.firm.is_some(),
        };
        // Whom it is not must be told: what is remembered of nobody keeps no card from him.
        let body = kept.body.as_ref().filter(|_| !is_known).map(Json::value);
        let body = body.transpose().map_err(|why| {
            storage::Error::from(Unreadable::of("bridge.outbox", "body", &order, why))
        })?;
        let (person, firm) = body.map(|body| self.who_in(shop, body)).unwrap_or_default();
        let whose = match card {
            Card::Contact => NotOf::Person(known.person.clone().or(person).unwrap_or_default()),
            Card::Company => NotOf::Firm(known.firm.clone().or(firm).unwrap_or_default()),
        };
        let place = (kept.portal.as_str(), shop, number);
        refuse(&mut tx, place, (&whose, bitrix_id), who).await?;
        match card {
            Card::Contact => known.forget_contact(),
            Card::Company => known.forget_company(),
        }
        let ids = [known.contact_id, known.company_id];
        let [contact, company] = ids.map(|id| id.and_then(|id| i64::try_from(id).ok()));
        let stored = storage::written(&known)?;
        orders::take_card(&mut tx, &order, &stored, contact, company).await?;
        let now = kept.body.is_some();
        if now {
            orders::wake(&mut tx, shop.as_str(), number, false).await?;
        }
        let told_card = match card {
            Card::Contact => happening::Card::Contact(id),
            Card::Company => happening::Card::Company(id),
        };
        let what = OrderEvent::NotThisCustomer {
            who: who.0.clone(),
            card: told_card,
        };
        let line = Line {
            shop: shop.to_string(),
            number: number.to_owned(),
            kind: LineKind::Discarded,
            what: what.into(),
            detail: None,
        };
        journal::add(&mut tx, &[line]).await?;
        let target = format!("{shop}/{number}");
        let detail = json!({ "card": card, "id": id });
        let act = Act::NotThisCustomer {
            shop: shop.to_string(),
            order: number.to_owned(),
            card: told_card,
        };
        journal::audit(&mut tx, &who.0, &act, &target, &detail).await?;
        tx.commit().await?;
        self.waker.wake(&kept.portal);
        Ok(NotCustomer { id, now })
    }

    /// Who the customer of a stored event is, and which firm.
    fn who_in(&self, shop: &ShopName, body: &Value) -> (Option<Person>, Option<LegalEntity>) {
        let Ok(rules) = self.intake.rules_of(shop.as_str()) else {
            return (None, None);
        };
        let event = event_reader::parse(body, rules).map(|event| event.body);
        let Ok(EventBody::Saved(snapshot)) = event else {
            return (None, None);
        };
        let customer = snapshot.customer.as_ref();
        let person = customer.map(|customer| Person::of(customer, &rules.placeholders).0);
        let firm = customer.and_then(|customer| customer.company.as_ref());
        (person, firm.map(LegalEntity::of))
    }
}

/// Remembers for ever whose the card is not, and cuts whatever links it to him.
async fn refuse(
    tx: &mut PgConnection,
    (portal, shop, number): (&str, &ShopName, &str),
    (whose, bitrix_id): (&NotOf, i64),
    who: &Actor,
) -> Result<(), Error> {
    let shop = shop.as_str();
    let (entity, person, keys) = match whose {
        NotOf::Person(person) => {
            let keys = words::known_by(shop, number, Some(person), None);
            (CustomerCard::Contact, json!(person), keys)
        }
        NotOf::Firm(firm) => {
            let keys = words::known_by(shop, number, None, Some(firm));
            (CustomerCard::Company, json!(firm), keys)
        }
    };
    let word = Word {
        portal,
        number,
        actor: &who.0,
        entity,
        bitrix_id,
        person: &person,
    };
    customer_values::refuse(tx, word, &keys).await?;
    match whose {
        NotOf::Person(person) => {
            if let Some(id) = &person.id {
                let key = format!("{shop}/{id}");
                links::cut(tx, (portal, LinkEntity::Contact), &key, bitrix_id).await?;
            }
            customer_values::forget_contact(tx, (portal, shop), &person.values(), bitrix_id)
                .await?;
        }
        NotOf::Firm(firm) => {
            if let Some(inn) = &firm.inn {
                let prefix = format!("{shop}/inn/{inn}/");
                links::cut(tx, (portal, LinkEntity::Company), &prefix, bitrix_id).await?;
            }
        }
    }
    Ok(())
}
