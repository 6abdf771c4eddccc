//! The files that the base writes: the whole document of each changed order, in the order of
//! elements of trade configurations, goods after the requisites.

use super::{
    OneC,
    books::{Book, Entered},
    orders::{Kept, moscow, version},
};
use chrono::NaiveDateTime;
use rust_decimal::Decimal;
use std::fmt::{Display, Write as _};

impl OneC {
    /// The file with what people changed.
    pub(super) fn changes(&self) -> Option<String> {
        let changed: Vec<(&Kept, &Book)> = self
            .orders
            .values()
            .filter_map(|order| Some((order, self.books.get(&order.id)?)))
            .filter(|(_, book)| book.changed)
            .collect();
        let form = Form::of(self);
        (!changed.is_empty()).then(|| file(&form, changed.into_iter()))
    }
}

/// How the documents of an exchange look.
pub(super) struct Form {
    text: String,
    version: (u32, u32),
    subordinate: bool,
}

impl Form {
    /// The old protocol is spoken by modules of 2.05 and before.
    pub(super) fn of(base: &OneC) -> Self {
        let text = base.exchange.version.as_deref().unwrap_or("2.05");
        let version = version(text).unwrap_or((2, 5));
        Self {
            text: text.to_owned(),
            version,
            subordinate: base.exchange.cml_version.is_some() && version >= (2, 10),
        }
    }

    fn date(&self, at: NaiveDateTime) -> String {
        let shape = if self.version >= (2, 10) {
            "%Y-%m-%dT%H:%M:%S"
        } else {
            "%d.%m.%Y %H:%M:%S"
        };
        at.format(shape).to_string()
    }

    fn namespace(&self) -> &'static str {
        match self.version {
            (2, ..10) => "urn:1C.ru:commerceml_2",
            (2, _) => "urn:1C.ru:commerceml_210",
            _ => "urn:1C.ru:commerceml_3",
        }
    }
}

struct Page(String);

impl Page {
    fn open(&mut self, name: &str) {
        let _ = write!(self.0, "<{name}>");
    }

    fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>\r\n");
    }

    fn text(&mut self, name: &str, text: impl Display) {
        let text = text.to_string();
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(self.0, "<{name}>{}</{name}>\r\n", text.replace('>', "&gt;"));
    }

    fn requisite(&mut self, name: &str, value: impl Display) {
        self.open("ЗначениеРеквизита");
        self.text("Наименование", name);
        self.text("Значение", value);
        self.close("ЗначениеРеквизита");
    }

    fn at(&mut self, at: NaiveDateTime) {
        self.text("Дата", at.format("%Y-%m-%d"));
        self.text("Дата1С", at.format("%Y-%m-%d"));
        self.text("Время", at.format("%H:%M:%S"));
    }

    fn money(&mut self, order: &Kept, sum: Decimal) {
        self.text("Валюта", &order.currency);
        self.text("Курс", "1.0000");
        self.text("Сумма", sum);
        self.text("Роль", "Продавец");
    }
}

/// A file with these orders.
pub(super) fn file<'a>(form: &Form, orders: impl Iterator<Item = (&'a Kept, &'a Book)>) -> String {
    let mut page = Page("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n".to_owned());
    let formed = moscow().format("%Y-%m-%dT%H:%M:%S");
    let (namespace, version) = (form.namespace(), &form.text);
    let formats = if form.version >= (2, 5) {
        " ФорматДаты=\"ДФ=yyyy-MM-dd; ДЛФ=DT\" ФорматВремени=\"ДФ=ЧЧ:мм:сс; ДЛФ=T\" \
         РазделительДатаВремя=\"T\" ФорматСуммы=\"ЧЦ=18; ЧДЦ=2; ЧРД=.\" \
         ФорматКоличества=\"ЧЦ=18; ЧДЦ=2; ЧРД=.\""
    } else {
        ""
    };
    let _ = write!(
        page.0,
        "<КоммерческаяИнформация xmlns=\"{namespace}\" ВерсияСхемы=\"{version}\" \
         ДатаФормирования=\"{formed}\"{formats} Ид=\"1\">\r\n"
    );
    for (order, book) in orders {
        let contained = form.version >= (3, 0) && !form.subordinate;
        if contained {
            page.open("Контейнер");
        }
        page.open("Документ");
        document(&mut page, form, order, book);
        page.close("Документ");
        if form.version >= (2, 10) && !form.subordinate {
            beside(&mut page, form, "Документ", order, book);
        }
        if contained {
            page.close("Контейнер");
        }
    }
    page.close("КоммерческаяИнформация");
    page.0
}

fn document(page: &mut Page, form: &Form, order: &Kept, book: &Book) {
    let number = &order.number;
    page.text("Ид", &order.id);
    page.text("НомерВерсии", format!("AAAAAAB{:04}=", book.revision));
    page.text("ПометкаУдаления", book.deleted);
    page.text("Номер", number);
    page.text("Номер1С", format!("ТД-{number}"));
    page.at(moscow());
    page.text("ХозОперация", &order.operation);
    if let Some(basis) = &order.basis {
        page.text("Основание", basis);
    }
    page.money(order, order.total);
    page.text(
        "Комментарий",
        format!("[Номер документа на сайте: {number}]"),
    );
    page.0.push_str(&order.taxes);
    page.open("ЗначенияРеквизитов");
    page.requisite("Проведен", !book.deleted);
    let whole = book.payments.last().filter(|_| book.paid() >= order.total);
    for (what, entered) in [("оплаты", whole), ("отгрузки", book.shipment.as_ref())] {
        // An empty date is the letter T.
        let (number, date) = entered.map_or((String::new(), "T".to_owned()), |one| {
            (one.number.clone(), form.date(one.at))
        });
        page.requisite(&format!("Номер {what} по 1С"), number);
        page.requisite(&format!("Дата {what} по 1С"), date);
    }
    if let Some(status) = &book.status {
        page.requisite("Статуса заказа ИД", status);
    }
    page.requisite("Отменен", book.cancelled);
    page.close("ЗначенияРеквизитов");
    goods(page, order, |_| true);
    if form.subordinate && (!book.payments.is_empty() || book.shipment.is_some()) {
        page.open("ПодчиненныеДокументы");
        beside(page, form, "ПодчиненныйДокумент", order, book);
        page.close("ПодчиненныеДокументы");
    }
}

/// A line's price is what 1C makes of its sum: rounded to the kopeck.
fn goods(page: &mut Page, order: &Kept, goes: impl Fn(&str) -> bool) {
    page.open("Товары");
    for line in order.lines.iter().filter(|line| goes(&line.id)) {
        let price = line.sum.checked_div(line.quantity).unwrap_or(line.sum);
        page.open("Товар");
        page.text("Ид", &line.id);
        page.text("Наименование", &line.name);
        page.open("Единица");
        page.text("Код", "796 ");
        page.text("НаименованиеПолное", "Штука");
        page.close("Единица");
        page.text("Количество", line.quantity);
        page.text("Цена", price.round_dp(2));
        page.text("Сумма", line.sum);
        page.close("Товар");
    }
    page.close("Товары");
}

/// The payments and the shipment, as documents of their own.
fn beside(page: &mut Page, form: &Form, tag: &str, order: &Kept, book: &Book) {
    let head = |page: &mut Page, one: &Entered, operation: &str, sum: Decimal| {
        page.open(tag);
        page.text("Ид", one.id);
        page.text("НомерВерсии", format!("AAAAAAC{:04}=", book.revision));
        page.text("ПометкаУдаления", false);
        page.text("Номер", &one.number);
        page.text("Номер1С", &one.number);
        page.at(one.at);
        page.text("ХозОперация", operation);
        page.text("Основание", &order.id);
        page.money(order, sum);
    };
    for one in &book.payments {
        head(page, one, "Выплата безналичных денег", one.sum);
        page.open("ЗначенияРеквизитов");
        page.requisite("Проведен", true);
        page.requisite("Дата оплаты", form.date(one.at));
        page.requisite("Оплачено", true);
        page.requisite("Признак возврата", false);
        page.requisite("Отменен", false);
        page.close("ЗначенияРеквизитов");
        page.close(tag);
    }
    if let Some(one) = &book.shipment {
        let goods_only = |id: &str| id != "ORDER_DELIVERY";
        let lines = order.lines.iter().filter(|line| goods_only(&line.id));
        head(page, one, "Отпуск товара", lines.map(|line| line.sum).sum());
        page.open("ЗначенияРеквизитов");
        page.requisite("Проведен", true);
        page.requisite("Отгружено", true);
        page.requisite("Дата отгрузки", form.date(one.at));
        page.requisite("Отменен", false);
        if let Some(parcel) = &one.parcel {
            page.requisite("Идентификатор отправления", parcel);
        }
        page.close("ЗначенияРеквизитов");
        goods(page, order, goods_only);
        page.close(tag);
    }
}
