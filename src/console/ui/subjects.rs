//! Names of subjects by their keys: what stands in the queue beside orders, such as submissions of
//! forms, calls, receipts and products.

use super::links;
use crate::console::{
    i18n::{locale::Lang, messages::Text},
    session::viewer::Viewer,
};

/// What keys begin with, and what that is called in English and in Russian.
const KINDS: [(&str, &str, &str); 8] = [
    ("form:", "Submission", "Заявка с формы"),
    ("call:", "Call", "Звонок"),
    ("mail:", "Mail", "Электронное письмо"),
    ("message:", "Message", "Сообщение"),
    ("receipt:", "Receipt", "Чек"),
    ("note:", "Note of a till", "Запись кассы"),
    ("product:", "Product", "Товар"),
    ("picture:", "Picture", "Картинка товара"),
];

/// What the thing with this number or key is called: an order, unless the key says otherwise.
pub(in crate::console) fn noun(visitor: &Viewer, number: &str) -> &'static str {
    let kind = KINDS.iter().find(|(key, ..)| number.starts_with(key));
    match (kind, visitor.lang) {
        (Some((_, english, _)), Lang::En) => english,
        (Some((_, _, russian)), Lang::Ru) => russian,
        (None, _) => visitor.text(Text::Order),
    }
}

/// The page of what has this key, where it has one.
pub(in crate::console) fn page(shop: &str, key: &str) -> Option<String> {
    match key.split(':').next()? {
        "form" => Some(links::forms(shop)),
        "receipt" | "note" => Some("/console/stock/receipts".to_owned()),
        "product" | "picture" => Some(links::products(shop)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::is_subject_key;

    #[test]
    fn every_kind_of_key_has_a_name_and_is_no_orders_number() {
        for (key, english, russian) in KINDS {
            assert!(is_subject_key(&format!("{key}17")), "{key}");
            assert!(!english.is_empty() && !russian.is_empty(), "{key}");
        }
    }

    #[test]
    fn a_submission_leads_to_the_forms_a_product_to_the_products_and_a_call_nowhere() {
        let page = |key| page("main", key);
        assert_eq!(
            page("form:17").as_deref(),
            Some("/console/shops/main/forms")
        );
        assert_eq!(
            page("product:7").as_deref(),
            Some("/console/shops/main/products")
        );
        assert_eq!(
            page("picture:0f").as_deref(),
            Some("/console/shops/main/products")
        );
        assert_eq!(
            page("receipt:R-1").as_deref(),
            Some("/console/stock/receipts")
        );
        assert_eq!(page("call:12"), None);
    }
}
