//! The site's orders, read as strictly as trade modules read them.

use super::{Trouble, trouble};
use roxmltree::{Document, Node};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// An order that the base has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// `Ид`, as the site sent it.
    pub id: String,
    /// `Номер`, as the site sent it.
    pub number: String,
    /// `Номер1С`, as the site gives it back.
    pub onec_number: Option<String>,
    /// `ХозОперация`: what the document is about.
    pub operation: String,
    /// `Основание`: of a return the document by which the goods went.
    pub basis: Option<String>,
    /// `НомерВерсии`, as the site last sent it.
    pub version: Option<String>,
    /// `Валюта`, as the site wrote it.
    pub currency: String,
    /// `Сумма` of the document.
    pub total: Decimal,
    /// `ПометкаУдаления`: whether the site has marked it for deletion.
    pub deleted: bool,
    /// `Наименование` of the buyer.
    pub buyer: String,
    /// The buyer's `ИНН` and `КПП`.
    pub tax_numbers: Option<(String, String)>,
    /// `Налоги` of the document, as they came.
    pub taxes: String,
    /// What was ordered, line by line.
    pub lines: Vec<Line>,
    /// The document's requisites by name.
    pub requisites: BTreeMap<String, String>,
    /// `ХозОперация` of the payments and shipments that came with it.
    pub documents: Vec<String>,
    /// How often it came.
    pub times: usize,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `Ид` of the goods, as the site sent it.
    pub id: String,
    /// `Наименование` of the goods.
    pub name: String,
    /// `Количество`: how many units.
    pub quantity: Decimal,
    /// `Сумма` of the line.
    pub sum: Decimal,
}

/// The base's own clock, which stands in Moscow.
#[expect(clippy::disallowed_methods, reason = "the base's own clock")]
pub(super) fn moscow() -> chrono::NaiveDateTime {
    (chrono::Utc::now() + chrono::TimeDelta::hours(3)).naive_utc()
}

/// A file with one order and its status, in the order of elements that trade configurations write.
pub(super) fn with_status(order: &Kept, status: &str) -> String {
    let formed = moscow().format("%Y-%m-%dT%H:%M:%S");
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let (id, number, status) = (plain(&order.id), plain(&order.number), plain(status));
    let version = order.times;
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <КоммерческаяИнформация xmlns=\"urn:1C.ru:commerceml_2\" ВерсияСхемы=\"2.09\" \
         ДатаФормирования=\"{formed}\" Ид=\"1\"><Документ><Ид>{id}</Ид>\
         <НомерВерсии>AAAAAAA{version}</НомерВерсии><ПометкаУдаления>false</ПометкаУдаления>\
         <Номер>{number}</Номер><Номер1С>ТД-{number}</Номер1С><Дата>2026-11-26</Дата>\
         <Дата1С>2026-11-26</Дата1С><Время>12:00:00</Время><ХозОперация>Заказ товара</ХозОперация>\
         <Роль>Продавец</Роль><ЗначенияРеквизитов><ЗначениеРеквизита>\
         <Наименование>Статуса заказа ИД</Наименование><Значение>{status}</Значение>\
         </ЗначениеРеквизита></ЗначенияРеквизитов></Документ></КоммерческаяИнформация>"
    )
}

/// A return of goods: a document of its own.
const RETURN: &str = "Возврат товара";

/// The form that a version asks for.
struct Form {
    /// Hundredths, so that 2.1 is 2.10: (major, minor).
    version: (u32, u32),
    containers: bool,
    subordinate: bool,
}

pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let minor: u32 = match minor.len() {
        1 => minor.parse::<u32>().ok()? * 10,
        _ => minor.parse().ok()?,
    };
    Some((major.parse().ok()?, minor))
}

/// Reads an answer to `query`.
pub(super) fn read(
    file: &str,
    asked: Option<&str>,
    subordinate: bool,
) -> Result<Vec<Kept>, Trouble> {
    let document =
        Document::parse(file).map_err(|error| Trouble(format!("Ошибка разбора XML: {error}")))?;
    let root = document.root_element();
    if !root.has_tag_name("КоммерческаяИнформация") {
        return trouble(format!("корень файла: {}", root.tag_name().name()));
    }
    let spoken = root.attribute("ВерсияСхемы").and_then(version);
    let Some(spoken) = spoken else {
        return trouble("нет ВерсияСхемы");
    };
    let most = asked.and_then(version).unwrap_or((2, 5));
    if spoken > most {
        return trouble(format!("версия {spoken:?} новее запрошенной {most:?}"));
    }
    if root
        .attribute("ДатаФормирования")
        .is_none_or(|at| at.len() < 19)
    {
        return trouble("нет ДатаФормирования");
    }
    let form = Form {
        version: spoken,
        containers: spoken >= (3, 0) && !subordinate,
        subordinate: subordinate && spoken >= (2, 10),
    };
    let mut found: Vec<Kept> = Vec::new();
    for child in root.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "Контейнер" if form.containers => found.push(container(child, &form)?),
            "Документ" if !form.containers => document_alone(child, &form, &mut found)?,
            other => return trouble(format!("модуль этой версии не ждёт {other}")),
        }
    }
    Ok(found)
}

fn container(node: Node<'_, '_>, form: &Form) -> Result<Kept, Trouble> {
    let mut found = Vec::new();
    for child in node.children().filter(Node::is_element) {
        document_alone(child, form, &mut found)?;
    }
    match <[Kept; 1]>::try_from(found) {
        Ok([order]) => Ok(order),
        Err(found) => trouble(format!("в контейнере {} заказов", found.len())),
    }
}

/// A document: an order, or a payment or shipment of the order before it.
fn document_alone(node: Node<'_, '_>, form: &Form, found: &mut Vec<Kept>) -> Result<(), Trouble> {
    let operation = text(node, "ХозОперация")?;
    if operation == "Заказ товара" || operation == RETURN {
        found.push(order(node, operation, form)?);
        return Ok(());
    }
    if form.version < (2, 10) {
        return trouble(format!("модуль этой версии не ждёт документ {operation}"));
    }
    belongs(node, &operation, form)?;
    let basis = text(node, "Основание")?;
    let Some(order) = found.iter_mut().find(|order| order.id == basis) else {
        return trouble(format!("документ {operation} без своего заказа {basis}"));
    };
    order.documents.push(operation);
    Ok(())
}

/// What a payment or a shipment must have.
fn belongs(node: Node<'_, '_>, operation: &str, form: &Form) -> Result<(), Trouble> {
    let known = [
        "Выплата безналичных денег",
        "Выплата наличных денег",
        "Эквайринговая операция",
        "Отпуск товара",
    ];
    if !known.contains(&operation) {
        return trouble(format!("неизвестная хозоперация {operation}"));
    }
    for name in [
        "Ид",
        "Номер",
        "Дата",
        "Время",
        "Роль",
        "Валюта",
        "Сумма",
        "НомерВерсии",
    ] {
        text(node, name)?;
    }
    if operation == "Отпуск товара" {
        lines(node, form)?;
    }
    requisites(node, form).map(drop)
}

fn order(node: Node<'_, '_>, operation: String, form: &Form) -> Result<Kept, Trouble> {
    let basis = optional(node, "Основание");
    if operation != RETURN && basis.is_some() {
        return trouble("у заказа есть Основание");
    }
    for (name, value) in [("Роль", "Продавец"), ("Курс", "1")] {
        if text(node, name)? != value {
            return trouble(format!("{name} не {value}"));
        }
    }
    let (date, time) = (text(node, "Дата")?, text(node, "Время")?);
    if date.len() != 10 || time.len() != 8 {
        return trouble(format!("дата {date} {time}"));
    }
    let deleted = optional(node, "ПометкаУдаления").is_some_and(|mark| mark == "true");
    let version = optional(node, "НомерВерсии");
    if form.version >= (2, 6) && version.is_none() {
        return trouble("нет НомерВерсии");
    }
    let buyer = buyer(node, form)?;
    let lines = lines(node, form)?;
    let total = number(node, "Сумма")?;
    if !deleted {
        sums(node, &lines, total)?;
    }
    let mut documents = Vec::new();
    if let Some(group) = child(node, "ПодчиненныеДокументы") {
        if !form.subordinate {
            return trouble("модуль этой версии не ждёт ПодчиненныеДокументы");
        }
        for one in group.children().filter(Node::is_element) {
            let operation = text(one, "ХозОперация")?;
            belongs(one, &operation, form)?;
            documents.push(operation);
        }
    }
    let requisites = requisites(node, form)?;
    if requisites
        .get("Отменен")
        .is_none_or(|flag| !["true", "false"].contains(&flag.as_str()))
    {
        return trouble("нет реквизита Отменен");
    }
    let numbers = (optional(buyer, "ИНН"), optional(buyer, "КПП"));
    Ok(Kept {
        id: text(node, "Ид")?,
        number: text(node, "Номер")?,
        onec_number: optional(node, "Номер1С"),
        operation,
        basis,
        version,
        currency: text(node, "Валюта")?,
        total,
        deleted,
        buyer: text(buyer, "Наименование")?,
        tax_numbers: numbers.0.zip(numbers.1),
        taxes: child(node, "Налоги").map_or_else(String::new, as_it_came),
        lines,
        requisites,
        documents,
        times: 0,
    })
}

/// The line sums, and the taxes that are not in them, come to the total: to the kopeck.
fn sums(node: Node<'_, '_>, lines: &[Line], total: Decimal) -> Result<(), Trouble> {
    let mut sum: Decimal = lines.iter().map(|line| line.sum).sum();
    let taxes = child(node, "Налоги");
    for tax in taxes
        .into_iter()
        .flat_map(|taxes| taxes.children().filter(Node::is_element))
    {
        match text(tax, "УчтеноВСумме")?.as_str() {
            "true" => {}
            "false" => sum += number(tax, "Сумма")?,
            other => return trouble(format!("УчтеноВСумме: {other}")),
        }
    }
    if sum != total {
        return trouble(format!(
            "сумма строк {sum} не равна сумме документа {total}"
        ));
    }
    Ok(())
}

fn buyer<'a, 'i>(node: Node<'a, 'i>, form: &Form) -> Result<Node<'a, 'i>, Trouble> {
    let group = child(node, "Контрагенты").and_then(|group| child(group, "Контрагент"));
    let Some(buyer) = group else {
        return trouble("в заказе нет контрагента");
    };
    if text(buyer, "Роль")? != "Покупатель" {
        return trouble("контрагент не покупатель");
    }
    let kinds = if form.version >= (2, 6) {
        ["Телефон рабочий", "Электронная почта"]
    } else {
        ["ТелефонРабочий", "Почта"]
    };
    if let Some(contacts) = child(buyer, "Контакты") {
        for contact in contacts.children().filter(Node::is_element) {
            let kind = text(contact, "Тип")?;
            if !kinds.contains(&kind.as_str()) {
                return trouble(format!("модуль этой версии не знает контакт {kind}"));
            }
        }
    }
    Ok(buyer)
}

fn lines(node: Node<'_, '_>, form: &Form) -> Result<Vec<Line>, Trouble> {
    let Some(group) = child(node, "Товары") else {
        return trouble("нет Товары");
    };
    let mut found = Vec::new();
    for one in group.children().filter(Node::is_element) {
        let (price, quantity, sum) = (
            number(one, "ЦенаЗаЕдиницу")?,
            number(one, "Количество")?,
            number(one, "Сумма")?,
        );
        let allowed = Decimal::new(1, 2) + quantity.abs() * Decimal::new(1, 4);
        if (price * quantity - sum).abs() > allowed {
            return trouble(format!("цена {price} × {quantity} не даёт {sum}"));
        }
        let unit = if form.version >= (2, 6) {
            "Единица"
        } else {
            "БазоваяЕдиница"
        };
        if child(one, unit).is_none() {
            return trouble(format!("у товара нет {unit}"));
        }
        let marks = requisites(one, form)?;
        let id = text(one, "Ид")?;
        let kind = marks.get("ТипНоменклатуры").map(String::as_str);
        if kind.is_none() || id == "ORDER_DELIVERY" && kind != Some("Услуга") {
            return trouble(format!("ТипНоменклатуры товара {id}: {kind:?}"));
        }
        let name = text(one, "Наименование")?;
        found.push(Line {
            id,
            name,
            quantity,
            sum,
        });
    }
    Ok(found)
}

fn requisites(node: Node<'_, '_>, form: &Form) -> Result<BTreeMap<String, String>, Trouble> {
    let mut found = BTreeMap::new();
    let Some(group) = child(node, "ЗначенияРеквизитов") else {
        return Ok(found);
    };
    for one in group.children().filter(Node::is_element) {
        let name = text(one, "Наименование")?;
        let value = optional(one, "Значение").unwrap_or_default();
        let is_date = name.starts_with("Дата");
        let iso = value.len() == 19 && value.as_bytes().get(10) == Some(&b'T');
        if is_date && iso != (form.version >= (2, 10)) {
            return trouble(format!("дата {name} в чужом виде: {value}"));
        }
        if found.insert(name.clone(), value).is_some() {
            return trouble(format!("реквизит {name} стоит дважды"));
        }
    }
    Ok(found)
}

fn as_it_came(node: Node<'_, '_>) -> String {
    let text = node.document().input_text();
    text.get(node.range()).unwrap_or_default().to_owned()
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn optional(node: Node<'_, '_>, name: &str) -> Option<String> {
    let text = child(node, name)?.text().unwrap_or_default().trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn text(node: Node<'_, '_>, name: &str) -> Result<String, Trouble> {
    let found = optional(node, name);
    found.map_or_else(
        || trouble(format!("{}: нет {name}", node.tag_name().name())),
        Ok,
    )
}

fn number(node: Node<'_, '_>, name: &str) -> Result<Decimal, Trouble> {
    let text = text(node, name)?;
    let read = text.parse();
    read.map_or_else(|_| trouble(format!("{name}: {text} не число")), Ok)
}
