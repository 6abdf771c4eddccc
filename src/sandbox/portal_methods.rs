//! Methods about the portal and its users, the list of all methods, and who may call which.

use super::{
    Caller, PortalState,
    options::{CatalogRights, Sight},
    protocol::{
        decode::{Params, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Value, json};

/// Every method that the sandbox knows, in lower case.
pub(crate) const METHODS: &[&str] = &[
    "app.info",
    "catalog.catalog.get",
    "catalog.catalog.list",
    "catalog.document.mode.status",
    "catalog.measure.list",
    "catalog.price.add",
    "catalog.price.delete",
    "catalog.price.get",
    "catalog.price.list",
    "catalog.price.modify",
    "catalog.price.update",
    "catalog.pricetype.list",
    "catalog.product.add",
    "catalog.product.delete",
    "catalog.product.get",
    "catalog.product.list",
    "catalog.product.offer.add",
    "catalog.product.offer.delete",
    "catalog.product.offer.get",
    "catalog.product.offer.list",
    "catalog.product.offer.update",
    "catalog.product.service.add",
    "catalog.product.service.delete",
    "catalog.product.service.get",
    "catalog.product.service.list",
    "catalog.product.service.update",
    "catalog.product.sku.add",
    "catalog.product.sku.delete",
    "catalog.product.sku.get",
    "catalog.product.sku.list",
    "catalog.product.sku.update",
    "catalog.product.update",
    "catalog.productimage.add",
    "catalog.productimage.delete",
    "catalog.productimage.get",
    "catalog.productimage.getfields",
    "catalog.productimage.list",
    "catalog.productproperty.add",
    "catalog.productproperty.list",
    "catalog.section.add",
    "catalog.section.get",
    "catalog.section.list",
    "catalog.section.update",
    "catalog.store.add",
    "catalog.store.get",
    "catalog.store.list",
    "catalog.vat.list",
    "crm.activity.add",
    "crm.activity.delete",
    "crm.activity.get",
    "crm.activity.list",
    "crm.activity.todo.add",
    "crm.activity.todo.update",
    "crm.activity.update",
    "crm.address.add",
    "crm.address.list",
    "crm.address.update",
    "crm.automation.trigger",
    "crm.category.fields",
    "crm.category.get",
    "crm.category.list",
    "crm.company.add",
    "crm.company.delete",
    "crm.company.fields",
    "crm.company.get",
    "crm.company.list",
    "crm.company.update",
    "crm.company.userfield.add",
    "crm.company.userfield.list",
    "crm.contact.add",
    "crm.contact.company.add",
    "crm.contact.company.delete",
    "crm.contact.company.fields",
    "crm.contact.company.items.delete",
    "crm.contact.company.items.get",
    "crm.contact.company.items.set",
    "crm.contact.delete",
    "crm.contact.fields",
    "crm.contact.get",
    "crm.contact.list",
    "crm.contact.update",
    "crm.contact.userfield.add",
    "crm.contact.userfield.list",
    "crm.currency.get",
    "crm.currency.list",
    "crm.deal.add",
    "crm.deal.contact.add",
    "crm.deal.contact.delete",
    "crm.deal.contact.fields",
    "crm.deal.contact.items.delete",
    "crm.deal.contact.items.get",
    "crm.deal.contact.items.set",
    "crm.deal.delete",
    "crm.deal.fields",
    "crm.deal.get",
    "crm.deal.list",
    "crm.deal.productrows.get",
    "crm.deal.productrows.set",
    "crm.deal.update",
    "crm.deal.userfield.add",
    "crm.deal.userfield.list",
    "crm.dealcategory.list",
    "crm.dealcategory.stage.list",
    "crm.duplicate.findbycomm",
    "crm.entity.mergebatch",
    "crm.item.add",
    "crm.item.batchimport",
    "crm.item.delete",
    "crm.item.fields",
    "crm.item.get",
    "crm.item.import",
    "crm.item.list",
    "crm.item.productrow.add",
    "crm.item.productrow.delete",
    "crm.item.productrow.fields",
    "crm.item.productrow.get",
    "crm.item.productrow.list",
    "crm.item.productrow.set",
    "crm.item.productrow.update",
    "crm.item.update",
    "crm.lead.add",
    "crm.lead.delete",
    "crm.lead.fields",
    "crm.lead.get",
    "crm.lead.list",
    "crm.lead.productrows.get",
    "crm.lead.productrows.set",
    "crm.lead.update",
    "crm.lead.userfield.add",
    "crm.lead.userfield.list",
    "crm.measure.list",
    "crm.requisite.add",
    "crm.requisite.delete",
    "crm.requisite.get",
    "crm.requisite.list",
    "crm.requisite.preset.list",
    "crm.requisite.update",
    "crm.settings.mode.get",
    "crm.stagehistory.list",
    "crm.status.entity.items",
    "crm.status.entity.types",
    "crm.status.get",
    "crm.status.list",
    "crm.timeline.comment.add",
    "crm.timeline.comment.delete",
    "crm.timeline.comment.get",
    "crm.timeline.comment.list",
    "crm.timeline.comment.update",
    "crm.timeline.logmessage.add",
    "event.bind",
    "event.get",
    "event.offline.clear",
    "event.offline.error",
    "event.offline.get",
    "event.offline.list",
    "event.test",
    "event.unbind",
    "events",
    "feature.get",
    "method.get",
    "methods",
    "profile",
    "scope",
    "server.time",
    "user.current",
    "user.get",
];

fn scope_of(method: &str) -> Option<&str> {
    let head = method.split('.').next().unwrap_or(method);
    matches!(head, "crm" | "catalog" | "user").then_some(head)
}

fn scopes<'w>(world: &'w PortalState, caller: &Caller) -> &'w [String] {
    match &caller.app {
        None => &world.options.webhook_scopes,
        Some(client) => {
            let app = world
                .options
                .apps
                .iter()
                .find(|app| app.client_id == *client);
            app.map_or(&[], |app| &app.scopes)
        }
    }
}

/// Refuses a method that the webhook or application was not given.
pub(crate) fn check_scope(world: &PortalState, caller: &Caller, method: &str) -> Result<(), Fail> {
    let Some(scope) = scope_of(method) else {
        return Ok(());
    };
    if scopes(world, caller).iter().any(|own| own == scope) {
        return Ok(());
    }
    let bearer = if caller.app.is_some() {
        "access token"
    } else {
        "webhook token"
    };
    let text = format!("The request requires higher privileges than provided by the {bearer}");
    Err(Fail::new(401, "insufficient_scope", &text))
}

/// The methods of this file; `None` when the method is another's.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Option<Outcome> {
    let value = match method {
        "server.time" => json!(world.clock.stamp()),
        "profile" => json!({
            "ID": caller.user.to_string(),
            "ADMIN": world.options.catalog_rights == CatalogRights::Administrator
                && world.options.sight == Sight::All,
            "NAME": "Анна", "LAST_NAME": "Смирнова",
            "PERSONAL_GENDER": "F", "TIME_ZONE": "",
        }),
        "user.current" => user(caller.user),
        "user.get" => {
            let result = json!([user(world.options.webhook_user)]);
            return Some(Ok(super::protocol::envelope::Reply {
                result,
                total: Some(1),
                next: None,
            }));
        }
        "scope" => json!(scopes(world, caller)),
        "methods" => json!(METHODS),
        "method.get" => {
            let name = params
                .any("name")
                .map(text)
                .unwrap_or_default()
                .to_lowercase();
            let known = METHODS.contains(&name.as_str());
            let open = known && check_scope(world, caller, &name).is_ok();
            json!({ "isExisting": known, "isAvailable": open })
        }
        "feature.get" => {
            let code = params.any("CODE").map(text).unwrap_or_default();
            let on = matches!(
                code.as_str(),
                "rest_auth_connector" | "rest_offline_extended"
            ) && world.options.auth_connector;
            json!({ "value": if on { "Y" } else { "N" } })
        }
        "app.info" => {
            let Some(client) = &caller.app else {
                return Some(Err(Fail::new(
                    403,
                    "ACCESS_DENIED",
                    "Application context required",
                )));
            };
            json!({
                "ID": 1, "CODE": client, "VERSION": 1, "STATUS": "L", "INSTALLED": true,
                "PAYMENT_EXPIRED": "N", "DAYS": null, "LANGUAGE_ID": "ru", "LICENSE": "ru_basic",
                "LICENSE_FAMILY": "basic",
            })
        }
        _ => return None,
    };
    Some(Ok(value.into()))
}

fn user(id: u64) -> Value {
    json!({
        "ID": id.to_string(), "ACTIVE": true, "NAME": "Анна", "LAST_NAME": "Смирнова",
        "SECOND_NAME": "", "EMAIL": "anna@portal.test", "LAST_LOGIN": "", "IS_ONLINE": "Y",
        "TIME_ZONE": "", "TIMESTAMP_X": {}, "LAST_ACTIVITY_DATE": {}, "PERSONAL_GENDER": "",
        "WORK_POSITION": "Менеджер", "UF_DEPARTMENT": [1], "USER_TYPE": "employee",
    })
}
