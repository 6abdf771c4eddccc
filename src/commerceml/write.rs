//! A site's orders, as the 1C modules read them.
//!
//! The order of children, the names and the form of dates are those of the version that 1C asked
//! for. Up to 2.09 payments and shipments stand beside their order; from 2.10 on they can stand in
//! it (`ПодчиненныеДокументы`); from 3.0 on each order with its documents is a `Контейнер`.

use super::{
    Encoding, SchemaVersion,
    document::{Contact, Counterparty, Tax},
};
use chrono::NaiveDateTime;
use encoding_rs::WINDOWS_1251;
use rust_decimal::Decimal;
use std::{
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
    /// `Ид`.
    pub id: String,
    /// `Номер`, with its prefix.
    pub number: String,
    /// `Номер1С`, once 1C has told it.
    pub onec_number: Option<String>,
    /// `НомерВерсии`: grows with each change.
    pub version: String,
    /// `ПометкаУдаления`: written only if it is set.
    pub deleted: bool,
    /// When the order was placed, by the base's clock.
    pub placed_at: NaiveDateTime,
    /// The currency as the base writes it.
    pub currency: String,
    /// The sum of all lines.
    pub total: Decimal,
    /// Who ordered.
    pub customer: Counterparty,
    /// `Комментарий`.
    pub comment: String,
    /// Taxes of the whole order.
    pub taxes: Vec<Tax>,
    /// Discounts that the lines' sums hold already, by name.
    pub discounts: Vec<(String, Decimal)>,
    /// The warehouse: id and name.
    pub warehouse: Option<(String, String)>,
    /// The lines, the delivery among them.
    pub lines: Vec<OrderLine>,
    /// `ЗначенияРеквизитов`.
    pub requisites: Vec<(String, Requisite)>,
    /// Payments.
    pub payments: Vec<Payment>,
    /// Shipments.
    pub shipments: Vec<Shipment>,
}

/// A requisite's value: dates are written in the form of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requisite {
    /// Text, as it is.
    Text(String),
    /// A truth value.
    Truth(bool),
    /// A date with a time.
    Date(NaiveDateTime),
}

/// A line of an order.
#[derive(Debug, Clone)]
pub struct OrderLine {
    /// `Ид`: 1C's GUID where it is known; `ORDER_DELIVERY` for the delivery.
    pub id: String,
    /// `Артикул`.
    pub sku: Option<String>,
    /// `Наименование`.
    pub name: String,
    /// The unit: ОКЕИ code, short name, full name, international sign.
    pub unit: Unit,
    /// The price of one unit, the discount taken off.
    pub price: Decimal,
    /// How much.
    pub quantity: Decimal,
    /// What the line comes to.
    pub sum: Decimal,
    /// The discount that the sum holds already.
    pub discount: Option<Decimal>,
    /// Its tax.
    pub tax: Option<Tax>,
    /// Whether it is a service.
    pub is_service: bool,
    /// Further requisites.
    pub requisites: Vec<(String, String)>,
}

/// A unit of measure.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The code in ОКЕИ.
    pub code: String,
    /// The short name.
    pub short: String,
    /// The full name.
    pub full: String,
    /// The international sign.
    pub sign: String,
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            code: "796".to_owned(),
            short: "шт".to_owned(),
            full: "Штука".to_owned(),
            sign: "PCE".to_owned(),
        }
    }
}

/// How a payment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentKind {
    /// In cash.
    Cash,
    /// By bank transfer.
    Cashless,
    /// By card.
    Acquiring,
}

/// A payment of an order.
#[derive(Debug, Clone)]
pub struct Payment {
    /// `Ид`.
    pub id: String,
    /// `Номер`.
    pub number: String,
    /// `НомерВерсии`.
    pub version: String,
    /// When.
    pub at: NaiveDateTime,
    /// How.
    pub kind: PaymentKind,
    /// How much.
    pub sum: Decimal,
    /// Its requisites.
    pub requisites: Vec<(String, Requisite)>,
}

/// A shipment of an order.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// `Ид`.
    pub id: String,
    /// `Номер`.
    pub number: String,
    /// `НомерВерсии`.
    pub version: String,
    /// When.
    pub at: NaiveDateTime,
    /// What it comes to.
    pub sum: Decimal,
    /// What is shipped.
    pub lines: Vec<OrderLine>,
    /// The warehouse: id and name.
    pub warehouse: Option<(String, String)>,
    /// Whether it was taken back.
    pub deleted: bool,
    /// Its requisites.
    pub requisites: Vec<(String, Requisite)>,
}

/// Writes a file of orders, one after the other.
pub struct Orders<W> {
    out: W,
    form: Form,
    text: String,
}

impl<W: Write> Orders<W> {
    /// Begins a file.
    pub fn begin(mut out: W, form: Form) -> io::Result<Self> {
        if form.encoding == Encoding::Utf8Bom {
            out.write_all(b"\xEF\xBB\xBF")?;
        }
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
        let mut orders = Self { out, form, text };
        orders.flush()?;
        Ok(orders)
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

    /// Ends the file.
    pub fn end(mut self) -> io::Result<W> {
        self.text.push_str("</КоммерческаяИнформация>\n");
        self.flush()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.form.encoding == Encoding::Windows1251 {
            // What the encoding does not have is written as a character reference.
            let (bytes, _, _) = WINDOWS_1251.encode(&self.text);
            self.out.write_all(&bytes)?;
        } else {
            self.out.write_all(self.text.as_bytes())?;
        }
        self.text.clear();
        Ok(())
    }
}

struct Xml<'a> {
    text: &'a mut String,
    form: Form,
}

impl<'a> Xml<'a> {
    fn new(text: &'a mut String, form: Form) -> Self {
        Self { text, form }
    }

    fn inside(&mut self, name: &str, write: impl FnOnce(&mut Xml<'_>)) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str(">\n");
        write(&mut Xml::new(self.text, self.form));
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn leaf(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.text, "<{name}>{}</{name}>", escaped(value));
    }

    fn given(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.leaf(name, value);
        }
    }

    fn order(&mut self, order: &Order) {
        self.inside("Документ", |xml| {
            xml.leaf("Ид", &order.id);
            xml.leaf("Номер", &order.number);
            xml.leaf("Дата", &order.placed_at.format("%Y-%m-%d").to_string());
            xml.leaf("ХозОперация", "Заказ товара");
            xml.money(&order.currency, order.total);
            xml.version_of(&order.version, order.onec_number.as_ref());
            if order.deleted {
                xml.leaf("ПометкаУдаления", "true");
            }
            xml.inside("Контрагенты", |xml| {
                xml.counterparty(&order.customer);
            });
            xml.leaf("Время", &order.placed_at.format("%H:%M:%S").to_string());
            xml.leaf("Комментарий", &order.comment);
            xml.taxes(&order.taxes);
            xml.discounts(&order.discounts);
            xml.warehouse(order.warehouse.as_ref());
            xml.lines(&order.lines);
            xml.requisites(&order.requisites);
            if xml.form.subordinate && xml.form.version >= ISO_DATES {
                xml.subordinates(order);
            }
        });
    }

    fn documents(&mut self, order: &Order) {
        for payment in &order.payments {
            self.payment("Документ", order, payment);
        }
        for shipment in &order.shipments {
            self.shipment("Документ", order, shipment);
        }
    }

    fn subordinates(&mut self, order: &Order) {
        if order.payments.is_empty() && order.shipments.is_empty() {
            return;
        }
        self.inside("ПодчиненныеДокументы", |xml| {
            for payment in &order.payments {
                xml.payment("ПодчиненныйДокумент", order, payment);
            }
            for shipment in &order.shipments {
                xml.shipment("ПодчиненныйДокумент", order, shipment);
            }
        });
    }

    fn payment(&mut self, name: &str, order: &Order, payment: &Payment) {
        let operation = match payment.kind {
            PaymentKind::Cash => "Выплата наличных денег",
            PaymentKind::Cashless => "Выплата безналичных денег",
            PaymentKind::Acquiring => "Эквайринговая операция",
        };
        self.inside(name, |xml| {
            xml.leaf("Ид", &payment.id);
            xml.leaf("Номер", &payment.number);
            xml.leaf("Дата", &payment.at.format("%Y-%m-%d").to_string());
            xml.leaf("ХозОперация", operation);
            xml.money(&order.currency, payment.sum);
            xml.version_of(&payment.version, None);
            xml.leaf("Основание", &order.id);
            xml.inside("Контрагенты", |xml| {
                xml.counterparty(&order.customer);
            });
            xml.leaf("Время", &payment.at.format("%H:%M:%S").to_string());
            xml.leaf("Комментарий", "");
            xml.requisites(&payment.requisites);
        });
    }

    fn shipment(&mut self, name: &str, order: &Order, shipment: &Shipment) {
        self.inside(name, |xml| {
            xml.leaf("Ид", &shipment.id);
            xml.leaf("Номер", &shipment.number);
            xml.leaf("Дата", &shipment.at.format("%Y-%m-%d").to_string());
            xml.leaf("ХозОперация", "Отпуск товара");
            xml.money(&order.currency, shipment.sum);
            xml.version_of(&shipment.version, None);
            if shipment.deleted {
                xml.leaf("ПометкаУдаления", "true");
            }
            xml.leaf("Основание", &order.id);
            xml.inside("Контрагенты", |xml| {
                xml.counterparty(&order.customer);
            });
            xml.leaf("Время", &shipment.at.format("%H:%M:%S").to_string());
            xml.leaf("Комментарий", "");
            xml.warehouse(shipment.warehouse.as_ref());
            xml.lines(&shipment.lines);
            xml.requisites(&shipment.requisites);
        });
    }

    fn money(&mut self, currency: &str, total: Decimal) {
        self.leaf("Роль", "Продавец");
        self.leaf("Валюта", currency);
        self.leaf("Курс", "1");
        self.leaf("Сумма", &kopecks(total));
    }

    fn version_of(&mut self, version: &str, onec_number: Option<&String>) {
        if self.form.version >= NEW_NAMES {
            self.leaf("НомерВерсии", version);
            self.given("Номер1С", onec_number);
        }
    }

    fn counterparty(&mut self, who: &Counterparty) {
        self.inside("Контрагент", |xml| {
            xml.given("Ид", who.id.as_ref());
            xml.leaf("Наименование", &who.name);
            if who.is_company() {
                let name = who.legal_name.as_deref().unwrap_or(&who.name);
                xml.leaf("ОфициальноеНаименование", name);
                xml.address("ЮридическийАдрес", who);
                xml.given("ИНН", who.inn.as_ref());
                xml.given("КПП", who.kpp.as_ref());
            } else {
                xml.leaf(
                    "ПолноеНаименование",
                    who.full_name.as_deref().unwrap_or(&who.name),
                );
                xml.given("Фамилия", who.last_name.as_ref());
                xml.given("Имя", who.first_name.as_ref());
                xml.given("Отчество", who.second_name.as_ref());
                xml.given("ИНН", who.inn.as_ref());
                xml.address("АдресРегистрации", who);
            }
            xml.contacts(&who.contacts);
            xml.leaf("Роль", who.role.as_deref().unwrap_or("Покупатель"));
        });
    }

    fn address(&mut self, name: &str, who: &Counterparty) {
        if let Some(address) = &who.address {
            self.inside(name, |xml| xml.leaf("Представление", address));
        }
    }

    fn contacts(&mut self, contacts: &[Contact]) {
        if contacts.is_empty() {
            return;
        }
        let (phone, email) = if self.form.version >= NEW_NAMES {
            ("Телефон рабочий", "Электронная почта")
        } else {
            ("ТелефонРабочий", "Почта")
        };
        self.inside("Контакты", |xml| {
            for contact in contacts {
                let (kind, value) = match contact {
                    Contact::Phone(value) => (phone, value),
                    Contact::Email(value) => (email, value),
                    Contact::Other(kind, value) => (kind.as_str(), value),
                };
                xml.inside("Контакт", |xml| {
                    xml.leaf("Тип", kind);
                    xml.leaf("Значение", value);
                });
            }
        });
    }

    fn taxes(&mut self, taxes: &[Tax]) {
        if taxes.is_empty() {
            return;
        }
        self.inside("Налоги", |xml| {
            for tax in taxes {
                xml.inside("Налог", |xml| {
                    xml.leaf("Наименование", &tax.name);
                    let included = tax.included.unwrap_or(true);
                    xml.leaf("УчтеноВСумме", &included.to_string());
                    if let Some(sum) = tax.sum {
                        xml.leaf("Сумма", &kopecks(sum));
                    }
                    if let Some(rate) = tax.rate {
                        xml.leaf("Ставка", &rate.normalize().to_string());
                    }
                });
            }
        });
    }

    /// Discounts of the whole order, which its lines hold already.
    fn discounts(&mut self, discounts: &[(String, Decimal)]) {
        if discounts.is_empty() {
            return;
        }
        self.inside("Скидки", |xml| {
            for (name, sum) in discounts {
                xml.discount(name, *sum);
            }
        });
    }

    fn discount(&mut self, name: &str, sum: Decimal) {
        self.inside("Скидка", |xml| {
            xml.leaf("Наименование", name);
            xml.leaf("Сумма", &kopecks(sum));
            xml.leaf("УчтеноВСумме", "true");
        });
    }

    fn warehouse(&mut self, warehouse: Option<&(String, String)>) {
        let Some((id, name)) = warehouse.filter(|_| self.form.version >= NEW_NAMES) else {
            return;
        };
        self.inside("Склады", |xml| {
            xml.inside("Склад", |xml| {
                xml.leaf("Ид", id);
                xml.leaf("Наименование", name);
            });
        });
    }

    fn lines(&mut self, lines: &[OrderLine]) {
        self.inside("Товары", |xml| {
            for line in lines {
                xml.inside("Товар", |xml| xml.line(line));
            }
        });
    }

    fn line(&mut self, line: &OrderLine) {
        self.leaf("Ид", &line.id);
        self.given("Артикул", line.sku.as_ref());
        self.leaf("Наименование", &line.name);
        self.unit(&line.unit);
        if let Some(discount) = line.discount.filter(|sum| !sum.is_zero()) {
            self.inside("Скидки", |xml| {
                xml.discount("Скидка на товар", discount);
            });
        }
        self.leaf("ЦенаЗаЕдиницу", &line.price.to_string());
        self.leaf("Количество", &line.quantity.normalize().to_string());
        self.leaf("Сумма", &kopecks(line.sum));
        let kind = if line.is_service {
            "Услуга"
        } else {
            "Товар"
        };
        self.inside("ЗначенияРеквизитов", |xml| {
            xml.requisite("ВидНоменклатуры", kind);
            xml.requisite("ТипНоменклатуры", kind);
            for (name, value) in &line.requisites {
                xml.requisite(name, value);
            }
        });
        let Some(tax) = &line.tax else { return };
        self.inside("СтавкиНалогов", |xml| {
            xml.inside("СтавкаНалога", |xml| {
                xml.leaf("Наименование", &tax.name);
                let rate = tax.rate.map(|rate| rate.normalize().to_string());
                xml.leaf("Ставка", rate.as_deref().unwrap_or("Без НДС"));
            });
        });
        self.taxes(std::slice::from_ref(tax));
    }

    fn unit(&mut self, unit: &Unit) {
        if self.form.version >= NEW_NAMES {
            self.inside("Единица", |xml| {
                xml.leaf("Код", &unit.code);
                xml.leaf("НаименованиеПолное", &unit.full);
            });
            self.leaf("Коэффициент", "1");
            return;
        }
        let _ = writeln!(
            self.text,
            "<БазоваяЕдиница Код=\"{}\" НаименованиеПолное=\"{}\" \
             МеждународноеСокращение=\"{}\">{}</БазоваяЕдиница>",
            escaped(&unit.code),
            escaped(&unit.full),
            escaped(&unit.sign),
            escaped(&unit.short)
        );
    }

    fn requisites(&mut self, requisites: &[(String, Requisite)]) {
        let dates = if self.form.version >= ISO_DATES {
            "%Y-%m-%dT%H:%M:%S"
        } else {
            "%d.%m.%Y %H:%M:%S"
        };
        self.inside("ЗначенияРеквизитов", |xml| {
            for (name, value) in requisites {
                match value {
                    Requisite::Text(text) => xml.requisite(name, text),
                    Requisite::Truth(truth) => xml.requisite(name, &truth.to_string()),
                    Requisite::Date(at) => xml.requisite(name, &at.format(dates).to_string()),
                }
            }
        });
    }

    fn requisite(&mut self, name: &str, value: &str) {
        self.inside("ЗначениеРеквизита", |xml| {
            xml.leaf("Наименование", name);
            xml.leaf("Значение", value);
        });
    }
}

fn iso(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn kopecks(sum: Decimal) -> String {
    let mut sum = sum.round_dp(2);
    sum.rescale(2);
    sum.to_string()
}

/// Text that XML 1.0 can hold: escaped, and without the control characters that it has no form for.
pub(super) fn escaped(text: &str) -> String {
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
    out
}
