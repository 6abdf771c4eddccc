//! Products, offers, prices and stock.
//!
//! A quantity that is not given is not zero: an offer without one says nothing of stock.

use super::{
    Element, Fault, Head, Requisites,
    value::{number, truth},
};
use crate::domain::happening::FileFault;
use rust_decimal::Decimal;

/// A group of the classifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `Ид`: 1C's GUID of the group.
    pub id: String,
    /// `Наименование`: the group's name.
    pub name: String,
    /// `Группы`: the groups in it, each with its own.
    pub groups: Vec<Self>,
}

/// A property that products may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// `Ид`: 1C's GUID of the property.
    pub id: String,
    /// `Наименование`: the property's name.
    pub name: String,
    /// The values it may have, by their ids.
    pub values: Vec<(String, String)>,
}

/// A product of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// `Ид`: 1C's GUID, with `#` and the characteristic's where it is one.
    pub id: String,
    /// `Артикул`: the article.
    pub sku: Option<String>,
    /// `Штрихкод`: every barcode.
    pub barcodes: Vec<String>,
    /// `Наименование`: the product's name.
    pub name: String,
    /// `Описание`: the product's description; may be HTML.
    pub description: Option<String>,
    /// The unit's short name.
    pub unit: Option<String>,
    /// `Группы/Ид`: the groups that it stands in.
    pub groups: Vec<String>,
    /// Rates of taxes, as they are written: `18`, `Без НДС`.
    pub tax_rates: Vec<(String, String)>,
    /// `Картинка`: names of files, in the file's order; `None`: a catalogue of changes names none,
    /// and so says nothing of them.
    pub pictures: Option<Vec<String>>,
    /// Values of properties by the properties' ids.
    pub properties: Vec<(String, String)>,
    /// `ЗначенияРеквизитов`: name and value.
    pub requisites: Requisites,
    /// Whether it is withdrawn: `Статус` "Удален", as an attribute or a child, or a deletion mark.
    pub deleted: bool,
}

/// What a package of offers says before its offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageHead {
    /// `СодержитТолькоИзменения`: whether offers that are missing keep what they had. A package of
    /// changes by its name says so, too; none if the file does not tell.
    pub only_changes: Option<bool>,
}

/// A type of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceType {
    /// `Ид`: 1C's GUID of the price type.
    pub id: String,
    /// `Наименование`: the price type's name.
    pub name: String,
    /// Its currency, as 1C writes it.
    pub currency: Option<String>,
    /// Whether its prices hold the tax.
    pub tax_included: Option<bool>,
}

/// A warehouse of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warehouse {
    /// `Ид`: 1C's GUID of the warehouse.
    pub id: String,
    /// `Наименование`: the warehouse's name.
    pub name: String,
}

/// Prices and stock of a product, or of one of its characteristics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// `Ид`: the product's, with `#` and the characteristic's where it is one.
    pub id: String,
    /// `Наименование`: the name of what is offered.
    pub name: Option<String>,
    /// `Артикул`: the article.
    pub sku: Option<String>,
    /// `Штрихкод`: every barcode.
    pub barcodes: Vec<String>,
    /// The characteristic's properties: name and value.
    pub characteristics: Vec<(String, String)>,
    /// `Цены`: the price of each type, of the fewest pieces.
    pub prices: Vec<Price>,
    /// Its stock; empty if the file does not speak of it.
    pub rests: Vec<Rest>,
    /// Whether it is withdrawn; `None`: prices and stock alone say nothing of that.
    pub deleted: Option<bool>,
}

/// A price of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The price type's id.
    pub price_type: Option<String>,
    /// The price of one unit.
    pub price: Decimal,
    /// Its currency, as 1C writes it.
    pub currency: Option<String>,
    /// The unit of measure that the price is of.
    pub unit: Option<String>,
    /// From what quantity on it holds.
    pub from_quantity: Option<Decimal>,
}

/// How much there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// In which warehouse; none for all together.
    pub warehouse: Option<String>,
    /// How much there is; 1C may say less than zero.
    pub quantity: Decimal,
}

/// Deeper groups than this are no groups of goods.
const MOST_DEPTH: usize = 32;

pub(super) fn group(element: &Element) -> Result<Group, Fault> {
    nested_group(element, 0)
}

fn nested_group(element: &Element, depth: usize) -> Result<Group, Fault> {
    if depth > MOST_DEPTH {
        return Err(Fault::item(FileFault::TooDeep));
    }
    let inner = element.list("Группы", "Группа");
    Ok(Group {
        id: required(element, "Ид")?,
        name: element.text_of("Наименование").to_owned(),
        groups: inner
            .map(|one| nested_group(one, depth + 1))
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn property(element: &Element) -> Result<Property, Fault> {
    let mut values = Vec::new();
    for one in element.list("ВариантыЗначений", "Справочник") {
        let id = one.text_of("ИдЗначения").to_owned();
        values.push((id, one.text_of("Значение").to_owned()));
    }
    Ok(Property {
        id: required(element, "Ид")?,
        name: element.text_of("Наименование").to_owned(),
        values,
    })
}

pub(super) fn product(element: &Element, head: &Head) -> Result<Product, Fault> {
    let pictures = texts(element, "Картинка");
    let silent = pictures.is_empty() && head.only_changes == Some(true);
    let groups = element.all("Группы").flat_map(|group| group.all("Ид"));
    let rates = element.list("СтавкиНалогов", "СтавкаНалога");
    let unit = element
        .child("БазоваяЕдиница")
        .or_else(|| element.child("Единица"));
    let unit = unit.map(|unit| match unit.text.as_str() {
        "" => unit
            .attribute("НаименованиеПолное")
            .unwrap_or_else(|| unit.text_of("НаименованиеПолное"))
            .to_owned(),
        text => text.to_owned(),
    });
    Ok(Product {
        id: required(element, "Ид")?,
        sku: element.given("Артикул"),
        barcodes: texts(element, "Штрихкод"),
        name: element.text_of("Наименование").to_owned(),
        description: element.given("Описание"),
        unit: unit.filter(|unit| !unit.is_empty()),
        groups: groups.map(|id| id.text.clone()).collect(),
        tax_rates: rates
            .map(|one| pair(one, "Наименование", "Ставка"))
            .collect(),
        pictures: (!silent).then_some(pictures),
        properties: element
            .list("ЗначенияСвойств", "ЗначенияСвойства")
            .map(|one| pair(one, "Ид", "Значение"))
            .collect(),
        requisites: Requisites::of(element),
        deleted: deleted(element) == Some(true),
    })
}

/// What a package says of itself; none if the element is no package of offers.
pub(super) fn package_head(path: &[String], element: &Element) -> Option<PackageHead> {
    if !path.is_empty() {
        return None;
    }
    let by_name = match element.name.as_str() {
        "ПакетПредложений" => None,
        "ИзмененияПакетаПредложений" => Some(true),
        _ => return None,
    };
    let declared = element.attribute("СодержитТолькоИзменения").and_then(truth);
    Some(PackageHead {
        only_changes: declared.or(by_name),
    })
}

pub(super) fn price_type(element: &Element) -> Result<PriceType, Fault> {
    let tax = element.child("Налог");
    Ok(PriceType {
        id: required(element, "Ид")?,
        name: element.text_of("Наименование").to_owned(),
        currency: element.given("Валюта"),
        tax_included: tax.and_then(|tax| tax.truth_of("УчтеноВСумме")),
    })
}

pub(super) fn warehouse(element: &Element) -> Result<Warehouse, Fault> {
    Ok(Warehouse {
        id: required(element, "Ид")?,
        name: element.text_of("Наименование").to_owned(),
    })
}

pub(super) fn offer(element: &Element, head: &Head) -> Result<Offer, Fault> {
    let name = element.given("Наименование");
    let characteristics = element.list("ХарактеристикиТовара", "ХарактеристикаТовара");
    let characteristics: Vec<(String, String)> = characteristics
        .map(|one| pair(one, "Наименование", "Значение"))
        .collect();
    let whole = name.is_some() || !characteristics.is_empty();
    Ok(Offer {
        id: required(element, "Ид")?,
        name,
        sku: element.given("Артикул"),
        barcodes: texts(element, "Штрихкод"),
        characteristics,
        prices: prices(element, head)?,
        rests: rests(element, head)?,
        deleted: deleted(element).or(whole.then_some(false)),
    })
}

/// The prices of an offer, one of each type: of several by quantity that of the fewest pieces, of
/// others the last one. A type without a figure says nothing.
fn prices(element: &Element, head: &Head) -> Result<Vec<Price>, Fault> {
    let mut prices: Vec<Price> = Vec::new();
    for one in element.list("Цены", "Цена") {
        let text = one.text_of("ЦенаЗаЕдиницу");
        if text.is_empty() {
            continue;
        }
        let price =
            amount(text, head).ok_or_else(|| Fault::no_number(element, "ЦенаЗаЕдиницу", text))?;
        let from_quantity = match one.number_of("МинКоличество")? {
            Some(from) => Some(from),
            None => one.number_of("КоличествоОт")?,
        };
        let price = Price {
            price_type: one.given("ИдТипаЦены"),
            price,
            currency: one.given("Валюта"),
            unit: one.given("Единица"),
            from_quantity,
        };
        let from = from_quantity.unwrap_or_default();
        let mut known = prices.iter_mut();
        match known.find(|known| known.price_type == price.price_type) {
            Some(known) if known.from_quantity.unwrap_or_default() < from => {}
            Some(known) => *known = price,
            None => prices.push(price),
        }
    }
    Ok(prices)
}

/// The stock of an offer in each of the shapes that files have.
///
/// Figures by warehouse win over a figure of all together that stands beside them.
fn rests(element: &Element, head: &Head) -> Result<Vec<Rest>, Fault> {
    let read = |text: &str| {
        amount(text, head).ok_or_else(|| Fault::no_number(element, "Количество", text))
    };
    let (mut by_warehouse, mut together) = (Vec::new(), None);
    for warehouse in element.all("Склад") {
        let text = warehouse.attribute("КоличествоНаСкладе");
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let id = warehouse.attribute("ИдСклада").unwrap_or_default();
            by_warehouse.push((id.to_owned(), read(text)?));
        }
    }
    for rest in element.list("Остатки", "Остаток") {
        for warehouse in rest.all("Склад") {
            let text = warehouse.text_of("Количество");
            if !text.is_empty() {
                by_warehouse.push((warehouse.text_of("Ид").to_owned(), read(text)?));
            }
        }
        let text = match rest.text_of("Количество") {
            "" if rest.children.is_empty() => &rest.text,
            text => text,
        };
        if !text.is_empty() {
            together = Some(read(text)?);
        }
    }
    let own = element.text_of("Количество");
    if !own.is_empty() && together.is_none() {
        together = Some(read(own)?);
    }
    if by_warehouse.is_empty() {
        let one = together.map(|quantity| Rest {
            warehouse: None,
            quantity,
        });
        return Ok(one.into_iter().collect());
    }
    let of = |(id, quantity): (String, Decimal)| Rest {
        warehouse: (!id.is_empty()).then_some(id),
        quantity,
    };
    Ok(by_warehouse.into_iter().map(of).collect())
}

/// A number with the decimal separator that the file declares, else as it is written.
///
/// Files declare one separator and write another, so the declaration decides only where a text can
/// be read both ways: `1.234` is 1234 in a file that declares a comma.
fn amount(text: &str, head: &Head) -> Option<Decimal> {
    let other = match head.decimal {
        Some(',') => '.',
        Some('.') => ',',
        _ => return number(text),
    };
    if groups_thousands(text.trim(), other) {
        return number(&text.replace(other, ""));
    }
    number(text)
}

/// Whether the separator stands only where thousands are grouped: `1.234`, `12.345.678`.
fn groups_thousands(text: &str, separator: char) -> bool {
    let mut groups = text.split(separator);
    let first = groups.next().unwrap_or_default().trim_start_matches('-');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut later = groups.peekable();
    later.peek().is_some()
        && (1..=3).contains(&first.len())
        && digits(first)
        && later.all(|group| group.len() == 3 && digits(group))
}

fn required(element: &Element, name: &str) -> Result<String, Fault> {
    element
        .given(name)
        .ok_or_else(|| Fault::lacks(element, name))
}

fn texts(element: &Element, name: &str) -> Vec<String> {
    let all = element.all(name).map(|one| one.text.clone());
    all.filter(|text| !text.is_empty()).collect()
}

fn pair(element: &Element, key: &str, value: &str) -> (String, String) {
    (
        element.text_of(key).to_owned(),
        element.text_of(value).to_owned(),
    )
}

/// Whether an element is marked as withdrawn; `None`: it has no such mark.
fn deleted(element: &Element) -> Option<bool> {
    let status = element
        .attribute("Статус")
        .unwrap_or_else(|| element.text_of("Статус"));
    let by_status = (!status.is_empty()).then_some(status == "Удален");
    let by_mark = element.truth_of("ПометкаУдаления");
    match (by_status, by_mark) {
        (Some(one), Some(other)) => Some(one || other),
        (one, other) => one.or(other),
    }
}
