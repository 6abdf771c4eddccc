//! A simulated 1C base: it exchanges with a site as trade configurations do, in both generations of
//! the protocol, and is as unforgiving as they are.
//!
//! It reads an answer by its first word, compares the encoding that a file declares with the one
//! that it arrives in, finds an order by its `Ид`, and refuses an order whose `Номер` changed,
//! whose sums do not add up, or that lacks what the version asks for. Its people change statuses,
//! enter payments, ship, cancel and delete; it sends the whole documents. It uses nothing of the
//! bridge.

mod books;
mod catalogue;
mod orders;
mod service;
mod wire;
mod written;

pub use books::Act;
pub use catalogue::Goods;
pub use orders::{Kept, Line};
pub use service::{PushFault, Pushed, Service};
pub use wire::Shows;

use reqwest::Client;
use std::{collections::BTreeMap, fmt};

/// How a base exchanges.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The site's address, as a person types it into the settings form.
    pub address: String,
    /// The login by which the base exchanges.
    pub login: String,
    /// The password of that login.
    pub password: String,
    /// The version that it asks for; none: the old protocol.
    pub version: Option<String>,
    /// The newer parameter beside the version.
    pub cml_version: Option<String>,
    /// What it shows after the first request.
    pub shows: Shows,
    /// Whether it says `success`; some modules of 3.1 never do.
    pub says_success: bool,
}

impl Exchange {
    /// A base that shows everything, in the old protocol.
    pub fn new(address: &str, login: &str, password: &str) -> Self {
        Self {
            address: address.to_owned(),
            login: login.to_owned(),
            password: password.to_owned(),
            version: None,
            cml_version: None,
            shows: Shows::Everything,
            says_success: true,
        }
    }

    /// The same in this version.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        let version = Some(version.to_owned());
        Self { version, ..self }
    }
}

/// What 1C's log would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(pub String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

fn trouble<T>(words: impl fmt::Display) -> Result<T, Trouble> {
    Err(Trouble(words.to_string()))
}

/// The base: what it has of the site's orders, and the session that it is in.
#[derive(Debug)]
pub struct OneC {
    /// How it exchanges. May be changed between sessions.
    pub exchange: Exchange,
    /// The orders that it has, by `Ид`.
    pub orders: BTreeMap<String, Kept>,
    /// What its people did with them, by `Ид`.
    books: BTreeMap<String, books::Book>,
    client: Client,
    /// Name and value of the cookie.
    cookie: Option<(String, String)>,
    sessid: Option<String>,
    file_limit: usize,
    zip: bool,
}

/// What an exchange of orders brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// Answers that were asked for.
    pub queries: usize,
    /// How many orders stood in those answers.
    pub orders: usize,
}

/// The most answers that are asked for in one session: a site that gives the same orders again and
/// again would hold a real base for ever.
const MOST_QUERIES: usize = 1_000;

impl OneC {
    /// A base without orders.
    pub fn new(exchange: Exchange) -> Result<Self, Trouble> {
        // The provider may have been chosen already; either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build();
        Ok(Self {
            exchange,
            orders: BTreeMap::new(),
            books: BTreeMap::new(),
            client: client.map_err(|error| Trouble(error.to_string()))?,
            cookie: None,
            sessid: None,
            file_limit: 0,
            zip: false,
        })
    }

    /// A whole exchange of orders, as its schedule runs it.
    pub async fn fetch_orders(&mut self) -> Result<Brought, Trouble> {
        self.sign_in("sale").await?;
        self.init("sale").await?;
        let mut brought = Brought::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let answer = self.query().await?;
            brought.queries += 1;
            brought.orders += answer.len();
            for id in &answer {
                let times = seen.entry(id.clone()).or_default();
                *times += 1;
                if *times > 1 {
                    return trouble(format!(
                        "заказ {id} выгружается в одном сеансе снова и снова"
                    ));
                }
            }
            // The old protocol asks once; the new one until there is nothing more.
            if self.exchange.version.is_none() || answer.is_empty() {
                break;
            }
            if brought.queries > MOST_QUERIES {
                return trouble("запросы заказов не кончаются");
            }
        }
        if self.exchange.says_success {
            self.success().await?;
        }
        Ok(brought)
    }

    /// Asks for orders once, and takes them in; their `Ид`.
    pub async fn query(&mut self) -> Result<Vec<String>, Trouble> {
        let answer = self.get("sale", "query", &[]).await?;
        let file = wire::decoded(&answer)?;
        let asked = self.exchange.version.clone();
        let subordinate = self.exchange.cml_version.is_some();
        let read = orders::read(&file, asked.as_deref(), subordinate)?;
        let mut ids = Vec::with_capacity(read.len());
        for order in read {
            ids.push(order.id.clone());
            self.keep(order)?;
        }
        Ok(ids)
    }

    /// Puts an order in its place: found by `Ид`, and never under another number.
    fn keep(&mut self, order: Kept) -> Result<(), Trouble> {
        let same_number = self
            .orders
            .values()
            .find(|kept| kept.number == order.number);
        if let Some(other) = same_number.filter(|other| other.id != order.id) {
            let (id, number) = (&other.id, &order.number);
            return trouble(format!("номер {number} уже занят документом {id}"));
        }
        if let Some(kept) = self.orders.get(&order.id) {
            if kept.number != order.number {
                return trouble(format!(
                    "у документа {} был номер {}, а пришёл {}",
                    order.id, kept.number, order.number
                ));
            }
            if let (Some(before), Some(now)) = (&kept.version, &order.version)
                && before.parse::<i64>().ok() > now.parse().ok()
            {
                return trouble(format!("версия заказа {} уменьшилась", order.id));
            }
        }
        let times = self.orders.get(&order.id).map_or(0, |kept| kept.times);
        let order = Kept {
            times: times + 1,
            ..order
        };
        let book = self.books.entry(order.id.clone()).or_default();
        book.loaded(&order);
        self.orders.insert(order.id.clone(), order);
        Ok(())
    }

    /// The cookie of the session: its name and its value.
    pub fn cookie(&self) -> Option<(&str, &str)> {
        let (name, value) = self.cookie.as_ref()?;
        Some((name, value))
    }

    /// The order of this number.
    pub fn order(&self, number: &str) -> Option<&Kept> {
        self.orders.values().find(|kept| kept.number == number)
    }
}
