//! A site's orders, as the 1C modules read them.
//!
//! The order of children, the names and the form of dates are those of the version that 1C asked
//! for. Up to 2.09 payments and shipments stand beside their order; from 2.10 on they can stand in
//! it (`ПодчиненныеДокументы`); from 3.0 on each order with its documents is a `Контейнер`.
//!
//! A shop's products are files of their own: see [`Catalogue`].

mod catalogue;
mod xml;

pub use catalogue::{Catalogue, PriceKind, ShelfOffer, ShelfProduct};

use xml::{Xml, iso};

use super::{Encoding, SchemaVersion, customer::Counterparty, document::Tax};
use chrono::NaiveDateTime;
use encoding_rs::WINDOWS_1251;
use rust_decimal::Decimal;
use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

/// The first version with НомерВерсии, `Единица` as a tree and the new names of contacts.
const NEW_NAMES: SchemaVersion = SchemaVersion::new(2, 6);
/// The first version with ISO dates in requisites, and with payments and shipments.
const ISO_DATES: SchemaVersion = SchemaVersion::new(2, 10);
/// The first version whose orders are containers.
const CONTAINERS: SchemaVersion = SchemaVersion::new(3, 0);

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The version of the schema.
    pub version: SchemaVersion,
    /// The encoding; UTF-16 is never written.
    pub encoding: Encoding,
    /// From 2.10 on: payments and shipments inside their order.
    pub subordinate: bool,
    /// When the file is made.
    pub formed_at: NaiveDateTime,
}

/// An order to be written. Names are those of CommerceML; see [`super::Document`].
#[derive(Debug, Clone)]
pub struct Order {
    /// `Ид`: the id by which 1C knows the order, the same for ever.
    pub id: String,
    /// `Номер`, with its prefix.
    pub number: String,
    /// `Номер1С`, once 1C has told it.
    pub onec_number: Option<String>,
    /// `НомерВерсии`: grows with each change.
    pub version: String,
    /// `ПометкаУдаления`: written only if it is set.
    pub deleted: bool,
    /// Which way its goods go.
    pub trade: Trade,
    /// When the order was placed, by the base's clock.
    pub placed_at: NaiveDateTime,
    /// The currency as the base writes it.
    pub currency: String,
    /// The sum of all lines.
    pub total: Decimal,
    /// `Контрагент`: who ordered.
    pub customer: Counterparty,
    /// `Комментарий`: text for people.
    pub comment: String,
    /// Taxes of the whole order.
    pub taxes: Vec<Tax>,
    /// Discounts that the lines' sums hold already, by name.
    pub discounts: Vec<(String, Decimal)>,
    /// The warehouse: id and name.
    pub warehouse: Option<(String, String)>,
    /// The lines, the delivery among them.
    pub lines: Vec<OrderLine>,
    /// `ЗначенияРеквизитов` of the order: name and value.
    pub requisites: Vec<(String, Requisite)>,
    /// The payments of the order, a document each.
    pub payments: Vec<Payment>,
    /// The shipments of the order, a document each.
    pub shipments: Vec<Shipment>,
}

/// Which way the goods of a document go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trade {
    /// `Заказ товара`: to the customer.
    #[default]
    Sale,
    /// `Возврат товара`: they come back.
    Return {
        /// `Основание`: the `Ид` of the document by which they went.
        of: Option<String>,
    },
}

/// A requisite's value: dates are written in the form of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requisite {
    /// A text, which is escaped where XML needs it.
    Text(String),
    /// A truth value, as `true` or `false`.
    Truth(bool),
    /// A date with a time.
    Date(NaiveDateTime),
}

/// A line of an order.
#[derive(Debug, Clone)]
pub struct OrderLine {
    /// `Ид`: 1C's GUID where it is known; `ORDER_DELIVERY` for the delivery.
    pub id: String,
    /// `ИдКаталога`: 1C's GUID of the catalogue that the goods are of.
    pub catalogue: Option<String>,
    /// `Артикул`: the article of the goods.
    pub sku: Option<String>,
    /// `Наименование`: the name of the goods or the service.
    pub name: String,
    /// The unit: ОКЕИ code, short name, full name, international sign.
    pub unit: Unit,
    /// The price of one unit, the discount taken off.
    pub price: Decimal,
    /// `Количество`: how many units.
    pub quantity: Decimal,
    /// What the line comes to.
    pub sum: Decimal,
    /// The discount that the sum holds already.
    pub discount: Option<Decimal>,
    /// The tax of the line; `None`: without any.
    pub tax: Option<Tax>,
    /// Whether it is a service.
    pub is_service: bool,
    /// `ЗначенияРеквизитов` of the line beyond the usual ones: name and value.
    pub requisites: Vec<(String, String)>,
}

/// A unit of measure.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The code in ОКЕИ, as `796`.
    pub code: Cow<'static, str>,
    /// The short name, as `шт`.
    pub short: Cow<'static, str>,
    /// The full name, as `Штука`.
    pub full: Cow<'static, str>,
    /// The international sign, as `PCE`.
    pub sign: Cow<'static, str>,
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            code: Cow::Borrowed("796"),
            short: Cow::Borrowed("шт"),
            full: Cow::Borrowed("Штука"),
            sign: Cow::Borrowed("PCE"),
        }
    }
}

/// How a payment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentKind {
    /// In cash: `Выплата наличных денег`.
    Cash,
    /// By bank transfer: `Выплата безналичных денег`.
    Cashless,
    /// By card: `Эквайринговая операция`.
    Acquiring,
}

/// A payment of an order.
#[derive(Debug, Clone)]
pub struct Payment {
    /// `Ид`: the id by which 1C knows the payment.
    pub id: String,
    /// `Номер`: the payment's number.
    pub number: String,
    /// `НомерВерсии`: another one with each change.
    pub version: String,
    /// When it was paid, by the base's clock.
    pub at: NaiveDateTime,
    /// In which way it was paid.
    pub kind: PaymentKind,
    /// What was paid, in the order's currency.
    pub sum: Decimal,
    /// `ЗначенияРеквизитов` of the payment: name and value.
    pub requisites: Vec<(String, Requisite)>,
}

/// A shipment of an order.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// `Ид`: the id by which 1C knows the shipment.
    pub id: String,
    /// `Номер`: the shipment's number.
    pub number: String,
    /// `НомерВерсии`: another one with each change.
    pub version: String,
    /// When the goods left, by the base's clock.
    pub at: NaiveDateTime,
    /// What it comes to.
    pub sum: Decimal,
    /// The goods that left.
    pub lines: Vec<OrderLine>,
    /// The warehouse: id and name.
    pub warehouse: Option<(String, String)>,
    /// Whether it was taken back.
    pub deleted: bool,
    /// `ЗначенияРеквизитов` of the shipment: name and value.
    pub requisites: Vec<(String, Requisite)>,
}

/// Writes a file of orders, one after the other.
pub struct Orders<W> {
    out: W,
    form: Form,
    text: String,
}

impl<W: Write> Orders<W> {
    /// Begins a file: writes the byte order mark, if the form has one, and the root.
    pub fn begin(mut out: W, form: Form) -> io::Result<Self> {
        if form.encoding == Encoding::Utf8Bom {
            out.write_all(b"\xEF\xBB\xBF")?;
        }
        let text = opened(form);
        let mut orders = Self { out, form, text };
        orders.flush()?;
        Ok(orders)
    }

    /// Goes on with a file that was begun and left in the same form.
    pub fn go_on(out: W, form: Form) -> Self {
        let text = String::new();
        Self { out, form, text }
    }

    /// Leaves the file without an end.
    pub fn leave(self) -> W {
        self.out
    }

    /// Writes one order with its documents.
    pub fn order(&mut self, order: &Order) -> io::Result<()> {
        let mut xml = Xml::new(&mut self.text, self.form);
        if self.form.version >= CONTAINERS && !self.form.subordinate {
            xml.inside("Контейнер", |xml| {
                xml.order(order);
                xml.documents(order);
            });
        } else {
            xml.order(order);
            if self.form.version >= ISO_DATES && !self.form.subordinate {
                xml.documents(order);
            }
        }
        self.flush()
    }

    /// Ends the file: closes the root and writes out what is buffered.
    pub fn end(mut self) -> io::Result<W> {
        self.text.push_str(CLOSED);
        self.flush()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out
            .write_all(&encoded(&self.text, self.form.encoding))?;
        self.text.clear();
        Ok(())
    }
}

/// The end of every file.
const CLOSED: &str = "</КоммерческаяИнформация>\n";

/// The declaration and the root of a file, up to its first element.
fn opened(form: Form) -> String {
    let label = match form.encoding {
        Encoding::Windows1251 => "windows-1251",
        _ => "UTF-8",
    };
    let mut text = format!("<?xml version=\"1.0\" encoding=\"{label}\"?>\n");
    text.push_str("<КоммерческаяИнформация");
    let mut say = |name: &str, value: &str| {
        let _ = write!(text, " {name}=\"{}\"", escaped(value));
    };
    say("ВерсияСхемы", &form.version.to_string());
    say("ДатаФормирования", &iso(form.formed_at));
    if form.version >= SchemaVersion::new(2, 5) {
        say("ФорматДаты", "ДФ=yyyy-MM-dd; ДЛФ=DT");
        say("ФорматВремени", "ДФ=ЧЧ:мм:сс; ДЛФ=T");
        say("РазделительДатаВремя", "T");
        say("ФорматСуммы", "ЧЦ=18; ЧДЦ=2; ЧРД=.");
        say("ФорматКоличества", "ЧЦ=18; ЧДЦ=2; ЧРД=.");
    }
    text.push_str(">\n");
    text
}

/// The text in its encoding. What windows-1251 does not have is a character reference there.
fn encoded(text: &str, encoding: Encoding) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::Windows1251 => WINDOWS_1251.encode(text).0,
        _ => Cow::Borrowed(text.as_bytes()),
    }
}

/// Text that XML 1.0 can hold: escaped, and without the control characters that it has no form for.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    // Every byte is looked at: that is faster than to stop at the first.
    if text.bytes().fold(true, |all, byte| all & stays(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether a byte belongs to no character that is escaped or left out. The controls from U+0080
/// on begin with C2, U+FFFE and U+FFFF with EF, as others do that stay.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches sixteen bytes are looked at at once"
)]
fn stays(byte: u8) -> bool {
    let goes = (byte < b' ')
        | (byte == b'&')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'"')
        | (byte == 0x7f)
        | (byte == 0xc2)
        | (byte == 0xef);
    !goes
}
