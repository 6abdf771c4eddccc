//! The form in which the fields that a code points at are put right, and their names.

use crate::{
    app::{Error, Field, field, sentence, with_fields},
    console::{
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
        ui::{components, layout},
    },
    domain::{Fault, Faults},
};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// A correction that was refused: what was typed stays in the form.
#[derive(Debug)]
pub(in crate::console) enum Refused<'a> {
    /// Of some fields, and what is wrong with which.
    Fields(&'a BTreeMap<String, String>, Faults),
    /// Of the whole event, as text.
    Whole(&'a str, String),
}

impl Refused<'_> {
    /// The text of the whole event as it was typed.
    pub(in crate::console) fn text(&self) -> Option<&str> {
        match self {
            Self::Whole(text, _) => Some(text),
            Self::Fields(..) => None,
        }
    }
}

/// The fields to be shown: those that are wrong as it stands, those that were typed and those that
/// are wrong with what was typed, each with what was typed into it.
pub(in crate::console) fn shown(
    wrong: Vec<Field>,
    event: &Value,
    refused: Option<&Refused<'_>>,
) -> Vec<Field> {
    let Some(Refused::Fields(typed, faults)) = refused else {
        return wrong;
    };
    let mut shown = wrong;
    let more = typed.keys().chain(faults.iter().map(|one| &one.pointer));
    for pointer in more {
        if shown.iter().all(|known| known.pointer != *pointer) {
            shown.extend(field(event, pointer, None));
        }
    }
    for one in &mut shown {
        let fault = faults.iter().find(|fault| fault.pointer == one.pointer);
        one.fault = fault.map(|fault| fault.detail.clone());
        if let Some(text) = typed.get(&one.pointer) {
            one.value.clone_from(text);
        }
    }
    shown
}

/// What is wrong with no field that is shown.
fn apart(fields: &[Field], refused: Option<&Refused<'_>>, lang: Lang) -> Vec<String> {
    match refused {
        Some(Refused::Fields(_, faults)) => faults
            .iter()
            .filter(|fault| fields.iter().all(|known| known.pointer != fault.pointer))
            .map(|fault| {
                let detail = lang.told(&fault.detail);
                match &*fault.pointer {
                    "" => detail.into_owned(),
                    pointer => format!("{}: {detail}", label(pointer, lang)),
                }
            })
            .collect(),
        Some(Refused::Whole(_, why)) => vec![lang.told(why).into_owned()],
        None => Vec::new(),
    }
}

/// The section that puts an event right: its fields, and the whole of it as JSON behind them. It
/// is sent with the id of the event that it is `about`, where that is told.
pub(in crate::console) fn form(
    visitor: &Viewer,
    (action, about): (&str, Option<&str>),
    (fields, event): (&[Field], &Value),
    refused: Option<&Refused<'_>>,
) -> Markup {
    let action = format!("{action}#mend");
    let whole = refused.and_then(Refused::text);
    let text = whole.map_or_else(|| components::pretty(event), str::to_owned);
    let hidden = html! {
        @if let Some(event) = about { input type="hidden" name="event" value=(event); }
    };
    let json = html! {
        form.stack method="post" action=(action) {
            (layout::csrf(visitor)) (hidden)
            label { (visitor.text(Text::Payload))
                textarea name="payload" rows="18" spellcheck="false" autocapitalize="none"
                    readonly[!visitor.can_write()] { "\n" (text) }
            }
            (components::second(visitor, visitor.text(Text::EditAndRetry)))
        }
    };
    html! {
        section.act id="mend" {
            h2 { (visitor.text(Text::EditAndRetry)) }
            p { (visitor.text(Text::EditExplained)) }
            @for why in apart(fields, refused, visitor.lang) {
                p.problem.words role="alert" { (why) }
            }
            @if fields.is_empty() { (json) } @else {
                form.stack.fields method="post" action=(action) {
                    (layout::csrf(visitor)) (hidden)
                    @for one in fields { (input(visitor, one)) }
                    (components::submit(visitor, visitor.text(Text::EditAndRetry)))
                }
                details open[whole.is_some()] {
                    summary { (visitor.text(Text::Payload)) " (JSON)" }
                    (json)
                }
            }
        }
    }
}

fn input(visitor: &Viewer, field: &Field) -> Markup {
    let place = field.pointer.strip_prefix("/data/");
    let place = place.unwrap_or(&field.pointer);
    let wrong = field.fault.as_deref();
    html! {
        label {
            span { (label(&field.pointer, visitor.lang)) " " code.quiet { (place) } }
            input name=(field.pointer) value=(field.value) autocapitalize="none" spellcheck="false"
                aria-invalid=[wrong.map(|_| "true")] readonly[!visitor.can_write()];
            @if let Some(wrong) = wrong {
                span.problem.words role="alert" { (visitor.lang.told(wrong)) }
            }
        }
    }
}

/// The names of fields: as in an event, in English, in Russian.
const NAMES: &[(&str, &str, &str)] = &[
    ("number", "Order number", "Номер заказа"),
    ("status", "Status", "Статус"),
    ("currency", "Currency", "Валюта"),
    ("total", "Total", "Сумма заказа"),
    ("phones", "Phone", "Телефон"),
    ("emails", "E-mail", "Эл. почта"),
    ("name", "Name", "Название или имя"),
    ("last_name", "Last name", "Фамилия"),
    ("second_name", "Second name", "Отчество"),
    ("kind", "Kind of customer", "Вид покупателя"),
    ("title", "Company", "Компания"),
    ("inn", "Tax number", "ИНН"),
    ("kpp", "KPP", "КПП"),
    ("address", "Address", "Адрес"),
    ("sku", "Article", "Артикул"),
    ("quantity", "Quantity", "Количество"),
    ("unit", "Unit", "Единица"),
    ("price", "Price", "Цена"),
    ("discount", "Discount", "Скидка"),
    ("amount", "Amount", "Сумма"),
    ("vat_rate", "VAT rate, %", "Ставка НДС, %"),
    ("vat_included", "VAT is in the price", "НДС в цене"),
    ("method", "Method", "Способ"),
    ("paid", "Paid", "Оплачен"),
    ("paid_at", "Paid at", "Время оплаты"),
    ("cancelled", "Cancelled", "Отменён"),
    ("cancel_reason", "Reason of cancelling", "Причина отмены"),
    ("version", "Version", "Версия"),
    ("created_at", "Placed at", "Оформлен"),
    ("updated_at", "Changed at", "Изменён"),
    ("status_changed_at", "Status changed at", "Смена статуса"),
    ("comment", "Comment", "Комментарий"),
    ("source", "Source of the event", "Источник события"),
    ("type", "Type of the event", "Тип события"),
    ("id", "Id", "Идентификатор"),
];

/// What lists and groups are called before a field's name.
const GROUPS: &[(&str, &str, &str)] = &[
    ("items", "Line", "Позиция"),
    ("discounts", "Discount", "Скидка"),
    ("delivery", "Delivery", "Доставка"),
    ("payment", "Payment", "Оплата"),
    ("company", "Company", "Компания"),
    ("properties", "Property", "Свойство"),
    ("utm", "UTM mark", "Метка UTM"),
];

/// What a person calls the field at a pointer.
fn label(pointer: &str, lang: Lang) -> String {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let name = |table: &[(&str, &'static str, &'static str)], step: &str| {
        let row = table.iter().find(|(known, ..)| *known == step)?;
        Some(match lang {
            Lang::En => row.1,
            Lang::Ru => row.2,
        })
    };
    let group = steps.iter().rev().skip(1).find_map(|step| {
        let group = name(GROUPS, step)?;
        let nth = steps.iter().find_map(|step| step.parse::<usize>().ok());
        Some(match nth {
            Some(nth) => format!("{group} {}: ", nth.saturating_add(1)),
            None => format!("{group}: "),
        })
    });
    let last = steps.iter().rfind(|step| step.parse::<usize>().is_err());
    let last = last.copied().unwrap_or(pointer);
    let own = steps.contains(&"properties");
    let named = name(NAMES, last).filter(|_| !own).unwrap_or(last);
    format!("{}{named}", group.unwrap_or_default())
}

/// A correction as it was typed.
#[derive(Debug)]
pub(in crate::console) enum Correction {
    /// Some fields, by their JSON pointers.
    Fields(BTreeMap<String, String>),
    /// The whole event, as JSON text.
    Whole(String),
}

impl Correction {
    /// Those of a form's values whose names are pointers, unless it has the whole event.
    pub(in crate::console) fn of(whole: Option<String>, form: BTreeMap<String, String>) -> Self {
        match whole {
            Some(text) => Self::Whole(text),
            None => Self::Fields(
                form.into_iter()
                    .filter(|(name, _)| name.starts_with('/'))
                    .collect(),
            ),
        }
    }

    /// The event with the correction made.
    pub(in crate::console) fn payload(&self, event: &Value) -> Result<Value, Error> {
        match self {
            Self::Fields(typed) => with_fields(event, typed),
            Self::Whole(text) => serde_json::from_str(text).map_err(|error| {
                Error::Invalid(vec![Fault {
                    pointer: String::new(),
                    detail: format!("JSON: {error}"),
                }])
            }),
        }
    }

    /// It and what is wrong with it.
    pub(in crate::console) fn refused(&self, faults: Faults) -> Refused<'_> {
        match self {
            Self::Fields(typed) => Refused::Fields(typed, faults),
            Self::Whole(text) => Refused::Whole(text, sentence(&faults)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_called_as_people_call_them() {
        let told = |pointer, lang| label(pointer, lang);
        assert_eq!(
            told("/data/items/1/vat_rate", Lang::En),
            "Line 2: VAT rate, %"
        );
        assert_eq!(
            told("/data/items/1/vat_rate", Lang::Ru),
            "Позиция 2: Ставка НДС, %"
        );
        assert_eq!(told("/data/customer/emails/0", Lang::Ru), "Эл. почта");
        assert_eq!(
            told("/data/customer/company/inn", Lang::En),
            "Company: Tax number"
        );
        assert_eq!(
            told("/data/properties/status", Lang::En),
            "Property: status"
        );
        assert_eq!(told("/data/xyz", Lang::Ru), "xyz");
    }

    #[test]
    fn what_was_typed_stays_and_what_is_wrong_with_it_is_a_field_too() {
        let event = serde_json::json!({"data": {"status": "Q", "currency": "GEL", "total": "1"}});
        let wrong: Vec<Field> = field(&event, "/data/currency", None).into_iter().collect();
        let typed = BTreeMap::from([("/data/currency".to_owned(), "rubles".to_owned())]);
        let fault = |pointer: &str| crate::domain::Fault {
            pointer: pointer.to_owned(),
            detail: "x".to_owned(),
        };
        let faults = vec![fault("/data/currency"), fault("/data/total"), fault("")];
        let refused = Refused::Fields(&typed, faults);
        let fields = shown(wrong, &event, Some(&refused));
        let values: Vec<_> = fields
            .iter()
            .map(|one| (&*one.value, one.fault.as_deref()))
            .collect();
        assert_eq!(values, [("rubles", Some("x")), ("1", Some("x"))]);
        assert_eq!(apart(&fields, Some(&refused), Lang::En), ["x"]);
    }
}
