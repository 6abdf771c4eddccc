//! A portal's catalogue: its two information blocks, kinds of price, rates, units, properties and
//! sections.

use super::Ask;
use crate::planner::json::{decimal, elements, id, text};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The portal's catalogue, as far as products lean on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueFacts {
    /// The information block of products and parents.
    pub(super) products: u64,
    /// That of variations; `None`: the portal has no variations.
    pub(super) offers: Option<u64>,
    kinds: Vec<PriceKind>,
    /// The codes of its currencies; `None`: not all of them are known.
    currencies: Option<Vec<String>>,
    rates: Vec<(u64, Option<Decimal>)>,
    units: Vec<(u64, u32)>,
    properties: Vec<Property>,
    pub(super) sections: Vec<Section>,
    /// Whether the portal keeps stock itself, so that nobody else writes quantities; `None`: nobody
    /// asked.
    pub(super) keeps_stock: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PriceKind {
    id: u64,
    names: Vec<String>,
    base: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Property {
    id: u64,
    block: u64,
    names: Vec<String>,
    /// Whether it holds one text or number: other values are ids of the portal's own.
    plain: bool,
}

/// A section of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    pub(super) code: String,
}

/// Whether an answer is a list of the catalogue: rows under its word, each with its id, or nothing.
/// Whatever else says nothing of what is not there.
pub(super) fn tells(result: &Value, word: &str) -> bool {
    let Some(rows) = result.get(word) else {
        return (result.is_array() || result.is_object()) && elements(result).is_empty();
    };
    let has_id = |row: &&Value| row.get("id").and_then(id).is_some();
    (rows.is_array() || rows.is_object()) && elements(rows).iter().all(has_id)
}

/// The rows of a list of the catalogue: they stand under a word of their own.
pub(super) fn listed(result: &Value, word: &str) -> Vec<Map<String, Value>> {
    let rows = result.get(word).map(elements).unwrap_or_default();
    let rows = rows.into_iter().filter_map(Value::as_object);
    rows.cloned().collect()
}

fn names(row: &Map<String, Value>, fields: &[&str]) -> Vec<String> {
    let values = fields.iter().map(|field| text(row.get(*field)));
    let values = values.map(|name| plain(&name));
    values.filter(|name| !name.is_empty()).collect()
}

/// A name as it is compared.
pub(super) fn plain(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn row_id(row: &Map<String, Value>) -> Option<u64> {
    row.get("id").and_then(id)
}

impl Ask {
    /// The list that tells what the catalogue leans on, and what it is asked with; `None`: it is
    /// asked for something else.
    pub(super) fn of_facts(&self) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::Blocks => ("catalog.catalog.list", json!({})),
            Self::Kinds => ("catalog.priceType.list", json!({})),
            Self::Currencies => ("crm.currency.list", json!({})),
            Self::Rates => ("catalog.vat.list", json!({})),
            Self::Units => ("catalog.measure.list", json!({})),
            Self::Properties { block } => {
                let filter = json!({ "iblockId": block });
                ("catalog.productProperty.list", json!({ "filter": filter }))
            }
            _ => return None,
        })
    }
}

impl CatalogueFacts {
    /// The blocks, from `catalog.catalog.list`. False if there are none.
    pub(super) fn take_blocks(&mut self, result: &Value) -> bool {
        let rows = listed(result, "catalogs");
        let block = |row: &Map<String, Value>| row.get("iblockId").and_then(id);
        let of = |row: &Map<String, Value>| row.get("productIblockId").and_then(id);
        let Some(products) = rows.iter().find(|row| of(row).is_none()).and_then(block) else {
            return false;
        };
        let offers = rows.iter().find(|row| of(row) == Some(products));
        self.products = products;
        self.offers = offers.and_then(block);
        true
    }

    pub(super) fn take_kinds(&mut self, result: &Value) {
        let kind = |row: &Map<String, Value>| {
            Some(PriceKind {
                id: row_id(row)?,
                names: names(row, &["name", "xmlId"]),
                base: text(row.get("base")) == "Y",
            })
        };
        let rows = listed(result, "priceTypes");
        self.kinds.extend(rows.iter().filter_map(kind));
    }

    /// The currencies, from `crm.currency.list`, if that is all of them.
    pub(super) fn take_currencies(&mut self, result: &Value, all: bool) {
        let rows = elements(result).into_iter().filter_map(Value::as_object);
        let codes: Vec<String> = rows.map(|row| text(row.get("CURRENCY"))).collect();
        self.currencies = Some(codes).filter(|codes| all && !codes.is_empty());
    }

    /// Whether the portal is known to have no such currency.
    pub(super) fn lacks_currency(&self, code: &str) -> bool {
        let known = self.currencies.as_ref();
        known.is_some_and(|known| known.iter().all(|one| one != code))
    }

    pub(super) fn take_rates(&mut self, result: &Value) {
        let rate = |row: &Map<String, Value>| Some((row_id(row)?, decimal(row.get("rate"))));
        let rows = listed(result, "vats");
        let used = rows.iter().filter(|row| text(row.get("active")) != "N");
        self.rates.extend(used.filter_map(rate));
    }

    pub(super) fn take_units(&mut self, result: &Value) {
        let unit = |row: &Map<String, Value>| {
            Some((row_id(row)?, text(row.get("code")).trim().parse().ok()?))
        };
        let rows = listed(result, "measures");
        self.units.extend(rows.iter().filter_map(unit));
    }

    pub(super) fn take_properties(&mut self, result: &Value) {
        let property = |row: &Map<String, Value>| {
            Some(Property {
                id: row_id(row)?,
                block: row.get("iblockId").and_then(id)?,
                names: names(row, &["code", "xmlId", "name"]),
                plain: ["S", "N"].contains(&text(row.get("propertyType")).as_str())
                    && text(row.get("userType")).is_empty()
                    && text(row.get("multiple")) != "Y",
            })
        };
        let rows = listed(result, "productProperties");
        self.properties.extend(rows.iter().filter_map(property));
    }

    /// How many sections stood on the page.
    pub(super) fn take_sections(&mut self, result: &Value) -> usize {
        let rows = listed(result, "sections");
        let section = |row: &Map<String, Value>| {
            Some(Section {
                id: row_id(row)?,
                parent: row.get("iblockSectionId").and_then(id),
                name: text(row.get("name")),
                code: text(row.get("xmlId")),
            })
        };
        for one in rows.iter().filter_map(section) {
            if self.sections.iter().all(|known| known.id != one.id) {
                self.sections.push(one);
            }
        }
        rows.len()
    }

    /// The kind of a price: by its name, else the base one.
    pub(super) fn kind(&self, name: Option<&str>) -> Option<u64> {
        let kind = match name.map(plain) {
            Some(name) => self.kinds.iter().find(|kind| kind.names.contains(&name)),
            None => self.kinds.iter().find(|kind| kind.base),
        };
        kind.map(|kind| kind.id)
    }

    /// The rate of so many percent.
    pub(super) fn rate(&self, percent: Decimal) -> Option<u64> {
        let rate = self.rates.iter().find(|(_, rate)| *rate == Some(percent));
        rate.map(|(id, _)| *id)
    }

    /// The unit with this OKEI code.
    pub(super) fn unit(&self, code: u32) -> Option<u64> {
        let unit = self.units.iter().find(|(_, own)| *own == code);
        unit.map(|(id, _)| *id)
    }

    /// The field of a block's elements that holds the article, by the property's code or name.
    pub(super) fn article(&self, block: u64, name: &str) -> Option<String> {
        let name = plain(name);
        let own = self.properties.iter().filter(|one| one.block == block);
        let mut found = own.filter(|one| one.names.contains(&name));
        found.next().map(|one| format!("property{}", one.id))
    }

    /// The field of a block's elements that holds a property of one text or number, by its code or
    /// name.
    pub(super) fn property(&self, block: u64, name: &str) -> Option<String> {
        let name = plain(name);
        let own = self.properties.iter();
        let mut own = own.filter(|one| one.block == block && one.plain);
        let found = own.find(|one| one.names.contains(&name));
        found.map(|one| format!("property{}", one.id))
    }

    /// The section at the end of a path: by its external code, else by its names where only one is
    /// called so. The names that are missing, if some are.
    pub(super) fn section(&self, path: &[String], prefix: &str) -> Result<u64, Missing> {
        let mut parent = None;
        for nth in 0..path.len() {
            let code = section_code(prefix, &path[..=nth]);
            let by_code = self.sections.iter().find(|one| one.code == code);
            let name = plain(&path[nth]);
            let mut alike = self
                .sections
                .iter()
                .filter(|one| one.parent == parent && plain(&one.name) == name);
            let by_name = alike.next().filter(|_| alike.next().is_none());
            match by_code.or(by_name) {
                Some(found) => parent = Some(found.id),
                None => {
                    return Err(Missing {
                        path: path[..=nth].to_vec(),
                        parent,
                    });
                }
            }
        }
        parent.ok_or(Missing {
            path: Vec::new(),
            parent: None,
        })
    }
}

/// The first section of a path that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    pub(super) path: Vec<String>,
    pub(super) parent: Option<u64>,
}

/// The external code of a section: a portal keeps 255 characters.
pub(super) fn section_code(prefix: &str, path: &[String]) -> String {
    let names: Vec<_> = path
        .iter()
        .map(|name| plain(name).replace('/', "//"))
        .collect();
    let code = format!("{prefix}section:{}", names.join("/"));
    if code.chars().count() <= 200 {
        return code;
    }
    format!("{prefix}section:{}", super::hex_digest(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_section_is_found_by_code_then_by_names_and_a_missing_one_is_told_with_its_parent() {
        let mut facts = CatalogueFacts::default();
        let code = section_code("s:", &path(&["Дом", "Чай"]));
        assert_eq!(
            facts.take_sections(&json!({"sections": [
                {"id": 1, "name": "дом ", "xmlId": null, "iblockSectionId": null},
                {"id": 2, "name": "Другое имя", "xmlId": code, "iblockSectionId": 9},
                {"id": 3, "name": "Сад", "iblockSectionId": 1},
                {"id": 4, "name": "Сад", "iblockSectionId": 1}]})),
            4
        );
        assert_eq!(facts.section(&path(&["Дом"]), "s:"), Ok(1));
        assert_eq!(facts.section(&path(&["Дом", "Чай"]), "s:"), Ok(2));
        // Two are called so: nobody knows which is meant.
        let missing = facts.section(&path(&["Дом", "Сад", "Лейки"]), "s:");
        let missing = missing.unwrap_err();
        assert_eq!((missing.path.len(), missing.parent), (2, Some(1)));
    }
}
