//! `[stock.NAME]`: what can be sold, from which stores, and who says how much there is.

use super::{Problem, Shop};
use crate::{
    domain::{ShopName, ShortageAct, ShortageCause, StockName},
    formats::onec::Base,
    stock::{
        CountsMean, Master, NameKind, OrderPolicy, PortalStock, ReserveOn, ShortageRule,
        StockSettings, Store, hold,
    },
};
use chrono::TimeDelta;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    shops: Vec<String>,
    master: Option<RawMaster>,
    #[serde(default)]
    counts_mean: CountsMean,
    count_tolerance: Option<String>,
    hold: Option<String>,
    #[serde(default)]
    reserve_on: ReserveOn,
    #[serde(default)]
    release_on: Vec<String>,
    #[serde(default)]
    ship_on: Vec<String>,
    #[serde(default)]
    split: bool,
    #[serde(default)]
    stores: Vec<RawStore>,
    #[serde(default)]
    rules: Vec<RawRule>,
    #[serde(default)]
    portal: PortalStock,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    then: ShortageAct,
    store: Option<String>,
    cause: Option<ShortageCause>,
}

/// One master. Several are read, so that they can be refused in words.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawMaster {
    One(Master),
    Several(Vec<Master>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    name: String,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    pickup: bool,
    #[serde(default = "yes")]
    online: bool,
    #[serde(default)]
    rank: i32,
}

fn yes() -> bool {
    true
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    shops: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) -> Vec<StockSettings> {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let mut stocks = Vec::new();
    for (name, raw) in raw {
        let key = format!("stock.{name}");
        let of_shops = of_shops(&raw.shops, (&name, &key), shops, &mut taken, problems);
        let master = master(raw.master, &key, problems);
        shown(raw.portal, &of_shops, &key, shops, problems);
        both_ways(&raw.release_on, &raw.ship_on, &key, problems);
        let name = StockName::parse(&name)
            .map_err(|rule| problems.push(Problem::new(&key, rule, "choose another name")));
        let time =
            |name: &str, text: Option<&str>, usual: TimeDelta, problems: &mut Vec<Problem>| {
                let Some(text) = text else { return usual };
                let zero = name == "count_tolerance" && text.trim() == "0s";
                let read = if zero {
                    Some(TimeDelta::zero())
                } else {
                    hold(text)
                };
                read.unwrap_or_else(|| {
                    problems.push(Problem::new(
                        format!("{key}.{name}"),
                        format!("`{text}` is not a time"),
                        "write a number and s, m, h or d, at most 90 days: \"3d\"",
                    ));
                    usual
                })
            };
        let tolerance = raw.count_tolerance.as_deref();
        let stores = stores(raw.stores, &key, problems);
        let stock = StockSettings {
            count_tolerance: time("count_tolerance", tolerance, TimeDelta::zero(), problems),
            hold: time("hold", raw.hold.as_deref(), TimeDelta::days(3), problems),
            rules: rules(raw.rules, &stores, &key, problems),
            stores,
            name: match name {
                Ok(name) => name,
                Err(()) => continue,
            },
            shops: of_shops,
            master,
            counts_mean: raw.counts_mean,
            split: raw.split,
            portal: raw.portal,
            orders: OrderPolicy {
                reserve_on: raw.reserve_on,
                release_on: raw.release_on,
                ship_on: raw.ship_on,
            },
        };
        stocks.push(stock);
    }
    stocks
}

/// The shops that sell from it: each is there, and in one stock alone.
fn of_shops(
    named: &[String],
    (stock, key): (&str, &str),
    shops: &BTreeMap<ShopName, Shop>,
    taken: &mut BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Vec<(ShopName, Vec<NameKind>)> {
    if named.is_empty() {
        let remedy = "name the shops that sell from this stock: shops = [\"main\"]";
        problems.push(Problem::new(format!("{key}.shops"), "missing", remedy));
    }
    let mut found = Vec::new();
    for name in named {
        let place = format!("{key}.shops");
        let Some((shop, settings)) = shops.iter().find(|(shop, _)| shop.as_str() == name) else {
            let detail = format!("there is no shop named `{name}`");
            problems.push(Problem::new(place, detail, "name one of `[shops]`"));
            continue;
        };
        if let Some(other) = taken.insert(name.clone(), stock.to_owned()) {
            let detail = format!("the shop `{name}` sells from the stock `{other}` already");
            problems.push(Problem::new(place, detail, "name each shop in one stock"));
            continue;
        }
        found.push((shop.clone(), settings.products_by.clone()));
    }
    found
}

/// Quantities are written with the products of a shop's catalogue.
fn shown(
    portal: PortalStock,
    of_shops: &[(ShopName, Vec<NameKind>)],
    key: &str,
    shops: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) {
    let catalogue = |shop: &ShopName| shops.get(shop).is_some_and(|shop| shop.catalogue.is_some());
    if portal == PortalStock::Quantity && !of_shops.iter().any(|(shop, _)| catalogue(shop)) {
        problems.push(Problem::new(
            format!("{key}.portal"),
            "no shop of this stock keeps a catalogue in its portal",
            "add `[shops.NAME.catalogue]`, or write portal = \"off\"",
        ));
    }
}

/// A status cannot set goods free and ship them.
fn both_ways(release: &[String], ship: &[String], key: &str, problems: &mut Vec<Problem>) {
    if let Some(status) = release.iter().find(|status| ship.contains(status)) {
        problems.push(Problem::new(
            format!("{key}.ship_on"),
            format!("the status `{status}` stands in `release_on`, too"),
            "name each status in one of the two",
        ));
    }
}

/// A stock whose master 1C is has one base that counts.
pub(super) fn counted_by_onec(
    stocks: &[StockSettings],
    bases: &[&Base],
    problems: &mut Vec<Problem>,
) {
    for stock in stocks.iter().filter(|stock| stock.master == Master::Onec) {
        let own = |shop: &ShopName| stock.shops.iter().any(|(name, _)| name == shop);
        let count = bases
            .iter()
            .filter(|base| base.shops.iter().any(own))
            .count();
        if count != 1 && problems.is_empty() {
            problems.push(Problem::new(
                format!("stock.{}.master", stock.name),
                format!("1C is to count, and {count} bases have shops of this stock"),
                "let one `[onec.NAME]` have its shops, or declare another master",
            ));
        }
    }
}

fn master(raw: Option<RawMaster>, key: &str, problems: &mut Vec<Problem>) -> Master {
    match raw {
        None => Master::Bridge,
        Some(RawMaster::One(master)) => master,
        Some(RawMaster::Several(masters)) => {
            problems.push(Problem::new(
                format!("{key}.master"),
                format!(
                    "{} masters are declared, and their counts would contradict each other",
                    masters.len()
                ),
                "declare one: \"bridge\", \"onec\", \"shop\" or \"till\"",
            ));
            Master::Bridge
        }
    }
}

fn stores(raw: Vec<RawStore>, key: &str, problems: &mut Vec<Problem>) -> Vec<Store> {
    if raw.is_empty() {
        let remedy = "add at least one `[[stock.NAME.stores]]` with a `name`";
        problems.push(Problem::new(format!("{key}.stores"), "missing", remedy));
    }
    let mut seen = BTreeSet::new();
    let mut stores = Vec::with_capacity(raw.len());
    for (at, store) in raw.into_iter().enumerate() {
        let place = format!("{key}.stores[{at}]");
        for name in std::iter::once(&store.name).chain(&store.ids) {
            let usable = |c: char| !c.is_control();
            if name.trim().is_empty() || name.chars().count() > 128 || !name.chars().all(usable) {
                let detail = "a store's name or id is 1 to 128 characters";
                problems.push(Problem::new(&place, detail, "choose another name"));
            }
            if !seen.insert(name.clone()) {
                let detail = format!("`{name}` names two stores");
                problems.push(Problem::new(&place, detail, "use each name and id once"));
            }
        }
        stores.push(Store {
            name: store.name,
            ids: store.ids,
            pickup: store.pickup,
            online: store.online,
            rank: store.rank,
        });
    }
    stores
}

/// The rules for shortages; each names a store that is there, or none.
fn rules(
    raw: Vec<RawRule>,
    stores: &[Store],
    key: &str,
    problems: &mut Vec<Problem>,
) -> Vec<ShortageRule> {
    for (at, rule) in raw.iter().enumerate() {
        let Some(store) = &rule.store else { continue };
        if !stores.iter().any(|known| known.name == *store) {
            problems.push(Problem::new(
                format!("{key}.rules[{at}].store"),
                format!("there is no store named `{store}`"),
                "name one of the stock's `stores`",
            ));
        }
    }
    let rule = |raw: RawRule| ShortageRule {
        then: raw.then,
        store: raw.store,
        cause: raw.cause,
    };
    raw.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Error};
    use std::collections::BTreeMap;

    const SHOPS: &str = r#"
        [portals.main]
        webhook_url = "https://example.bitrix24.ru/rest/1/secret/"
        [shops.main]
        portal = "main"
        api_keys = ["main-key-0123456789"]
        [shops.other]
        portal = "main"
        api_keys = ["other-key-0123456789"]
        [shops.other.products]
        by = ["sku"]
    "#;

    fn parse(stock: &str) -> Result<Config, Error> {
        Config::parse(&format!("{SHOPS}\n{stock}"), &BTreeMap::new())
    }

    #[test]
    fn a_stock_is_read_with_its_stores_and_shops() {
        let config = parse(
            "[stock.all]\nshops = [\"main\", \"other\"]\nmaster = \"shop\"\nhold = \"2h\"\n\
             [[stock.all.stores]]\nname = \"центр\"\nids = [\"W1\"]\npickup = true\nrank = 2",
        )
        .unwrap();
        let stock = &config.stocks[0];
        assert_eq!(stock.hold, chrono::TimeDelta::hours(2));
        assert_eq!(stock.shops[1].1, [super::NameKind::Sku]);
        assert_eq!(stock.shops[0].1.len(), 4);
        assert!(stock.stores[0].online && stock.stores[0].pickup);
    }

    #[test]
    fn two_masters_a_shop_in_two_stocks_and_names_used_twice_are_refused() {
        let store = |stock: &str| format!("\n[[stock.{stock}.stores]]\nname = \"a\"\n");
        for (wrong, place) in [
            (
                format!(
                    "[stock.a]\nshops = [\"main\"]\nmaster = [\"onec\", \"shop\"]{}",
                    store("a")
                ),
                "stock.a.master",
            ),
            (
                format!(
                    "[stock.a]\nshops = [\"main\"]{}[stock.b]\nshops = [\"main\"]{}",
                    store("a"),
                    store("b")
                ),
                "stock.b.shops",
            ),
            (
                format!("[stock.a]\nshops = [\"main\"]{}{}", store("a"), store("a")),
                "stock.a.stores[1]",
            ),
            (
                format!("[stock.a]\nshops = [\"nobody\"]{}", store("a")),
                "stock.a.shops",
            ),
            (
                format!(
                    "[stock.a]\nshops = [\"main\"]\nrelease_on = [\"C\"]\nship_on = [\"C\"]{}",
                    store("a")
                ),
                "stock.a.ship_on",
            ),
            ("[stock.a]\nshops = [\"main\"]".to_owned(), "stock.a.stores"),
            (
                format!(
                    "[stock.a]\nshops = [\"main\"]{}[[stock.a.rules]]\nthen = \"move\"\n\
                     store = \"z\"",
                    store("a")
                ),
                "stock.a.rules[0].store",
            ),
            (
                format!(
                    "[stock.a]\nshops = [\"main\"]\nhold = \"91d\"{}",
                    store("a")
                ),
                "stock.a.hold",
            ),
        ] {
            let text = parse(&wrong).unwrap_err().to_string();
            assert!(text.contains(place), "{text}");
        }
    }
}
