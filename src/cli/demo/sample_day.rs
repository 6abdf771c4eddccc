//! A day of sample orders: the same every time.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The demo shop's key.
pub(super) const KEY: &str = "demo-key-not-for-production";

/// What an order should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A deal with this sum, in hundredths.
    Deal(i64),
    /// A lead, and no deal.
    Lead,
    /// A dead letter with this code.
    Dead(&'static str),
}

/// Events in the order they are sent, and what should come of them.
pub(super) struct Day {
    pub(super) events: Vec<Value>,
    pub(super) expected: BTreeMap<String, Expected>,
    /// An event that the API must refuse at once.
    pub(super) refused: Value,
}

const FIRST: [&str; 8] = [
    "Анна",
    "Иван",
    "Мария",
    "Олег",
    "Екатерина",
    "Дмитрий",
    "Ольга",
    "Тимур",
];
/// Of a man, of a woman; in [`FIRST`] every other name is a woman's.
const LAST: [(&str, &str); 8] = [
    ("Петров", "Петрова"),
    ("Сидоров", "Сидорова"),
    ("Кузнецов", "Кузнецова"),
    ("Смирнов", "Смирнова"),
    ("Ёлкин", "Ёлкина"),
    ("Волков", "Волкова"),
    ("Мороз", "Мороз"),
    ("Ахметов", "Ахметова"),
];
const GOODS: [(&str, i64, &str); 6] = [
    ("Чайник «Тула» 1,7 л", 199_000, "шт"),
    ("Чай чёрный, листовой", 34_990, "упак"),
    ("Кофе в зёрнах", 129_950, "кг"),
    ("Набор кружек", 89_900, "компл"),
    ("Плед шерстяной", 450_000, "шт"),
    ("Свеча", 15_050, "шт"),
];
const FIRMS: [(&str, &str); 3] = [
    ("ООО «Ромашка»", "7707083893"),
    ("АО «Вектор»", "7736050003"),
    ("ИП Сергеев П. А.", "500100732259"),
];

impl Day {
    pub(super) fn make(orders: u32) -> Self {
        let mut day = Self {
            events: Vec::new(),
            expected: BTreeMap::new(),
            refused: Value::Null,
        };
        for at in 0..orders as usize {
            day.order(at);
        }
        day.changes(orders as usize);
        day.refused = event(
            "refused-1",
            json!({"number": "R-1", "status": "N", "currency": "рубли", "total": -1}),
        );
        day
    }

    /// A good order that is worth looking at.
    pub(super) fn an_order() -> String {
        number(1)
    }

    fn order(&mut self, at: usize) {
        let (mut data, total) = sample(at);
        let number = number(at);
        let mut expected = Expected::Deal(total);
        match at {
            7 => {
                data["status"] = json!("ON-THE-MOON");
                expected = Expected::Dead("MAP-STATUS");
            }
            11 => data["customer"]["emails"] = json!(["not an address"]),
            13 => {
                data["currency"] = json!("XTS");
                expected = Expected::Dead("B24-CURRENCY");
            }
            17 => data["customer"]["phones"] = json!(["позвоните в домофон"]),
            19 => {
                data["total"] = json!(hundredths(total + 1));
                expected = Expected::Deal(total + 1);
            }
            _ if at % 15 == 4 => {
                data["origin"] = json!({"channel": "one-click"});
                expected = Expected::Lead;
            }
            _ => {}
        }
        self.events.push(event(&format!("{number}-1"), data));
        self.expected.insert(number, expected);
    }

    /// Every fourth order is paid later; every tenth is changed once more.
    fn changes(&mut self, orders: usize) {
        for at in (0..orders).filter(|at| at % 4 == 2) {
            let number = number(at);
            if !matches!(self.expected.get(&number), Some(Expected::Deal(_))) || at == 19 {
                continue;
            }
            let (mut data, total) = sample(at);
            if at == 17 {
                data["customer"]["phones"] = json!([]);
            }
            data["status"] = json!("P");
            data["version"] = json!(2);
            data["paid"] = json!(true);
            if at % 10 == 2 {
                data["delivery"] = json!({"method": "Самовывоз", "price": "0.00"});
                let less = total - delivery(at);
                data["total"] = json!(hundredths(less));
                self.expected.insert(number.clone(), Expected::Deal(less));
            }
            self.events.push(event(&format!("{number}-2"), data));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the caller made it for this")]
fn event(id: &str, data: Value) -> Value {
    json!(
        {
            "specversion": "1.0", "type": "shop.order.saved.v1", "source":
                "https://demo.shop.example", "id": id, "data": data
        }
    )
}

fn number(at: usize) -> String {
    format!("2026-{:04}", at + 1)
}

fn hundredths(amount: i64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn delivery(at: usize) -> i64 {
    if at.is_multiple_of(3) { 0 } else { 30_000 }
}

/// An order and its total in hundredths. A third of the customers come again; each fifth order is a
/// firm's.
fn sample(at: usize) -> (Value, i64) {
    let who = if at.is_multiple_of(3) {
        at / 3 % 20
    } else {
        at
    };
    let currency = ["RUB", "RUB", "RUB", "USD", "EUR", "KZT"][at % 6];
    let mut total = 0;
    let mut items = Vec::new();
    for line in 0..=(at % 3) {
        let (name, price, unit) = GOODS[(at + line * 2) % GOODS.len()];
        let discount = if at.is_multiple_of(4) { price / 10 } else { 0 };
        let quantity = i64::try_from(line).unwrap_or(0) + 1;
        total += (price - discount) * quantity;
        items.push(json!({
            "product_id": 100 + line, "name": name, "quantity": quantity, "unit": unit, "price":
                hundredths(price - discount),
            "discount": hundredths(discount), "vat_rate": 20, "vat_included": true,
        }));
    }
    let off = if at % 7 == 3 { 5_000 } else { 0 };
    total += delivery(at) - off;
    let (his, hers) = LAST[(who / 2) % 8];
    let last = if who.is_multiple_of(2) { hers } else { his };
    let mut customer = json!({
        "id": format!("c{who}"), "kind": "person", "name": FIRST[who % 8], "last_name": last,
        "phones": [
            format!(
                "8 (9{:02}) {:03}-{:02}-{:02}", who % 90 + 10, 100 + who % 900, who % 100,
                who / 3 % 100
            )
        ],
        "emails": [format!("customer{who}@example.com")],
    });
    if who % 5 == 1 {
        let (title, inn) = FIRMS[who / 5 % FIRMS.len()];
        customer["kind"] = json!("company");
        customer["company"] =
            json!({"title": title, "inn": inn, "address": "Москва, ул. Лесная, 5"});
    }
    let mut data = json!({
        "number": number(at), "id": at + 1, "version": 1, "status": "N", "currency": currency,
            "total": hundredths(total),
        "created_at": "2026-01-15T10:00:00+03:00", "customer": customer, "items": items,
        "payment": {"method": "Картой онлайн"}, "utm": {"source": "yandex", "medium": "cpc"},
        "comment": if at.is_multiple_of(9) {
            "Позвоните за час <script>alert(1)</script>"
        } else {
            ""
        },
    });
    if delivery(at) > 0 {
        data["delivery"] = json!(
            {
                "method": "Курьер", "price": hundredths(delivery(at)), "address":
                    "Москва, ул. Лесная, 5"
            }
        );
    }
    if off > 0 {
        data["discounts"] = json!([{"name": "Промокод ЧАЙ", "amount": hundredths(off)}]);
    }
    (data, total)
}
