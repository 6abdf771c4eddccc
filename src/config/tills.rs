//! `[tills.NAME]`: tills, their tokens, and where they stand.

use super::{Problem, Secret, reading::secret, shops};
use crate::{
    auth::KeyDigest,
    domain::TillName,
    formats::tills::{ReceiptDeals, TillKind, TillSettings, TillStores},
    stock::{Master, StockSettings},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// The address of MoySklad's API.
const MOYSKLAD: &str = "https://api.moysklad.ru/api/remap/1.2";

/// A till, and what it shows.
#[derive(Debug, Clone)]
pub struct Till {
    /// The till's name, kind, and stores, as the rest of the bridge knows them.
    pub settings: TillSettings,
    /// What it shows, and signs with.
    pub token: Secret,
    /// The digest of `token`, against which a shown token is compared in constant time.
    pub key: KeyDigest,
    /// The API of its vendor, where that is read.
    pub api: Option<TillApi>,
}

/// The API of a till's vendor.
#[derive(Debug, Clone)]
pub struct TillApi {
    /// The base address of the API, to which paths are added.
    pub url: String,
    /// What is shown there.
    pub token: Secret,
}

impl Till {
    /// Whether this is its token. In constant time.
    pub fn has_token(&self, key: &str) -> bool {
        self.key.matches(&KeyDigest::of(key))
    }

    /// Whether this is the token's signature over a body: HMAC-SHA256, or HMAC-SHA1 where `sha1=`
    /// stands before it, as Evotor's webhooks have it; in hexadecimal digits or base64. In constant
    /// time.
    pub fn has_signed(&self, body: &[u8], signature: &str) -> bool {
        let told = signature.trim();
        let (algorithm, told) = match told.strip_prefix("sha1=") {
            Some(told) => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, told),
            None => (
                hmac::HMAC_SHA256,
                told.strip_prefix("sha256=").unwrap_or(told),
            ),
        };
        let key = hmac::Key::new(algorithm, self.token.expose_secret().as_bytes());
        let given = [unhex(told), STANDARD.decode(told).ok()];
        let mut given = given.into_iter().flatten();
        given.any(|given| hmac::verify(&key, body, &given).is_ok())
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    kind: TillKind,
    shop: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
    store: Option<String>,
    #[serde(default)]
    stores: BTreeMap<String, String>,
    api_url: Option<String>,
    api_token: Option<Secret>,
    api_token_file: Option<PathBuf>,
    #[serde(default)]
    tell_shop: bool,
    #[serde(default)]
    receipts_as: ReceiptsAs,
    funnel: Option<u32>,
    stage: Option<String>,
    stage_cancelled: Option<String>,
}

/// What receipts become in the portal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReceiptsAs {
    #[default]
    None,
    Deal,
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    stocks: &[StockSettings],
    problems: &mut Vec<Problem>,
) -> BTreeMap<TillName, Till> {
    let mut tills = BTreeMap::new();
    for (name, raw) in raw {
        let key = format!("tills.{name}");
        match TillName::parse(&name) {
            Err(rule) => problems.push(Problem::new(&key, rule, "choose another name")),
            Ok(name) => {
                let till = till(raw, (&key, &name), stocks, problems);
                tills.extend(till.map(|till| (name, till)));
            }
        }
    }
    for stock in stocks.iter().filter(|stock| stock.master == Master::Till) {
        let sells = |till: &Till| {
            stock
                .shops
                .iter()
                .any(|(name, _)| *name == till.settings.shop)
        };
        if !tills.values().any(sells) && problems.is_empty() {
            problems.push(Problem::new(
                format!("stock.{}.master", stock.name),
                "a till is to count, and no till sells from this stock",
                "add a `[tills.NAME]` of one of its shops, or declare another master",
            ));
        }
    }
    tills
}

fn till(
    raw: Raw,
    (key, name): (&str, &TillName),
    stocks: &[StockSettings],
    problems: &mut Vec<Problem>,
) -> Option<Till> {
    let place = format!("{key}.token");
    let file = raw.token_file.as_deref();
    let token = secret::resolve(raw.token.clone(), file, &place, problems);
    if token.is_none() {
        let remedy = "make one: openssl rand -hex 24";
        problems.push(Problem::new(&place, "missing", remedy));
    }
    let digest = token
        .as_ref()
        .and_then(|token| secret::key_digest(token, &place, problems));
    let api = api(&raw, key, problems);
    in_an_address(raw.kind, token.as_ref(), &place, problems);
    let deals = deals(&raw, key, problems);
    let found = stocks.iter().find_map(|stock| {
        let mut shops = stock.shops.iter();
        let (shop, _) = shops.find(|(shop, _)| shop.as_str() == raw.shop)?;
        Some((stock, shop.clone()))
    });
    let Some((stock, shop)) = found else {
        problems.push(Problem::new(
            format!("{key}.shop"),
            format!("the shop `{}` sells from no stock", raw.shop),
            "name a shop of `[shops]`, and add it to the `shops` of a `[stock.NAME]`",
        ));
        return None;
    };
    let stores = stores(raw.store, raw.stores, (key, stock), problems)?;
    Some(Till {
        settings: TillSettings {
            name: name.clone(),
            kind: raw.kind,
            shop,
            stores,
            tell_shop: raw.tell_shop,
            deals,
        },
        token: token?,
        key: digest?,
        api,
    })
}

/// The API that is read, of a vendor who has one.
fn api(raw: &Raw, key: &str, problems: &mut Vec<Problem>) -> Option<TillApi> {
    let file = raw.api_token_file.as_deref();
    let place = format!("{key}.api_token");
    let token = secret::resolve(raw.api_token.clone(), file, &place, problems);
    if raw.kind != TillKind::Moysklad {
        if token.is_some() || raw.api_url.is_some() {
            problems.push(Problem::new(
                place,
                format!(
                    "a till of the kind `{}` has no API that is read",
                    raw.kind.as_str()
                ),
                "leave `api_url` and `api_token` out, or write kind = \"moysklad\"",
            ));
        }
        return None;
    }
    let url = raw.api_url.clone().unwrap_or_else(|| MOYSKLAD.to_owned());
    if !shops::is_http(&url) {
        problems.push(Problem::new(
            format!("{key}.api_url"),
            format!("`{url}` is no address"),
            format!("leave it out, or write one such as {MOYSKLAD}"),
        ));
    }
    if token.is_none() {
        let remedy = "make a token in MoySklad for a user who sees retail sales";
        problems.push(Problem::new(place, "missing", remedy));
    }
    token.map(|token| TillApi { url, token })
}

/// The stages of deals that are receipts.
fn deals(raw: &Raw, key: &str, problems: &mut Vec<Problem>) -> Option<ReceiptDeals> {
    let given = [
        ("funnel", raw.funnel.is_some()),
        ("stage", raw.stage.is_some()),
        ("stage_cancelled", raw.stage_cancelled.is_some()),
    ];
    if raw.receipts_as == ReceiptsAs::None {
        for (name, _) in given.into_iter().filter(|(_, given)| *given) {
            problems.push(Problem::new(
                format!("{key}.{name}"),
                "the till's receipts become no deals",
                "leave it out, or write receipts_as = \"deal\"",
            ));
        }
        return None;
    }
    for (name, _) in given[1..].iter().filter(|(_, given)| !given) {
        problems.push(Problem::new(
            format!("{key}.{name}"),
            "missing: receipts become deals",
            "name a stage of the portal, such as WON or LOSE",
        ));
    }
    let funnel = raw.funnel.unwrap_or(0);
    Some(ReceiptDeals {
        funnel,
        stage: raw.stage.clone()?,
        cancelled: raw.stage_cancelled.clone()?,
    })
}

/// A token that stands at the end of an address.
fn in_an_address(kind: TillKind, token: Option<&Secret>, place: &str, problems: &mut Vec<Problem>) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = token.is_none_or(|token| token.expose_secret().chars().all(word));
    if kind == TillKind::Moysklad && !fits {
        let rule = "a token stands in an address: letters, digits, `-` and `_` only";
        problems.push(Problem::new(place, rule, "make one: openssl rand -hex 24"));
    }
}

/// Where it stands: in one store, in several that its vendor has ids for, or in the only one there
/// is.
fn stores(
    one: Option<String>,
    many: BTreeMap<String, String>,
    (key, stock): (&str, &StockSettings),
    problems: &mut Vec<Problem>,
) -> Option<TillStores> {
    let known = |name: &String| stock.stores.iter().any(|store| store.name == *name);
    let unknown = |place: String, name: &str, problems: &mut Vec<Problem>| {
        let detail = format!("the stock `{}` has no store named `{name}`", stock.name);
        problems.push(Problem::new(place, detail, "name one of its stores"));
    };
    match (one, many.is_empty()) {
        (Some(_), false) => {
            problems.push(Problem::new(
                format!("{key}.store"),
                "`stores` is given, too",
                "keep `store` for a till that stands in one store, else `stores`",
            ));
            None
        }
        (Some(one), true) if known(&one) => Some(TillStores::One(one)),
        (Some(one), true) => {
            unknown(format!("{key}.store"), &one, problems);
            None
        }
        (None, false) => {
            for (id, name) in many.iter().filter(|(_, name)| !known(name)) {
                unknown(format!("{key}.stores.{id}"), name, problems);
            }
            Some(TillStores::Many(many))
        }
        (None, true) => {
            if let [only] = stock.stores.as_slice() {
                return Some(TillStores::One(only.name.clone()));
            }
            problems.push(Problem::new(
                format!("{key}.store"),
                format!("missing: the stock `{}` has several stores", stock.name),
                "name the store where the till stands, or the vendor's ids in `stores`",
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        auth::Caller,
        config::{Config, Error},
        domain::TillName,
        formats::tills::{TillKind, TillStores},
    };
    use std::collections::BTreeMap;

    const STOCK: &str = r#"
        [portals.main]
        webhook_url = "https://example.bitrix24.ru/rest/1/secret/"
        [shops.main]
        portal = "main"
        api_keys = ["main-key-0123456789"]
        [shops.other]
        portal = "main"
        api_keys = ["other-key-0123456789"]
        [stock.all]
        shops = ["main"]
        [[stock.all.stores]]
        name = "a"
        [[stock.all.stores]]
        name = "b"
    "#;
    const TILL: &str = "[tills.one]\nshop = \"main\"\ntoken = \"till-token-0123456789\"\n";

    fn parse(tills: &str) -> Result<Config, Error> {
        Config::parse(&format!("{STOCK}\n{tills}"), &BTreeMap::new())
    }

    #[test]
    fn a_till_is_read_and_its_token_is_a_key_of_its_own() {
        let stores = "kind = \"evotor\"\nstores = { \"V-1\" = \"a\", \"V-2\" = \"b\" }";
        let config = parse(&format!("{TILL}{stores}")).unwrap();
        let till = &config.tills[&TillName::parse("one").unwrap()];
        assert_eq!(till.settings.kind, TillKind::Evotor);
        assert!(matches!(&till.settings.stores, TillStores::Many(stores) if stores.len() == 2));
        let caller = config.authenticate("till-token-0123456789");
        let shop = till.settings.shop.clone();
        let name = till.settings.name.clone();
        assert_eq!(caller, Some(Caller::Till { name, shop }));
    }

    #[test]
    fn a_body_is_signed_with_the_token_in_digits_or_base64() {
        let config = parse(&format!("{TILL}store = \"a\"")).unwrap();
        let till = &config.tills[&TillName::parse("one").unwrap()];
        // printf '{"id":1}' | openssl dgst -sha256 -hmac till-token-0123456789
        let digits = "6c7bbaddb2381877774397d50fd371bc036f23661d07dcf8e69c62d4d579850d";
        let base64 = "bHu63bI4GHd3Q5fVD9NxvANvI2YdB9z45pxi1NV5hQ0=";
        assert!(till.has_signed(b"{\"id\":1}", digits));
        assert!(till.has_signed(b"{\"id\":1}", &format!("sha256={digits}")));
        assert!(till.has_signed(b"{\"id\":1}", base64));
        // The same with -sha1: Evotor's webhooks sign so.
        let older = "957e4c433154dadde0860ce1d98e10c5a786cc1b";
        assert!(till.has_signed(b"{\"id\":1}", &format!("sha1={older}")));
        let unmarked = format!("sha256={older}");
        let other = format!("sha1={digits}");
        for wrong in [
            "",
            "00",
            "sha1=",
            older,
            &unmarked,
            &other,
            "till-token-0123456789",
        ] {
            assert!(!till.has_signed(b"{\"id\":1}", wrong), "{wrong}");
        }
        assert!(!till.has_signed(b"{\"id\":2}", digits));
        assert!(!till.has_signed(b"{\"id\":2}", &format!("sha1={older}")));
    }

    #[test]
    fn what_contradicts_itself_or_names_nothing_is_refused() {
        for (wrong, place) in [
            (TILL.to_owned(), "tills.one.store"),
            (format!("{TILL}store = \"c\""), "tills.one.store"),
            (
                format!("{TILL}store = \"a\"\nstores = {{ \"V\" = \"a\" }}"),
                "tills.one.store",
            ),
            (
                format!("{TILL}stores = {{ \"V\" = \"c\" }}"),
                "tills.one.stores.V",
            ),
            (
                "[tills.one]\nshop = \"main\"\nstore = \"a\"".to_owned(),
                "tills.one.token",
            ),
            (
                TILL.replace("till-token-0123456789", "short") + "store = \"a\"",
                "tills.one.token",
            ),
            (
                TILL.replace("till-token", "main-key") + "store = \"a\"",
                "tills.one.token",
            ),
            (
                TILL.replace("\"main\"", "\"other\"") + "store = \"a\"",
                "tills.one.shop",
            ),
            (
                format!("{TILL}store = \"a\"\napi_url = \"https://api.example\""),
                "tills.one.api_token",
            ),
            (
                format!("{TILL}store = \"a\"\nkind = \"moysklad\""),
                "tills.one.api_token",
            ),
            (
                format!("{TILL}store = \"a\"\nreceipts_as = \"deal\"\nstage = \"WON\""),
                "tills.one.stage_cancelled",
            ),
            (
                format!("{TILL}store = \"a\"\nstage = \"WON\""),
                "tills.one.stage",
            ),
            (
                TILL.replace("till-token", "till/token")
                    + "store = \"a\"\nkind = \"moysklad\"\napi_token = \"t\"",
                "tills.one.token",
            ),
        ] {
            let text = parse(&wrong).unwrap_err().to_string();
            assert!(text.contains(place), "{text}");
        }
    }

    #[test]
    fn a_till_that_is_to_count_must_be_there() {
        let counted = STOCK.replace(
            "shops = [\"main\"]",
            "shops = [\"main\"]\nmaster = \"till\"",
        );
        let text = Config::parse(&counted, &BTreeMap::new()).unwrap_err();
        assert!(text.to_string().contains("stock.all.master"), "{text}");
        let till = format!("{counted}\n{TILL}store = \"a\"");
        assert!(Config::parse(&till, &BTreeMap::new()).is_ok());
    }
}
