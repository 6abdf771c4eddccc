//! Documents: orders, payments, shipments.
//!
//! What a file does not say is none, never a default: a short form without `Товары` says nothing
//! of the lines, an absent `ПометкаУдаления` says nothing of a deletion.

use super::{
    Counterparty, Element, Fault, Moment, Requisites,
    customer::counterparty,
    excerpt, told,
    value::{folded, truth},
};
use crate::domain::happening::FileFault;
use rust_decimal::Decimal;

/// `ХозОперация`: what a document is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `Заказ товара`: an order.
    Order,
    /// `Выплата наличных денег`: a payment in cash.
    CashPayment,
    /// `Выплата безналичных денег`: a payment by bank transfer.
    CashlessPayment,
    /// `Эквайринговая операция`: a payment by card.
    Acquiring,
    /// `Отпуск товара`: goods went to the customer.
    Shipment,
    /// `Возврат товара`: goods came back from the customer.
    Return,
    /// Another one, as it stands in the file.
    Other(String),
    /// None is given: the short old form, which is an order.
    Absent,
}

impl Operation {
    fn parse(text: &str) -> Self {
        match folded(text).as_str() {
            "" => Self::Absent,
            "заказтовара" => Self::Order,
            "выплатаналичныхденег" => Self::CashPayment,
            "выплатабезналичныхденег" => Self::CashlessPayment,
            "эквайринговаяоперация" => Self::Acquiring,
            "отпусктовара" => Self::Shipment,
            "возвраттовара" => Self::Return,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// Whether it is an order.
    pub fn is_order(&self) -> bool {
        matches!(self, Self::Order | Self::Absent)
    }

    /// Whether money is paid by it.
    pub fn is_payment(&self) -> bool {
        matches!(
            self,
            Self::CashPayment | Self::CashlessPayment | Self::Acquiring
        )
    }
}

/// An order, a payment or a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `Ид`: the site's own id, or 1C's.
    pub id: Option<String>,
    /// `Номер`: the site's number, with its prefix.
    pub number: Option<String>,
    /// `Номер1С`, or the requisite that older versions use.
    pub onec_number: Option<String>,
    /// `Дата1С`, or the requisite that older versions use.
    pub onec_date: Option<Moment>,
    /// `Дата` with `Время`: when the document was made, by its maker's clock.
    pub date: Option<Moment>,
    /// What it is about.
    pub operation: Operation,
    /// `НомерВерсии`: compared for equality only.
    pub version: Option<String>,
    /// `ПометкаУдаления`, as an element or (older) as a requisite.
    pub deleted: Option<bool>,
    /// `Основание`: the order that a payment or a shipment belongs to.
    pub basis: Option<String>,
    /// `Валюта`, as 1C writes it: `руб`, `RUB`, `643`.
    pub currency: Option<String>,
    /// `Сумма`: what the document comes to.
    pub total: Option<Decimal>,
    /// `Комментарий`: text for people.
    pub comment: Option<String>,
    /// `Контрагенты`: who buys, and who sells.
    pub counterparties: Vec<Counterparty>,
    /// `Склады`: the warehouses that the goods are taken from.
    pub warehouses: Vec<WarehouseRef>,
    /// `Налоги` of the whole document.
    pub taxes: Vec<Tax>,
    /// `Скидки` of the whole document: the name, the sum, and whether the sum holds it already.
    pub discounts: Vec<(String, Decimal, Option<bool>)>,
    /// `Товары`; none if the file does not speak of lines.
    pub lines: Option<Vec<Line>>,
    /// `ЗначенияРеквизитов` of the document itself.
    pub requisites: Requisites,
    /// `Ид` and `Наименование` of `Статус`, which no schema knows and some bases write: they count
    /// where no requisite tells a status.
    pub status: [Option<String>; 2],
    /// `ПодчиненныеДокументы` (from 2.10 on, on request).
    pub subordinates: Vec<Subordinate>,
}

/// A payment or a shipment inside its order.
pub type Subordinate = Document;

/// `Контейнер`: an order with its payments and shipments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its documents, in the file's order. One that cannot be read is a fault of the whole package.
    pub documents: Vec<Document>,
}

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `Ид`: 1C's GUID, or `GUID#GUID` with the characteristic; `ORDER_DELIVERY` for the delivery.
    pub id: Option<String>,
    /// `Артикул`: the article of the goods.
    pub sku: Option<String>,
    /// `Штрихкод`: the barcode of the goods.
    pub barcode: Option<String>,
    /// `Наименование`: the name of the goods or the service.
    pub name: String,
    /// The unit's short name.
    pub unit: Option<String>,
    /// The unit's code (ОКЕИ).
    pub unit_code: Option<String>,
    /// `ЦенаЗаЕдиницу`, or `Цена`: with the discount taken off.
    pub price: Option<Decimal>,
    /// `Количество`: how many units.
    pub quantity: Decimal,
    /// `Сумма`: what the line comes to.
    pub sum: Option<Decimal>,
    /// `Налоги` of the line.
    pub taxes: Vec<Tax>,
    /// `Скидки` of the line: the name, the sum, and whether the line's sum holds it already.
    pub discounts: Vec<(String, Decimal, Option<bool>)>,
    /// Whether it is a service and no goods (`ТипНоменклатуры`).
    pub is_service: bool,
    /// `ЗначенияРеквизитов` of the line: name and value.
    pub requisites: Requisites,
}

/// A tax that a document, or a line of one, holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// `Наименование`: the tax's name, as `НДС`.
    pub name: String,
    /// Whether the sums hold it already; none if that is not said.
    pub included: Option<bool>,
    /// `Сумма`: what the tax comes to.
    pub sum: Option<Decimal>,
    /// Its rate in per cent; none for "Без НДС" and where there is none.
    pub rate: Option<Decimal>,
}

/// A warehouse that a document names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseRef {
    /// Its id in 1C.
    pub id: Option<String>,
    /// `Наименование`: the warehouse's name in 1C.
    pub name: String,
}

pub(super) fn package(element: &Element) -> Result<Package, Fault> {
    let mut documents = Vec::new();
    for one in element.all("Документ") {
        documents.push(document(one)?);
    }
    if documents.is_empty() {
        return Err(Fault::item(FileFault::NoDocument {
            element: told(element),
        }));
    }
    Ok(Package { documents })
}

pub(super) fn document(element: &Element) -> Result<Document, Fault> {
    let requisites = Requisites::of(element);
    let (id, number) = (element.given("Ид"), element.given("Номер"));
    let onec_number = element
        .given("Номер1С")
        .or_else(|| requisites.get(&["Номер по 1С"]).map(str::to_owned));
    if id.is_none() && number.is_none() && onec_number.is_none() {
        return Err(Fault::lacks_both(element, "Ид", "Номер"));
    }
    readable(element, &requisites)?;
    let onec_date =
        Moment::parse(element.text_of("Дата1С")).or_else(|| requisites.moment(&["Дата по 1С"]));
    let date =
        Moment::parse(element.text_of("Дата")).map(|date| date.with_time(element.text_of("Время")));
    let deleted = element
        .truth_of("ПометкаУдаления")
        .or_else(|| requisites.truth(&["ПометкаУдаления"]));
    let lines = match element.child("Товары") {
        Some(_) => Some(all(element.list("Товары", "Товар"), line)?),
        None => None,
    };
    let subordinates = element.list("ПодчиненныеДокументы", "ПодчиненныйДокумент");
    Ok(Document {
        id,
        number,
        onec_number,
        onec_date,
        date,
        operation: Operation::parse(element.text_of("ХозОперация")),
        version: element.given("НомерВерсии"),
        deleted,
        basis: element.given("Основание"),
        currency: element.given("Валюта"),
        total: element.number_of("Сумма")?,
        comment: element.given("Комментарий"),
        counterparties: element
            .list("Контрагенты", "Контрагент")
            .map(counterparty)
            .collect(),
        warehouses: element.list("Склады", "Склад").map(warehouse).collect(),
        taxes: all(element.list("Налоги", "Налог"), tax)?,
        discounts: all(element.list("Скидки", "Скидка"), discount)?,
        lines,
        status: element.child("Статус").map_or([None, None], status),
        subordinates: all(subordinates, document)?,
        requisites,
    })
}

/// Requisites that tell the order's status: its code, and its name.
const STATUS_ID: [&str; 2] = ["Статуса заказа ИД", "Статус заказа ИД"];
const STATUS_NAME: [&str; 1] = ["Статус заказа"];
/// Requisites that are acted upon, and say yes or no.
const TRUTHS: [&str; 7] = [
    "ПометкаУдаления",
    "Отменен",
    "Проведен",
    "Оплачено",
    "Отгружено",
    "Отгружен",
    "Признак возврата",
];
/// Requisites that are acted upon, and name a day.
const DATES: [&str; 5] = [
    "Дата по 1С",
    "Дата оплаты",
    "Дата оплаты по 1С",
    "Дата отгрузки",
    "Дата отгрузки по 1С",
];

/// What cannot be read is a fault of its document: taken as absent it would say another thing.
fn readable(element: &Element, requisites: &Requisites) -> Result<(), Fault> {
    let inside = |name| (name, element.text_of(name));
    let said = |name| (name, requisites.get(&[name]).unwrap_or_default());
    let truths = TRUTHS.map(said).into_iter();
    let mut truths = truths.chain([inside("ПометкаУдаления")]);
    let odd = truths.find(|(_, text)| !text.is_empty() && truth(text).is_none());
    if let Some((name, text)) = odd {
        return Err(Fault::item(FileFault::NoTruth {
            element: told(element),
            name: name.to_owned(),
            text: excerpt(text),
        }));
    }
    let dates = DATES.map(said).into_iter();
    let mut dates = dates.chain(["Дата", "Дата1С"].map(inside));
    match dates.find(|(_, text)| Moment::is_odd(text)) {
        Some((name, text)) => Err(Fault::item(FileFault::NoDate {
            element: told(element),
            name: name.to_owned(),
            text: excerpt(text),
        })),
        None => Ok(()),
    }
}

fn all<'a, T>(
    elements: impl Iterator<Item = &'a Element>,
    read: impl Fn(&Element) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    elements.map(read).collect()
}

fn line(element: &Element) -> Result<Line, Fault> {
    let requisites = Requisites::of(element);
    let price = match element.number_of("ЦенаЗаЕдиницу")? {
        Some(price) => Some(price),
        None => element.number_of("Цена")?,
    };
    let quantity = element.number_of("Количество")?;
    let sum = element.number_of("Сумма")?;
    let id = element.given("Ид");
    let name = element.text_of("Наименование").to_owned();
    if id.is_none() && name.is_empty() {
        return Err(Fault::lacks_both(element, "Ид", "Наименование"));
    }
    let quantity = quantity.ok_or_else(|| Fault::lacks(element, "Количество"))?;
    let kind = requisites.get(&["ТипНоменклатуры"]).unwrap_or_default();
    let is_service =
        folded(kind) == "услуга" || id.as_deref().is_some_and(|id| id.starts_with("ORDER_"));
    let (unit, unit_code) = unit(element);
    let mut taxes = all(element.list("Налоги", "Налог"), tax)?;
    let rates = element.list("СтавкиНалогов", "СтавкаНалога");
    for rate in all(rates, tax)? {
        match taxes.iter_mut().find(|tax| tax.name == rate.name) {
            Some(tax) => tax.rate = tax.rate.or(rate.rate),
            None => taxes.push(rate),
        }
    }
    Ok(Line {
        id,
        sku: element.given("Артикул"),
        barcode: element.given("Штрихкод"),
        name,
        unit,
        unit_code,
        price,
        quantity,
        sum,
        taxes,
        discounts: all(element.list("Скидки", "Скидка"), discount)?,
        is_service,
        requisites,
    })
}

/// The unit's short name and its code: `БазоваяЕдиница` with attributes, or `Единица` as a tree.
fn unit(element: &Element) -> (Option<String>, Option<String>) {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if let Some(unit) = element.child("Единица") {
        let name = unit
            .given("НаименованиеКраткое")
            .or_else(|| unit.given("НаименованиеПолное"))
            .or_else(|| given(&unit.text));
        return (name, unit.given("Код"));
    }
    let Some(unit) = element.child("БазоваяЕдиница") else {
        return (None, None);
    };
    let attribute = |name: &str| unit.attribute(name).and_then(given);
    let name = given(&unit.text).or_else(|| attribute("НаименованиеПолное"));
    (name, attribute("Код"))
}

fn tax(element: &Element) -> Result<Tax, Fault> {
    let rate = element.text_of("Ставка");
    Ok(Tax {
        name: element.text_of("Наименование").to_owned(),
        included: element
            .truth_of("УчтеноВСумме")
            .or_else(|| element.truth_of("УчтенВСумме")),
        sum: element.number_of("Сумма")?,
        rate: super::value::number(rate),
    })
}

fn discount(element: &Element) -> Result<(String, Decimal, Option<bool>), Fault> {
    let name = element.text_of("Наименование").to_owned();
    let sum = element.number_of("Сумма")?.unwrap_or_default();
    Ok((name, sum, element.truth_of("УчтеноВСумме")))
}

fn status(element: &Element) -> [Option<String>; 2] {
    let bare = || Some(element.text.clone()).filter(|text| !text.is_empty());
    let name = element.given("Наименование").or_else(bare);
    [element.given("Ид"), name]
}

fn warehouse(element: &Element) -> WarehouseRef {
    WarehouseRef {
        id: element.given("Ид"),
        name: element.text_of("Наименование").to_owned(),
    }
}

impl Document {
    /// `Статуса заказа ИД`: the status's code.
    pub fn status_id(&self) -> Option<&str> {
        let own = || self.status[0].as_deref().filter(|_| !self.tells_status());
        self.requisites.get(&STATUS_ID).or_else(own)
    }

    /// Whether a requisite tells a status.
    fn tells_status(&self) -> bool {
        let told = [&STATUS_ID[..], &STATUS_NAME].map(|names| self.requisites.get(names));
        told.iter().any(Option::is_some)
    }

    /// `Статус заказа`: the status's name, without the leading `[P] ` that sites put there.
    pub fn status_name(&self) -> Option<&str> {
        let own = || self.status[1].as_deref().filter(|_| !self.tells_status());
        let name = self.requisites.get(&STATUS_NAME).or_else(own)?;
        let plain = name
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map_or(name, |(_, rest)| rest.trim());
        (!plain.is_empty()).then_some(plain)
    }

    /// `Отменен`, as a requisite.
    pub fn cancelled(&self) -> Option<bool> {
        self.requisites.truth(&["Отменен"])
    }

    /// When 1C says that it was paid: `Дата оплаты по 1С`; none for an empty date.
    pub fn paid_at(&self) -> Option<Moment> {
        self.requisites.moment(&["Дата оплаты по 1С"])
    }

    /// When 1C says that it was shipped: `Дата отгрузки по 1С`; none for an empty date.
    pub fn shipped_at(&self) -> Option<Moment> {
        self.requisites.moment(&["Дата отгрузки по 1С"])
    }

    /// Whether it is posted in 1C: `Проведен`.
    pub fn posted(&self) -> Option<bool> {
        self.requisites.truth(&["Проведен"])
    }

    /// The sum that lines and taxes come to: what is not in the lines' sums is added. None if the
    /// file does not speak of lines, or a line has neither a sum nor a price.
    pub fn sum_of_lines(&self) -> Option<Decimal> {
        let mut sum = Decimal::ZERO;
        for line in self.lines.as_deref()? {
            let product = line
                .price
                .and_then(|price| price.checked_mul(line.quantity));
            sum = sum.checked_add(line.sum.or(product)?)?;
        }
        let added = |tax: &&Tax| tax.included == Some(false);
        for tax in self.taxes.iter().filter(added) {
            sum = sum.checked_add(tax.sum.unwrap_or_default())?;
        }
        Some(sum)
    }
}
