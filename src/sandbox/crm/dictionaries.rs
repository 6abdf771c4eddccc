//! Currencies and units of measure.

use crate::sandbox::{
    PortalState,
    protocol::{
        decode::{Params, text},
        envelope::{Fail, Outcome, Reply},
    },
};
use serde_json::{Value, json};

const MEASURES: [(u64, &str, &str); 5] = [
    (6, "Метр", "м"),
    (112, "Литр", "л"),
    (163, "Грамм", "г"),
    (166, "Килограмм", "кг"),
    (796, "Штука", "шт"),
];

/// Answers `crm.currency.*` and `crm.measure.list`.
pub(crate) fn call(world: &PortalState, path: &str, params: &Params) -> Option<Outcome> {
    let currencies = &world.options.currencies;
    Some(match path {
        "currency.list" => {
            let list = currencies
                .iter()
                .enumerate()
                .map(|(at, code)| currency(code, at));
            let result = list.collect();
            Ok(Reply {
                result,
                total: Some(currencies.len()),
                next: None,
            })
        }
        "currency.get" => {
            let wanted = params.any("id").map(text).unwrap_or_default();
            let found = currencies.iter().position(|code| *code == wanted);
            found
                .map(|at| currency(&wanted, at).into())
                .ok_or_else(Fail::not_found)
        }
        "measure.list" => {
            let list = MEASURES.iter().enumerate().map(|(at, (code, name, symbol))| {
                json!({ "ID": (at + 1).to_string(), "CODE": code.to_string(), "MEASURE_TITLE": name,
                    "SYMBOL_RUS": symbol, "IS_DEFAULT": if *code == 796 { "Y" } else { "N" } })
            });
            Ok(Reply {
                result: list.collect(),
                total: Some(MEASURES.len()),
                next: None,
            })
        }
        _ => return None,
    })
}

fn currency(code: &str, at: usize) -> Value {
    json!({
        "CURRENCY": code, "AMOUNT_CNT": "1", "AMOUNT": "1.0000", "SORT":
            (100 * (at + 1)).to_string(),
        "BASE": if at == 0 { "Y" } else { "N" }, "FULL_NAME": code, "LID": "ru",
        "FORMAT_STRING": "#", "DEC_POINT": ".", "DECIMALS": "2",
    })
}

/// Answers `catalog.measure.list`: all units on one page.
pub(crate) fn catalog_measures() -> Reply {
    let list = MEASURES
        .iter()
        .enumerate()
        .map(|(at, (code, name, symbol))| {
            json!({ "id": at + 1, "code": code, "measureTitle": name, "symbol": symbol,
            "symbolIntl": "", "symbolLetterIntl": "",
            "isDefault": if *code == 796 { "Y" } else { "N" } })
        });
    let list: Vec<Value> = list.collect();
    Reply {
        result: json!({ "measures": list }),
        total: Some(MEASURES.len()),
        next: None,
    }
}
