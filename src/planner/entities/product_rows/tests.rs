use super::*;
use crate::domain::happening::Tell;
use crate::planner::tests::{rules, snapshot};
use proptest::prelude::*;

#[test]
fn lines_delivery_and_discounts_sum_to_the_kopeck() {
    let order = snapshot(&json!({
        "total": "2470",
        "items": [
            {"name": "Чайник", "quantity": 1, "price": "1990", "vat_rate": 20},
            {"name": "Чай", "quantity": "2", "price": "140", "discount": "10", "unit": "шт."}
        ],
        "delivery": {"method": "Курьер", "price": 300},
        "discounts": [{"name": "Купон", "amount": "100"}]
    }));
    let rows = rows(&order, &rules());
    assert_eq!(rows.sum, Decimal::from(2470));
    let names: Vec<_> = rows
        .rows
        .iter()
        .map(|row| row["PRODUCT_NAME"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Чайник", "Чай", "Доставка: Курьер", "Купон"]);
    assert_eq!(rows.rows[1]["DISCOUNT_SUM"], "10.00");
    assert_eq!(rows.rows[1]["MEASURE_CODE"], 796);
    assert_eq!(rows.rows[3]["PRICE"], "-100.00");
}

#[test]
fn a_tax_on_top_is_in_the_price_that_is_sent() {
    let order = snapshot(&json!({
        "total": "240",
        "items": [
            {"name": "A", "quantity": 2, "price": "100", "vat_rate": 20, "vat_included": false}
        ]
    }));
    let rows = rows(&order, &rules());
    assert_eq!(
        (&rows.rows[0]["PRICE"], &rows.rows[0]["TAX_INCLUDED"]),
        (&json!("120.00"), &json!("N"))
    );
    assert_eq!(rows.sum, Decimal::from(240));
}

#[test]
fn a_discount_is_sent_without_the_tax_so_that_the_price_before_it_is_the_shops() {
    let order = snapshot(&json!({
        "total": "242",
        "items": [
            {"name": "A", "quantity": 1, "price": "80", "discount": "20", "vat_rate": 20},
            {
                "name": "B", "quantity": 1, "price": "100", "discount": "10", "vat_rate": 20,
                    "vat_included": false
            },
            {"name": "C", "quantity": 1, "price": "42", "discount": "8"}
        ]
    }));
    let rows = rows(&order, &rules()).rows;
    let before = |row: &Value| {
        let number = |name: &str| -> Decimal {
            row.get(name)
                .and_then(Value::as_str)
                .map_or(Decimal::ZERO, |text| text.parse().unwrap())
        };
        let rate = number("TAX_RATE") / Decimal::ONE_HUNDRED + Decimal::ONE;
        let exclusive = number("PRICE") / rate;
        ((exclusive + number("DISCOUNT_SUM")) * rate).round_dp(1)
    };
    assert_eq!(
        rows.iter().map(before).collect::<Vec<_>>(),
        [Decimal::from(100), Decimal::from(132), Decimal::from(50)]
    );
}

/// What a portal makes of rows, rounding each, or the sum.
fn sums(rows: &[Value]) -> (Decimal, Decimal) {
    let number =
        |row: &Value, name: &str| -> Decimal { row[name].as_str().unwrap().parse().unwrap() };
    let products = rows
        .iter()
        .map(|row| number(row, "PRICE") * number(row, "QUANTITY"));
    let each = products.clone().map(money::round).sum();
    (each, money::round(products.sum()))
}

#[test]
fn prices_that_do_not_multiply_become_rows_that_sum() {
    let order = snapshot(&json!({
        "total": "100.00",
        "items": [{"name": "A", "quantity": 3, "price": "33.33"}]
    }));
    let rows = rows(&order, &rules());
    assert_eq!(sums(&rows.rows), (Decimal::from(100), Decimal::from(100)));
    assert_eq!((rows.rows.len(), rows.notes.len()), (2, 1));
    let quantities: Vec<_> = rows
        .rows
        .iter()
        .map(|row| row["QUANTITY"].clone())
        .collect();
    assert_eq!(quantities, [json!("2"), json!("1")]);
}

#[test]
fn one_weighed_row_keeps_its_quantity_and_further_ones_are_told_in_the_name() {
    let weighed = json!({"name": "Сыр", "quantity": "1.333", "price": "99.99", "unit": "кг"});
    let one = snapshot(&json!({"total": "133.29", "items": [weighed]}));
    let one = rows(&one, &rules());
    assert_eq!(
        (&one.rows[0]["QUANTITY"], one.sum),
        (&json!("1.333"), "133.29".parse().unwrap())
    );
    let three = snapshot(&json!({"total": "399.87", "items": [weighed, weighed, weighed]}));
    let three = rows(&three, &rules());
    assert_eq!(sums(&three.rows), (three.sum, three.sum));
    assert!(
        three.rows[2].to_string().contains("1.333 кг × 99.99"),
        "{:?}",
        three.rows
    );
}

#[test]
fn what_the_customer_chose_stands_behind_the_name() {
    let order = snapshot(&json!({"total": 3, "items": [
        {
            "name": "Кроссовки", "quantity": 1, "price": 1, "options": {
                "Размер": 42, "Цвет": "синий"
            }
        },
        {
            "name": "Носки - 42", "quantity": 1, "price": 1, "options": [
                {"name": "Размер", "value": "42"}
            ]
        },
        {"name": "я".repeat(400), "quantity": 1, "price": 1, "options": {"Размер": "42"}}
    ]}));
    let rows = rows(&order, &rules());
    let names: Vec<_> = rows
        .rows
        .iter()
        .map(|row| row["PRODUCT_NAME"].as_str().unwrap())
        .collect();
    assert_eq!(
        names[..2],
        ["Кроссовки (Размер: 42, Цвет: синий)", "Носки - 42"]
    );
    assert!(names[2].ends_with("(Размер: 42)") && names[2].chars().count() == 255);
    assert!(rows.notes[0].sentence().contains("row 3"));
}

#[test]
fn every_row_carries_the_tax_of_its_line() {
    let order = snapshot(&json!({
        "total": "300",
        "items": [{"name": "A", "quantity": 1, "price": 120, "vat_rate": 20}],
        "delivery": {"price": 200, "vat_rate": 20, "vat_included": false},
        "discounts": [{"amount": 60, "vat_rate": 20}]
    }));
    let rows = rows(&order, &rules());
    assert!(
        rows.rows.iter().all(|row| row["TAX_RATE"] == "20"),
        "{:?}",
        rows.rows
    );
    assert_eq!(rows.rows[1]["PRICE"], "240.00");
    assert_eq!(rows.sum, Decimal::from(300));
}

proptest! {
    #[test]
    fn rows_sum_to_the_lines_however_a_portal_rounds(
        items in prop::collection::vec(
            (1_i64..5_000, 0_u32..4, 0_i64..5_000_000, 0_u32..5, 0_u32..3), 1..12
        ),
        delivery in 0_i64..100_000, discount in 0_i64..100_000, off in -3_i64..4,
    ) {
        let item = |(quantity, digits, price, scale, vat): &(i64, u32, i64, u32, u32)| json!({
            "name": "A", "quantity": Decimal::new(*quantity, *digits).to_string(),
            "price": Decimal::new(*price, *scale).to_string(), "unit": "кг",
            "vat_rate": (vat * 10), "vat_included": vat % 2 == 0
        });
        let data = |total: Decimal| json!({
            "total": total.max(Decimal::ZERO).to_string(),
            "items": items.iter().map(item).collect::<Vec<_>>(),
            "delivery": {
                "price": Decimal::new(delivery, 2).to_string(), "vat_rate": 20, "vat_included":
                    false
            },
            "discounts": [{"amount": Decimal::new(discount, 2).to_string()}]
        });
        let alone = rows(&snapshot(&data(Decimal::ZERO)), &rules());
        let total = alone.sum + Decimal::new(off, 2);
        prop_assume!(total >= Decimal::ZERO);
        let rows = rows(&snapshot(&data(total)), &rules());
        prop_assert_eq!(sums(&rows.rows), (rows.sum, rows.sum));
        let carried = rows.notes.iter().any(|note| note.sentence().contains("carries"));
        prop_assert_eq!(rows.sum == total, carried || off == 0);
    }
}

#[test]
fn units_are_known_by_symbol_and_by_code() {
    assert_eq!(measure("КГ"), Some((166, "кг".to_owned())));
    assert_eq!(measure("796"), Some((796, "шт".to_owned())));
    assert_eq!(measure("парсек"), None);
}

#[test]
fn the_stock_knows_the_same_units_as_the_lines_of_orders() {
    let of_stock = include_str!("../../../../migrations/20261128003345_stock_units.sql");
    for (code, _, names) in UNITS {
        for name in *names {
            let known = format!("('{name}', '{code}')");
            assert!(of_stock.contains(&known), "{known}");
        }
    }
    let all: usize = UNITS.iter().map(|(.., names)| names.len()).sum();
    let pairs = of_stock.matches("', '").count();
    assert_eq!(pairs, all, "no more than these");
}
