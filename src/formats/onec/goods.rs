//! A product of 1C as the shop's catalogue takes it: the data of a `shop.product.saved.v1`.
//!
//! A product waits until the catalogue and an offer have spoken of it: only the offers say whether
//! it is sold itself or by its characteristics, and a portal cannot turn one into the other.

use super::Base;
use crate::domain::CatalogueRules;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Groups stand inside each other at most so deeply.
const MOST_DEPTH: usize = 20;

/// What 1C's catalogue says of a product, as it is stored.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Card {
    /// `Описание`: the product's description.
    #[serde(default)]
    pub description: Option<String>,
    /// Its unit: a name, or an OKEI code.
    #[serde(default)]
    pub unit: Option<String>,
    /// The groups in which it stands, the first one first.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Taxes and their rates.
    #[serde(default)]
    pub taxes: Vec<(String, String)>,
    /// `Картинка`: names of files, in their order; `None`: nothing was said of them.
    #[serde(default)]
    pub pictures: Option<Vec<String>>,
}

/// A file that 1C sent beside its catalogue, as the last part of its name is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPicture {
    /// Its name, as it is compared.
    pub name: String,
    /// SHA-256 of the newest one that can be taken, as hex.
    pub digest: Option<String>,
    /// Why the newest one cannot be taken.
    pub fault: Option<String>,
}

/// By what a file is looked for, wherever it was sent from: the last part of its name, without
/// case.
pub fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.trim().to_lowercase()
}

/// A product, or a characteristic of one.
#[derive(Debug, Clone, Default)]
pub struct Good {
    /// 1C's GUID, with `#` and the characteristic's.
    pub id: String,
    /// `Наименование`: the product's name, as far as it is known.
    pub name: Option<String>,
    /// `Артикул`: the article.
    pub sku: Option<String>,
    /// `Штрихкод`: every barcode, the first one first.
    pub barcodes: Vec<String>,
    /// What the catalogue says; `None`: it did not speak of it.
    pub card: Option<Card>,
    /// Whether an offer spoke of it.
    pub offered: bool,
    /// Whether it is withdrawn, or a full exchange ended without it.
    pub withdrawn: bool,
    /// Its prices, one of each type.
    pub prices: Vec<GoodPrice>,
}

/// A price as 1C told it.
#[derive(Debug, Clone)]
pub struct GoodPrice {
    /// The id of its type; empty: none was named.
    pub price_type: String,
    /// The price of one unit.
    pub price: Decimal,
    /// The currency as 1C writes it.
    pub currency: Option<String>,
}

/// What the lists of a base name.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// Groups by id: name, and the group in which it stands.
    pub groups: HashMap<String, (String, Option<String>)>,
    /// Types of prices by id.
    pub price_types: HashMap<String, PriceKind>,
}

/// What a list says of a type of prices.
#[derive(Debug, Clone, Default)]
pub struct PriceKind {
    /// `Наименование`: the price type's name.
    pub name: String,
    /// Its currency as 1C writes it.
    pub currency: Option<String>,
    /// Whether its prices hold the tax.
    pub tax_included: Option<bool>,
}

/// What turns 1C's goods into products of a shop.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The base that the goods are of.
    pub base: &'a Base,
    /// How the shop's products are written into the portal.
    pub rules: &'a CatalogueRules,
    /// The types of prices that are written, by 1C's name or id, and as which of the portal's.
    pub price_types: &'a BTreeMap<String, Option<String>>,
    /// What the base's groups and price types are called.
    pub lists: &'a Lists,
    /// Files that 1C sent, by the last parts of their names, the newest first.
    pub sent: &'a HashMap<String, Vec<SentPicture>>,
}

impl Reading<'_> {
    /// The data of a product; none: not all of it has come. `goods`: itself and its
    /// characteristics.
    pub fn product(&self, id: &str, goods: &[Good]) -> Option<Value> {
        let own = goods.iter().find(|one| one.id == id)?;
        let card = own.card.as_ref()?;
        let mut characteristics: Vec<&Good> = goods
            .iter()
            .filter(|one| one.id != id && one.offered)
            .collect();
        let is_live = |one: &&Good| !one.withdrawn;
        // Of a product that is sold itself by now nobody needs the characteristics it had.
        if own.offered && !characteristics.iter().any(is_live) {
            characteristics.clear();
        }
        if !own.offered && characteristics.is_empty() {
            return None;
        }
        let mut data = Map::new();
        data.insert("id".to_owned(), json!(id));
        let name = own.name.clone().unwrap_or_default();
        data.insert("name".to_owned(), json!(name));
        let sold = characteristics.is_empty() || characteristics.iter().any(is_live);
        let active = !own.withdrawn && sold;
        data.insert("active".to_owned(), json!(active));
        let mut give = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                data.insert(key.to_owned(), value);
            }
        };
        give("sku", own.sku.as_ref().map(|sku| json!(sku)));
        give("description", card.description.as_ref().map(|it| json!(it)));
        give("unit", card.unit.as_ref().map(|unit| json!(unit)));
        give("vat", rate(&card.taxes).map(|rate| json!(rate.to_string())));
        let groups = card.groups.iter();
        let section = groups.map(|group| self.path(group));
        let section = section.into_iter().find(|path| !path.is_empty());
        give("section", section.map(|path| json!(path)));
        let codes = (!own.barcodes.is_empty()).then(|| json!(own.barcodes));
        give("barcode", codes);
        let (of_product, mut included) = self.prices(own);
        let mut variations = Vec::with_capacity(characteristics.len());
        for one in characteristics {
            let (prices, says) = self.prices(one);
            included = included.or(says);
            let own = !prices.is_empty();
            let prices = if own { &prices } else { &of_product };
            variations.push(self.variation(one, prices));
        }
        if variations.is_empty() {
            give("prices", Some(json!(of_product)));
        } else {
            give("variations", Some(json!(variations)));
        }
        give("vat_included", included.map(|included| json!(included)));
        let named = card.pictures.as_ref().filter(|_| self.rules.pictures);
        give("pictures", named.map(|named| self.pictures(named)));
        Some(Value::Object(data))
    }

    /// The pictures that these names mean. What is on a card already stays there when a newer file
    /// of its name cannot be taken, which is told beside it.
    fn pictures(&self, named: &[String]) -> Value {
        let mut pictures = Vec::new();
        for name in named {
            let sent = self.sent(name);
            let Some(newest) = sent.first() else {
                pictures.push(json!({ "awaited": name }));
                continue;
            };
            let digest = sent.iter().find_map(|sent| sent.digest.as_ref());
            pictures.extend(digest.map(|digest| json!({ "file": digest })));
            let fault = newest.fault.as_ref();
            pictures.extend(fault.map(|why| json!({"broken": format!("{name}: {why}")})));
        }
        Value::Array(pictures)
    }

    /// The files that a name means, the newest first: those that are called so, or whose names end
    /// so where one of both says more of the folders.
    fn sent(&self, name: &str) -> Vec<&SentPicture> {
        let lower = name.to_lowercase();
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let all = self.sent.get(&last_part(name)).into_iter().flatten();
        let fits = all.filter(|sent| {
            let other = sent.name.to_lowercase();
            ends(&other, &lower) || ends(&lower, &other)
        });
        fits.collect()
    }

    fn variation(&self, one: &Good, prices: &[Value]) -> Value {
        let mut data = json!({
            "id": one.id, "active": !one.withdrawn, "prices": prices,
            "xml_id": format!("{}{}", self.rules.prefix, one.id),
        });
        let barcodes = (!one.barcodes.is_empty()).then(|| json!(one.barcodes));
        for (key, value) in [
            ("name", one.name.as_ref().map(|name| json!(name))),
            ("sku", one.sku.as_ref().map(|sku| json!(sku))),
            ("barcode", barcodes),
        ] {
            if let Some(value) = value {
                data[key] = value;
            }
        }
        data
    }

    /// The prices that are written, and whether they hold the tax.
    fn prices(&self, good: &Good) -> (Vec<Value>, Option<bool>) {
        let (mut prices, mut included) = (Vec::new(), None);
        for price in &good.prices {
            let list = self.lists.price_types.get(&price.price_type);
            let name = list.map(|list| &list.name);
            let named = self.price_types.get(&price.price_type);
            let named = named.or_else(|| self.price_types.get(name?));
            // A file that names no type has one.
            let only = || self.price_types.values().next();
            let unnamed = price.price_type.is_empty() && self.price_types.len() == 1;
            let kind = named.or_else(|| unnamed.then(only).flatten());
            let Some(kind) = kind else {
                continue;
            };
            included = included.or_else(|| list.and_then(|list| list.tax_included));
            let currency = price.currency.as_deref();
            let currency = currency.or_else(|| list.and_then(|list| list.currency.as_deref()));
            let mut one = json!({
                "price": price.price.normalize().to_string(),
                "currency": self.base.code_of(currency),
            });
            if let Some(kind) = kind {
                one["type"] = json!(kind);
            }
            prices.push(one);
        }
        (prices, included)
    }

    /// The names of the groups down to this one; empty where one is not known.
    fn path(&self, group: &str) -> Vec<String> {
        let (mut names, mut next) = (Vec::new(), Some(group));
        while let Some(id) = next {
            let Some((name, parent)) = self.lists.groups.get(id) else {
                return Vec::new();
            };
            if names.len() == MOST_DEPTH {
                return Vec::new();
            }
            names.push(name.clone());
            next = parent.as_deref();
        }
        names.reverse();
        names
    }
}

/// The rate of VAT in percent; none without VAT, and where no tax is named.
fn rate(taxes: &[(String, String)]) -> Option<Decimal> {
    let is_vat = |(name, _): &&(String, String)| name.trim().to_uppercase().starts_with("НДС");
    let (_, rate) = taxes.iter().find(is_vat)?;
    let rate = rate.trim().trim_end_matches('%').trim_end();
    rate.replace(',', ".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::onec::tests::base;

    fn good(id: &str) -> Good {
        Good {
            id: id.to_owned(),
            name: Some(format!("Товар {id}")),
            offered: true,
            prices: vec![GoodPrice {
                price_type: "retail".to_owned(),
                price: Decimal::new(99050, 2),
                currency: Some("руб.".to_owned()),
            }],
            ..Good::default()
        }
    }

    fn read(id: &str, goods: &[Good]) -> Option<Value> {
        read_with(id, goods, &[], false)
    }

    fn read_with(id: &str, goods: &[Good], sent: &[SentPicture], on: bool) -> Option<Value> {
        let mut by_last: HashMap<String, Vec<SentPicture>> = HashMap::new();
        for one in sent {
            let of = by_last.entry(last_part(&one.name)).or_default();
            of.push(one.clone());
        }
        let mut rules = CatalogueRules::of("main");
        rules.pictures = on;
        let named = |name: &str, parent: Option<&str>| (name.to_owned(), parent.map(str::to_owned));
        let lists = Lists {
            groups: HashMap::from([
                ("g1".to_owned(), named("Дом", None)),
                ("g2".to_owned(), named("Кухня", Some("g1"))),
                ("round".to_owned(), named("По кругу", Some("round"))),
            ]),
            price_types: HashMap::from([(
                "retail".to_owned(),
                PriceKind {
                    name: "Розничная".to_owned(),
                    tax_included: Some(false),
                    ..PriceKind::default()
                },
            )]),
        };
        let reading = Reading {
            base: &base(),
            rules: &rules,
            price_types: &BTreeMap::from([("Розничная".to_owned(), None)]),
            lists: &lists,
            sent: &by_last,
        };
        reading.product(id, goods)
    }

    fn card(group: &str) -> Card {
        Card {
            groups: vec![group.to_owned()],
            taxes: vec![("НДС".to_owned(), "20".to_owned())],
            ..Card::default()
        }
    }

    #[test]
    fn a_product_has_its_section_its_price_and_its_rate() {
        let mut own = good("p");
        own.card = Some(card("g2"));
        let data = read("p", &[own]).unwrap();
        assert_eq!(data["section"], json!(["Дом", "Кухня"]));
        assert_eq!(
            data["prices"],
            json!([{"price": "990.5", "currency": "RUB"}])
        );
        assert_eq!(
            (&data["vat"], &data["vat_included"], &data["active"]),
            (&json!("20"), &json!(false), &json!(true))
        );
    }

    #[test]
    fn a_picture_is_the_file_that_its_name_means_and_awaited_until_that_came() {
        let sent = |name: &str, digest: Option<&str>, fault: Option<&str>| SentPicture {
            name: name.to_owned(),
            digest: digest.map(str::to_owned),
            fault: fault.map(str::to_owned),
        };
        let sent = [
            sent("import_files/ab/x.jpg", Some("d1"), None),
            sent("webdata/1/import_files/ab/Y.jpg", Some("d2"), Some("cut")),
            sent("z.jpg", Some("d3"), None),
            sent("other/x.jpg", Some("d4"), None),
            sent("import_files/ab/w.jpg", None, Some("cut")),
            sent("webdata/2/import_files/ab/w.jpg", Some("d5"), None),
            sent("import_files/ab/page.jpg", None, Some("no picture")),
        ];
        let named = ["x.jpg", "y.jpg", "z.jpg", "page.jpg", "w.jpg", "later.jpg"];
        let named = named.map(|name| format!("import_files/ab/{name}"));
        let mut own = good("p");
        own.card = Some(card("g1"));
        assert!(read_with("p", &[own.clone()], &sent, true).unwrap()["pictures"].is_null());
        own.card.as_mut().unwrap().pictures = Some(named.to_vec());
        assert!(read_with("p", &[own.clone()], &sent, false).unwrap()["pictures"].is_null());
        assert_eq!(
            read_with("p", &[own.clone()], &sent, true).unwrap()["pictures"],
            json!([
                {"file": "d1"}, {"file": "d2"}, {"broken": "import_files/ab/y.jpg: cut"},
                {"file": "d3"}, {"broken": "import_files/ab/page.jpg: no picture"},
                {"file": "d5"}, {"broken": "import_files/ab/w.jpg: cut"},
                {"awaited": "import_files/ab/later.jpg"}])
        );
        own.card.as_mut().unwrap().pictures = Some(Vec::new());
        let none = read_with("p", &[own], &sent, true).unwrap();
        assert_eq!(none["pictures"], json!([]));
    }

    #[test]
    fn a_product_waits_for_its_card_and_for_an_offer() {
        assert_eq!(read("p", &[good("p")]), None);
        let mut own = good("p");
        own.card = Some(card("round"));
        assert!(read("p", std::slice::from_ref(&own)).unwrap()["section"].is_null());
        own.offered = false;
        assert_eq!(read("p", &[own]), None);
    }

    #[test]
    fn characteristics_are_sold_in_place_of_their_product_until_all_of_them_are_withdrawn() {
        let mut own = good("p");
        (own.card, own.offered) = (Some(card("g1")), false);
        let mut small = good("p#s");
        small.withdrawn = true;
        let data = read("p", &[own.clone(), small.clone(), good("p#m")]).unwrap();
        assert_eq!(data["variations"][0]["active"], false);
        assert_eq!(data["variations"][1]["xml_id"], "main:p#m");
        assert_eq!(data["active"], true);
        let data = read("p", &[own.clone(), small.clone()]).unwrap();
        assert_eq!(data["active"], false);
        own.offered = true;
        let data = read("p", &[own, small]).unwrap();
        assert!(data["variations"].is_null());
        assert_eq!(data["active"], true);
    }
}
