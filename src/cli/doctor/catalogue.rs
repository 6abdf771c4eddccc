//! The portal's catalogue: whether it may be written, and whether it has what products need.

use super::report::Report;
use crate::{
    clients::bitrix24::{Client, Priority},
    config::{Config, Shop},
    domain::{ErrorCode, Place, PortalName, ShopName},
    stock::PortalStock,
    worker::CallFailure,
};
use serde_json::{Value, json};

/// Everything about the catalogue of a portal in which some shop keeps its products.
pub(super) async fn check(
    config: &Config,
    name: &PortalName,
    client: &Client,
    report: &mut Report,
) {
    let shops = config.shops.values();
    let shops: Vec<&Shop> = shops
        .filter(|shop| shop.rules.portal == *name && shop.catalogue.is_some())
        .collect();
    if shops.is_empty() {
        return;
    }
    let what = format!("catalogue of portal {name}");
    // Only an administrator may read this list; only an administrator may write products.
    let method = "catalog.catalog.list";
    let blocks = match client.call(method, &json!({}), Priority::Live).await {
        Ok(answer) => answer.result,
        Err(error) => {
            let message = CallFailure::from(error).message;
            return report.wrong_at(
                Place::portal(name.as_str()),
                what,
                message,
                ErrorCode::CatNoRight,
            );
        }
    };
    report.fine(&what, "may be written");
    let rows = blocks.get("catalogs").and_then(Value::as_array);
    let ids = rows.into_iter().flatten();
    let ids: Vec<&Value> = ids.filter_map(|row| row.get("iblockId")).collect();
    let mut names = Vec::new();
    for id in ids {
        let params = json!({"filter": {"iblockId": id}});
        let method = "catalog.productProperty.list";
        if let Ok(answer) = client.call(method, &params, Priority::Live).await {
            let rows = answer.result.get("productProperties").cloned();
            for row in rows.iter().filter_map(Value::as_array).flatten() {
                let texts = ["code", "xmlId", "name"].map(|field| row.get(field));
                let texts = texts.into_iter().flatten().filter_map(Value::as_str);
                names.extend(texts.map(str::to_lowercase));
            }
        }
    }
    for shop in shops {
        let rules = shop.catalogue.as_ref();
        let property = rules.and_then(|rules| rules.article_property.as_ref());
        if let Some(property) = property.filter(|name| !names.contains(&name.to_lowercase())) {
            let found = format!("products have no property `{property}`");
            let step = format!(
                "Add it to the products of the portal, or change `article_property` of the shop \
                 {}: until then no article is written, and nothing is adopted.",
                shop.rules.shop
            );
            report.note(&what, found, vec![step]);
        }
        let property = rules.and_then(|rules| rules.barcode_property.as_ref());
        if let Some(property) = property.filter(|name| !names.contains(&name.to_lowercase())) {
            let found = format!("products have no property `{property}`");
            let step = format!(
                "Add it to the products of the portal, or change `barcode_property` of the shop \
                 {}: until then no barcode is written.",
                shop.rules.shop
            );
            report.note(&what, found, vec![step]);
        }
    }
    check_reserves(config, name, client, report).await;
}

/// Whether the portal reserves linked products by itself.
async fn check_reserves(config: &Config, name: &PortalName, client: &Client, report: &mut Report) {
    let mut shops = config.shops.values();
    let links = shops.any(|shop| {
        let rules = shop.catalogue.as_ref();
        shop.rules.portal == *name && rules.is_some_and(|rules| rules.link_rows)
    });
    let shown = config.stocks.iter().any(|stock| {
        let portal = |shop: &ShopName| config.shops.get(shop).map(|shop| &shop.rules.portal);
        let here = stock
            .shops
            .iter()
            .any(|(shop, _)| portal(shop) == Some(name));
        stock.portal == PortalStock::Quantity && here
    });
    let method = "catalog.document.mode.status";
    let mode = client.call(method, &json!({}), Priority::Live).await;
    let kept = mode.as_ref().is_ok_and(|answer| answer.result == "Y");
    if shown && mode.is_ok_and(|answer| answer.result != "N") {
        let step = "No quantity is written into its products. Switch the portal's inventory \
                    management off, or set `portal = \"off\"` in `[stock.NAME]`.";
        let found = "the portal keeps stock itself";
        let what = format!("quantities of portal {name}");
        report.note(what, found, vec![step.to_owned()]);
    }
    if links && kept {
        let step = "Rows of deals are linked to products: the portal may reserve them and write \
                    them off by itself. Set `link_rows = false` if the stock is kept elsewhere.";
        let found = "inventory management is on";
        report.note(
            format!("stock of portal {name}"),
            found,
            vec![step.to_owned()],
        );
    }
}
