//! Matches of a wave's customers that the database knows: their links, who else uses their values,
//! and which cards are not theirs.

use crate::{
    app::{Claim, Delivery, Error},
    domain::{Agreement, LegalEntity, OrderKey, Person},
    planner::{Because, Job, KnownLinks, NotOf, Passed, Refused, Settlement},
    storage::{
        CustomerCard, Unreadable,
        queue::{
            customer_values::{self, Bearer, KnownBearer, RefusedCard},
            lanes::Lease,
        },
    },
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// So many people whose names contradict make a value one that identifies nobody.
const MANY: usize = 3;

/// So many characters of a name tell one person from another, and fit an index.
const NAME_KEY: usize = 100;

/// Who uses a value in a shop.
#[derive(Debug, Default)]
struct Users {
    /// The people, with their contacts.
    people: Vec<(Person, Option<u64>)>,
    /// Whether they are so many that the value identifies nobody.
    many: bool,
    /// Why one of them cannot be read: then nobody knows whose the value is.
    unreadable: Option<Unreadable>,
}

/// Who uses each value of a shop.
type UsersOf<'a> = HashMap<(&'a str, &'a str), Users>;

impl Delivery {
    /// Adds it to the jobs. Returns the claims of which something is stored that cannot be read,
    /// with why: they are taken out.
    pub(in crate::app) async fn fill_who(
        &self,
        lease: &Lease,
        claimed: &mut Vec<(Claim, Job)>,
    ) -> Result<Vec<(Claim, Unreadable)>, Error> {
        let keys = claimed.iter().flat_map(|(claim, _)| {
            let values = claim.person.iter().flat_map(Person::values);
            values.map(|value| (claim.shop.clone(), value))
        });
        let (shops, values): (Vec<String>, Vec<String>) = keys.unzip();
        let (found, refused) = {
            let mut db = self.db.acquire().await?;
            let found = customer_values::find(&mut db, &lease.portal, &shops, &values).await?;
            let claims: Vec<&Claim> = claimed.iter().map(|(claim, _)| claim).collect();
            (found, refused(&mut db, &lease.portal, &claims).await?)
        };
        let people: Vec<(String, Vec<String>, Person)> = claimed
            .iter()
            .filter_map(|(claim, _)| {
                let person = claim.person.clone()?;
                Some((claim.shop.clone(), person.values(), person))
            })
            .collect();
        let mut users: UsersOf<'_> = HashMap::new();
        for one in &found {
            let contact = one.contact_id.and_then(|id| u64::try_from(id).ok());
            let under = users.entry((&one.shop, &one.value)).or_default();
            match person_of(one) {
                Ok(person) => under.people.push((person, contact)),
                Err(why) => under.unreadable = Some(why),
            }
        }
        for (shop, values, person) in &people {
            for value in values {
                let under = users.entry((shop, value)).or_default();
                under.people.push((person.clone(), None));
            }
        }
        // Once a value: a wave may be all of one customer.
        for under in users.values_mut() {
            under.many = are_many(&under.people);
        }
        let mut faulty = Vec::new();
        let all = std::mem::take(claimed).into_iter().zip(refused);
        for ((claim, mut job), refused) in all {
            let person = claim.person.as_ref();
            let told = person.map(|person| tell(&claim.shop, person, &users, &mut job));
            match refused.and_then(|refused| told.transpose().map(|_| refused)) {
                Ok(refused) => {
                    job.who.refused = refused;
                    claimed.push((claim, job));
                }
                Err(why) => faulty.push((claim, why)),
            }
        }
        Ok(faulty)
    }
}

/// Under what the customer and the firm of an order are known where cards are refused: (shop,
/// value). What says the same in every shop is of none.
pub(in crate::app) fn known_by<'a>(
    shop: &'a str,
    number: &str,
    person: Option<&Person>,
    firm: Option<&LegalEntity>,
) -> Vec<(&'a str, String)> {
    let of_person = person.iter().flat_map(|person| person.values());
    let of_firm = firm.iter().flat_map(|firm| firm.values());
    let values = of_person.chain(of_firm).map(|value| {
        let shop = if value.starts_with("id:") { shop } else { "" };
        (shop, value)
    });
    values.chain([(shop, format!("order:{number}"))]).collect()
}

/// The cards that were refused for the customer and the firm of each order; or why that cannot be
/// read.
pub(in crate::app) async fn refused(
    db: &mut PgConnection,
    portal: &str,
    claims: &[&Claim],
) -> Result<Vec<Result<Vec<Refused>, Unreadable>>, Error> {
    let keys = claims.iter().map(|claim| {
        let (person, firm) = (claim.person.as_ref(), claim.firm.as_ref());
        known_by(&claim.shop, &claim.number, person, firm)
    });
    let keys: Vec<Vec<(&str, String)>> = keys.collect();
    let found = customer_values::refused(db, portal, &keys.concat()).await?;
    let of = |keys: &Vec<(&str, String)>| {
        let own = found.iter().filter(|card| {
            keys.iter()
                .any(|(shop, value)| card.shop == *shop && card.value == *value)
        });
        own.map(|card| refused_of(portal, card)).collect()
    };
    Ok(keys.iter().map(of).collect())
}

/// Tells a job what others who use its customer's values mean for it.
fn tell(shop: &str, person: &Person, users: &UsersOf<'_>, job: &mut Job) -> Result<(), Unreadable> {
    let mut own: BTreeSet<u64> = job.known.contact_id.into_iter().collect();
    let mut others: BTreeMap<u64, Passed> = BTreeMap::new();
    for value in person.values() {
        let Some(under) = users.get(&(shop, value.as_str())) else {
            continue;
        };
        if let Some(why) = &under.unreadable {
            return Err(why.clone());
        }
        if under.many {
            job.who.shared.insert(value.clone());
        }
        for (other, contact) in &under.people {
            let Some(contact) = *contact else { continue };
            let two_ids = other.id.is_some() && person.id.is_some() && other.id != person.id;
            let contradict = other.agreement(person) == Agreement::Contradict;
            if !two_ids && !contradict {
                own.insert(contact);
                if other.id.is_some() && other.id == person.id {
                    job.who.contact = Some((contact, Some(other.clone())));
                }
                continue;
            }
            let (because, who) = if two_ids {
                (Because::AnotherCustomer, other.id.clone())
            } else {
                (Because::Name, other.name())
            };
            let passed = Passed {
                id: contact,
                because,
                who,
            };
            others.insert(contact, passed);
            // A link without a name is another's who orders under the same customer id.
            if job.who.contact == Some((contact, None)) && contradict {
                job.who.contact = None;
            }
        }
    }
    others.retain(|contact, _| !own.contains(contact));
    job.who.others = others;
    Ok(())
}

/// Whether so many of these contradict each other that their value identifies nobody.
fn are_many(users: &[(Person, Option<u64>)]) -> bool {
    let mut apart: Vec<&Person> = Vec::new();
    // A wave may be all of one customer: comparing a name costs more than all else in a claim.
    let mut seen = HashSet::new();
    for (person, _) in users
        .iter()
        .filter(|(person, _)| seen.insert(&person.names))
    {
        let alone = |other: &&Person| other.agreement(person) == Agreement::Contradict;
        if apart.iter().all(alone) && person.name().is_some() {
            apart.push(person);
        }
        if apart.len() >= MANY {
            return true;
        }
    }
    false
}

fn person_of(bearer: &KnownBearer) -> Result<Person, Unreadable> {
    let key = OrderKey::new(&bearer.shop, &bearer.value);
    Ok(Person {
        id: bearer.customer_id.clone(),
        names: bearer.names.clone().read("bridge.bearers", "names", &key)?,
        ..Person::default()
    })
}

fn refused_of(portal: &str, card: &RefusedCard) -> Result<Refused, Unreadable> {
    let (table, id) = ("bridge.refused_cards", card.bitrix_id);
    let key = format!(
        "{} {id} of {} of the portal {portal}",
        card.entity.as_str(),
        card.value
    );
    Ok(Refused {
        id: Unreadable::or_id(id, table, "bitrix_id", &key)?,
        same: ["order:", "id:"]
            .iter()
            .any(|kind| card.value.starts_with(kind)),
        of: match card.entity {
            CustomerCard::Contact => NotOf::Person(card.person.typed_of(table, "person", &key)?),
            CustomerCard::Company => NotOf::Firm(card.person.typed_of(table, "person", &key)?),
        },
    })
}

/// What is kept of an order whose card an operator took back while the wave was under way; none if
/// it has no such card.
pub(in crate::app) fn taken_back(
    claim: &Claim,
    settlement: &Settlement,
    refused: &[Refused],
) -> Option<Settlement> {
    let known = &settlement.known;
    let not = |id: Option<u64>, of: &dyn Fn(&Refused) -> bool| {
        id.is_some_and(|id| refused.iter().any(|one| one.id == id && of(one)))
    };
    let person = claim.person.as_ref();
    let contact = not(known.contact_id, &|one| one.is_contact_of(person));
    let firm = claim.firm.as_ref();
    let company = not(known.company_id, &|one| one.is_company_of(firm));
    if !contact && !company {
        return None;
    }
    let mut settlement = settlement.clone();
    if contact {
        settlement.known.forget_contact();
        settlement.links_contact = false;
    }
    if company {
        settlement.known.forget_company();
        settlement.links_company = false;
    }
    Some(settlement)
}

/// Who uses which value after a wave, with the contact that stands for each.
pub(in crate::app) fn bearers_of(claim: &Claim, settlement: &Settlement) -> Vec<Bearer> {
    let Some(person) = &claim.person else {
        return Vec::new();
    };
    let contact = contact_of(&settlement.known, person);
    let name: String = person.name_key().chars().take(NAME_KEY).collect();
    let bearer = format!("{}|{name}", person.id.as_deref().unwrap_or_default());
    let values = person.values().into_iter();
    values
        .map(|value| Bearer {
            shop: claim.shop.clone(),
            value,
            bearer: bearer.clone(),
            customer_id: person.id.clone(),
            names: person.names.clone(),
            contact_id: contact.and_then(|id| i64::try_from(id).ok()),
        })
        .collect()
}

/// The order's contact, if it stands for this person.
fn contact_of(known: &KnownLinks, person: &Person) -> Option<u64> {
    let whose = known.customer()?;
    known.contact_id.filter(|_| whose.is(person))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_many_by_the_names_that_are_told_however_often_each_is() {
        let named = |names: [&str; 2]| {
            let [first, last] = names.map(|name| Some(name.to_owned()));
            let person = Person {
                names: [first, last, None],
                ..Person::default()
            };
            (person, None)
        };
        let anna = || named(["Анна", "Петрова"]);
        let boris = || named(["Борис", "Сидоров"]);
        let mut users = vec![anna(), anna(), anna(), boris(), boris(), anna()];
        assert!(!are_many(&users));
        users.push((Person::default(), None));
        assert!(!are_many(&users));
        users.push(named(["Вера", "Кузнецова"]));
        assert!(are_many(&users));
    }
}
