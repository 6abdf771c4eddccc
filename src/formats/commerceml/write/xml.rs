//! The elements of an order.

use super::{
    Form, ISO_DATES, NEW_NAMES, Order, OrderLine, Payment, PaymentKind, Requisite, Shipment, Trade,
    Unit, escaped,
};
use crate::formats::commerceml::{
    customer::{Contact, Counterparty, Representative},
    document::Tax,
};
use chrono::{NaiveDateTime, Timelike as _};
use rust_decimal::Decimal;
use std::fmt::{self, Display, Formatter, Write as _};

pub(super) struct Xml<'a> {
    text: &'a mut String,
    form: Form,
}

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a mut String, form: Form) -> Self {
        Self { text, form }
    }

    pub(super) fn inside(&mut self, name: &str, write: impl FnOnce(&mut Xml<'_>)) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str(">\n");
        write(&mut Xml::new(self.text, self.form));
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    pub(super) fn leaf(&mut self, name: &str, value: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
        self.text.push_str(&escaped(value));
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// A leaf whose value has nothing in it that is escaped: a number, a date, a truth value.
    fn plain(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.text, "<{name}>{value}</{name}>");
    }

    pub(super) fn given(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.leaf(name, value);
        }
    }

    pub(super) fn order(&mut self, order: &Order) {
        self.inside("Документ", |xml| {
            xml.leaf("Ид", &order.id);
            xml.leaf("Номер", &order.number);
            xml.plain("Дата", order.placed_at.date());
            let (operation, basis) = match &order.trade {
                Trade::Sale => ("Заказ товара", None),
                Trade::Return { of } => ("Возврат товара", of.as_ref()),
            };
            xml.leaf("ХозОперация", operation);
            xml.money(&order.currency, order.total);
            xml.version_of(&order.version, order.onec_number.as_ref());
            if order.deleted {
                xml.leaf("ПометкаУдаления", "true");
            }
            xml.given("Основание", basis);
            xml.inside("Контрагенты", |xml| {
                xml.counterparty(&order.customer);
            });
            xml.plain("Время", Clock(order.placed_at));
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

    pub(super) fn documents(&mut self, order: &Order) {
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

    pub(super) fn payment(&mut self, name: &str, order: &Order, payment: &Payment) {
        let operation = match payment.kind {
            PaymentKind::Cash => "Выплата наличных денег",
            PaymentKind::Cashless => "Выплата безналичных денег",
            PaymentKind::Acquiring => "Эквайринговая операция",
        };
        self.inside(name, |xml| {
            xml.leaf("Ид", &payment.id);
            xml.leaf("Номер", &payment.number);
            xml.plain("Дата", payment.at.date());
            xml.leaf("ХозОперация", operation);
            xml.money(&order.currency, payment.sum);
            xml.version_of(&payment.version, None);
            xml.leaf("Основание", &order.id);
            xml.inside("Контрагенты", |xml| {
                xml.counterparty(&order.customer);
            });
            xml.plain("Время", Clock(payment.at));
            xml.leaf("Комментарий", "");
            xml.requisites(&payment.requisites);
        });
    }

    pub(super) fn shipment(&mut self, name: &str, order: &Order, shipment: &Shipment) {
        self.inside(name, |xml| {
            xml.leaf("Ид", &shipment.id);
            xml.leaf("Номер", &shipment.number);
            xml.plain("Дата", shipment.at.date());
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
            xml.plain("Время", Clock(shipment.at));
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
        self.plain("Сумма", kopecks(total));
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
                xml.given("КодПоОКПО", who.okpo.as_ref());
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
            xml.representatives(&who.representatives);
            xml.leaf("Роль", who.role.as_deref().unwrap_or("Покупатель"));
        });
    }

    fn address(&mut self, name: &str, who: &Counterparty) {
        let Some(address) = &who.address else { return };
        self.inside(name, |xml| {
            xml.leaf("Представление", address);
            for (kind, value) in &who.address_parts {
                xml.inside("АдресноеПоле", |xml| {
                    xml.leaf("Тип", kind);
                    xml.leaf("Значение", value);
                });
            }
        });
    }

    fn representatives(&mut self, all: &[Representative]) {
        if all.is_empty() {
            return;
        }
        self.inside("Представители", |xml| {
            for one in all {
                xml.inside("Представитель", |xml| {
                    xml.inside("Контрагент", |xml| {
                        xml.leaf("Отношение", &one.relation);
                        xml.given("Ид", one.id.as_ref());
                        xml.leaf("Наименование", &one.name);
                    });
                });
            }
        });
    }

    pub(super) fn contacts(&mut self, contacts: &[Contact]) {
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

    pub(super) fn taxes(&mut self, taxes: &[Tax]) {
        if taxes.is_empty() {
            return;
        }
        self.inside("Налоги", |xml| {
            for tax in taxes {
                xml.inside("Налог", |xml| {
                    xml.leaf("Наименование", &tax.name);
                    let included = tax.included.unwrap_or(true);
                    xml.plain("УчтеноВСумме", included);
                    if let Some(sum) = tax.sum {
                        xml.plain("Сумма", kopecks(sum));
                    }
                    if let Some(rate) = tax.rate {
                        xml.plain("Ставка", rate.normalize());
                    }
                });
            }
        });
    }

    /// Discounts of the whole order, which its lines hold already.
    pub(super) fn discounts(&mut self, discounts: &[(String, Decimal)]) {
        if discounts.is_empty() {
            return;
        }
        self.inside("Скидки", |xml| {
            for (name, sum) in discounts {
                xml.discount(name, *sum);
            }
        });
    }

    pub(super) fn discount(&mut self, name: &str, sum: Decimal) {
        self.inside("Скидка", |xml| {
            xml.leaf("Наименование", name);
            xml.plain("Сумма", kopecks(sum));
            xml.leaf("УчтеноВСумме", "true");
        });
    }

    pub(super) fn warehouse(&mut self, warehouse: Option<&(String, String)>) {
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

    pub(super) fn lines(&mut self, lines: &[OrderLine]) {
        self.inside("Товары", |xml| {
            for line in lines {
                xml.inside("Товар", |xml| xml.line(line));
            }
        });
    }

    pub(super) fn line(&mut self, line: &OrderLine) {
        self.leaf("Ид", &line.id);
        self.given("ИдКаталога", line.catalogue.as_ref());
        self.given("Артикул", line.sku.as_ref());
        self.leaf("Наименование", &line.name);
        self.unit(&line.unit);
        if let Some(discount) = line.discount.filter(|sum| !sum.is_zero()) {
            self.inside("Скидки", |xml| {
                xml.discount("Скидка на товар", discount);
            });
        }
        self.plain("ЦенаЗаЕдиницу", line.price);
        self.plain("Количество", line.quantity.normalize());
        self.plain("Сумма", kopecks(line.sum));
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

    pub(super) fn unit(&mut self, unit: &Unit) {
        if self.form.version >= NEW_NAMES {
            self.inside("Единица", |xml| {
                xml.leaf("Код", &unit.code);
                xml.leaf("НаименованиеПолное", &unit.full);
            });
            self.leaf("Коэффициент", "1");
            return;
        }
        self.base_unit(unit);
    }

    /// The unit as goods have it in every version, and lines of orders up to 2.05.
    pub(super) fn base_unit(&mut self, unit: &Unit) {
        for part in [
            "<БазоваяЕдиница Код=\"",
            &escaped(&unit.code),
            "\" НаименованиеПолное=\"",
            &escaped(&unit.full),
            "\" МеждународноеСокращение=\"",
            &escaped(&unit.sign),
            "\">",
            &escaped(&unit.short),
            "</БазоваяЕдиница>\n",
        ] {
            self.text.push_str(part);
        }
    }

    pub(super) fn requisites(&mut self, requisites: &[(String, Requisite)]) {
        let is_iso = self.form.version >= ISO_DATES;
        self.inside("ЗначенияРеквизитов", |xml| {
            for (name, value) in requisites {
                match value {
                    Requisite::Text(text) => xml.requisite(name, text),
                    Requisite::Truth(true) => xml.requisite(name, "true"),
                    Requisite::Truth(false) => xml.requisite(name, "false"),
                    Requisite::Date(at) if is_iso => xml.requisite(name, &iso(*at)),
                    Requisite::Date(at) => {
                        let at = at.format("%d.%m.%Y %H:%M:%S").to_string();
                        xml.requisite(name, &at);
                    }
                }
            }
        });
    }

    /// In pieces as large as can be: an order has more of them than of anything else.
    pub(super) fn requisite(&mut self, name: &str, value: &str) {
        for part in [
            "<ЗначениеРеквизита>\n<Наименование>",
            &escaped(name),
            "</Наименование>\n<Значение>",
            &escaped(value),
            "</Значение>\n</ЗначениеРеквизита>\n",
        ] {
            self.text.push_str(part);
        }
    }
}

/// The time of day of a moment, to the second.
struct Clock(NaiveDateTime);

impl Display for Clock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.0.hour(), self.0.minute(), self.0.second());
        write!(f, "{hour:02}:{minute:02}:{second:02}")
    }
}

pub(super) fn iso(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn kopecks(sum: Decimal) -> Decimal {
    let mut sum = sum.round_dp(2);
    sum.rescale(2);
    sum
}
