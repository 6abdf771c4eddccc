//! Products, parents, variations and services: one row of ids, four groups of methods.

use super::{
    Catalogue, OFFERS, PRODUCTS,
    dictionaries::rates,
    fields, listed,
    properties::{Held, Property},
    require, the_id, wrong,
};
use crate::sandbox::{
    Caller, PortalState,
    crm::entities::rows::{decimal, number},
    protocol::{
        decode::{Params, elements, id, int, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Product,
    Parent,
    Offer,
    Service,
}

impl Kind {
    fn of(group: &str) -> Self {
        match group {
            "product.sku" => Self::Parent,
            "product.offer" => Self::Offer,
            "product.service" => Self::Service,
            _ => Self::Product,
        }
    }

    /// The words under which an answer to `add` and `update`, to `get` and to `list` is found.
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Product => ["element", "product", "products"],
            Self::Parent => ["sku", "sku", "units"],
            Self::Offer => ["offer", "offer", "offers"],
            Self::Service => ["service", "service", "services"],
        }
    }

    fn iblock(self) -> u64 {
        if self == Self::Offer {
            OFFERS
        } else {
            PRODUCTS
        }
    }
}

/// A product, a parent of variations or a variation of the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    kind: Kind,
    values: Map<String, Value>,
    properties: BTreeMap<u64, Vec<Held>>,
    parent: Option<Held>,
}

const TEXTS: [&str; 13] = [
    "name",
    "active",
    "code",
    "xmlId",
    "previewText",
    "previewTextType",
    "detailText",
    "detailTextType",
    "canBuyZero",
    "quantityTrace",
    "subscribe",
    "barcodeMulti",
    "vatIncluded",
];
const NUMBERS: [&str; 8] = [
    "iblockSectionId",
    "measure",
    "vatId",
    "sort",
    "weight",
    "length",
    "width",
    "height",
];
/// What only a portal without inventory management takes.
const STOCK: [&str; 3] = ["quantity", "quantityReserved", "purchasingPrice"];
/// What a parent has not: it is its variations'.
const SOLD: [&str; 6] = [
    "measure",
    "vatId",
    "vatIncluded",
    "quantity",
    "quantityReserved",
    "purchasingPrice",
];

impl Element {
    /// As `get` shows it.
    pub(super) fn shown(&self, own: u64, properties: &[Property]) -> Value {
        let mut row = self.values.clone();
        row.insert("id".to_owned(), own.into());
        let kind = match self.kind {
            Kind::Product => 1,
            Kind::Parent => 3,
            Kind::Offer if self.parent.is_some() => 4,
            Kind::Offer => 5,
            Kind::Service => 7,
        };
        row.insert("type".to_owned(), kind.into());
        if self.kind == Kind::Offer {
            let parent = self.parent.as_ref().map(Held::shown);
            row.insert("parentId".to_owned(), parent.into());
        }
        for property in properties.iter().filter(|p| p.iblock == self.kind.iblock()) {
            let held = self.properties.get(&property.id);
            let mut shown = held.into_iter().flatten().map(Held::shown);
            let value = if property.multiple {
                shown.collect()
            } else {
                shown.next().unwrap_or(Value::Null)
            };
            row.insert(property.name(), value);
        }
        Value::Object(row)
    }
}

pub(super) fn call(
    world: &mut PortalState,
    caller: &Caller,
    group: &str,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    let kind = Kind::of(group);
    Some(match action {
        "add" => add(world, caller, kind, params),
        "update" => update(world, caller, kind, params),
        "get" => the_id(params).and_then(|id| shown(world, kind, id, kind.words()[1])),
        "delete" => the_id(params).and_then(|id| {
            find(world, kind, id)?;
            let catalogue = &mut world.crm.catalogue;
            catalogue.elements.remove(&id);
            catalogue
                .prices
                .retain(|_, row| row.get("productId") != Some(&id.into()));
            catalogue.drop_images_of(id);
            Ok(Value::Bool(true).into())
        }),
        "list" => list(world, kind, params),
        _ => return None,
    })
}

fn find(world: &PortalState, kind: Kind, own: u64) -> Result<&Element, Fail> {
    let found = world.crm.catalogue.elements.get(&own);
    found
        .filter(|element| element.kind == kind)
        .ok_or_else(|| wrong("product is not exists"))
}

fn shown(world: &PortalState, kind: Kind, own: u64, word: &str) -> Outcome {
    let element = find(world, kind, own)?;
    let row = element.shown(own, &world.crm.catalogue.properties);
    Ok(json!({ word: row }).into())
}

/// A list wants the block in its filter, and both ids in its selection; it has no `@`.
fn list(world: &PortalState, kind: Kind, params: &Params) -> Outcome {
    let filter = params.exact("filter");
    let named = filter.and_then(Value::as_object);
    if let Some(name) = named
        .into_iter()
        .flat_map(Map::keys)
        .find(|k| k.contains('@'))
    {
        let text = format!("Invalid filter: field '{name}' is not allowed in filter");
        return Err(wrong(&text));
    }
    let select = params.exact("select").map(elements).unwrap_or_default();
    let select: Vec<String> = select.into_iter().map(text).collect();
    if !["id", "iblockId"]
        .iter()
        .all(|name| select.iter().any(|s| s == name))
    {
        return Err(wrong("Required select fields: id, iblockId"));
    }
    if id(filter.and_then(|f| f.get("iblockId"))).is_none() {
        return Err(wrong("Required filter fields: iblockId"));
    }
    let catalogue = &world.crm.catalogue;
    let codes = filter.and_then(|filter| sought(filter.get("xmlId")?));
    let may_be = |element: &Element| {
        let own = element.values.get("xmlId").map(text).unwrap_or_default();
        let sought = codes.as_ref();
        sought.is_none_or(|codes| codes.contains(&own.to_lowercase()))
    };
    let rows = catalogue
        .elements
        .iter()
        .filter(|(_, element)| element.kind == kind && may_be(element))
        .map(|(id, element)| element.shown(*id, &catalogue.properties))
        .collect();
    listed(world, kind.words()[2], rows, params)
}

/// The codes that a filter asks for, in small letters: a portal has an index of them, and showing
/// every element of thousands, fifty times in a call, would keep everybody else waiting. `None`
/// where it also asks for what has no code.
fn sought(codes: &Value) -> Option<HashSet<String>> {
    let all: Vec<&Value> = match codes {
        Value::Array(_) => elements(codes),
        one => vec![one],
    };
    let codes = all.into_iter().map(|code| text(code).to_lowercase());
    let codes: HashSet<String> = codes.collect();
    (!codes.contains("")).then_some(codes)
}

fn fresh(world: &PortalState, caller: &Caller, kind: Kind) -> Element {
    let stamp = world.clock.stamp();
    let row = json!({
        "iblockId": kind.iblock(), "active": "Y", "available": "Y", "bundle": "N",
        "canBuyZero": "N", "code": null, "xmlId": null, "createdBy": caller.user,
        "modifiedBy": caller.user, "dateCreate": stamp, "timestampX": stamp,
        "detailText": null, "detailTextType": "text", "previewText": null,
        "previewTextType": "text", "iblockSectionId": null, "sort": 500, "subscribe": "Y",
        "barcodeMulti": "N", "quantityTrace": "N", "quantity": 0, "quantityReserved": 0,
        "purchasingPrice": null, "purchasingCurrency": null, "measure": 5, "vatId": null,
        "vatIncluded": "N", "weight": null, "length": null, "width": null, "height": null,
        "dateActiveFrom": null, "dateActiveTo": null, "detailPicture": null,
        "previewPicture": null, "recurSchemeLength": null, "recurSchemeType": "D",
        "trialPriceId": null, "withoutOrder": "N",
    });
    let mut values = row.as_object().cloned().unwrap_or_default();
    if kind == Kind::Parent {
        for name in SOLD {
            values.insert(name.to_owned(), Value::Null);
        }
    }
    Element {
        kind,
        values,
        properties: BTreeMap::new(),
        parent: None,
    }
}

fn add(world: &mut PortalState, caller: &Caller, kind: Kind, params: &Params) -> Outcome {
    let given = fields(params)?;
    require(&given, &["iblockId", "name"])?;
    if id(given.get("iblockId")) != Some(kind.iblock()) {
        return Err(Fail::numeric(200_040_300_000, "Iblock Not Found"));
    }
    let mut element = fresh(world, caller, kind);
    check(world, None, kind, &given)?;
    let own = world.crm.catalogue.next();
    if kind == Kind::Offer {
        let parent = given.get("parentId");
        let parent = id(parent.and_then(|p| p.get("value")).or(parent));
        let known = parent.filter(|id| find(world, Kind::Parent, *id).is_ok());
        element.parent = known.map(|parent| Held {
            id: own + 500_000,
            value: parent.to_string().into(),
        });
    }
    write(world, &mut element, &given);
    // An element without an external code gets its own id for one.
    if element
        .values
        .get("xmlId")
        .map(text)
        .is_none_or(|v| v.is_empty())
    {
        element
            .values
            .insert("xmlId".to_owned(), own.to_string().into());
    }
    world.crm.catalogue.elements.insert(own, element);
    shown(world, kind, own, kind.words()[0])
}

fn update(world: &mut PortalState, caller: &Caller, kind: Kind, params: &Params) -> Outcome {
    let own = the_id(params)?;
    let given = fields(params)?;
    let mut element = find(world, kind, own)?.clone();
    check(world, Some(own), kind, &given)?;
    write(world, &mut element, &given);
    let stamp = world.clock.stamp();
    element.values.insert("timestampX".to_owned(), stamp.into());
    element
        .values
        .insert("modifiedBy".to_owned(), caller.user.into());
    world.crm.catalogue.elements.insert(own, element);
    shown(world, kind, own, kind.words()[0])
}

fn check(
    world: &PortalState,
    own: Option<u64>,
    kind: Kind,
    given: &Map<String, Value>,
) -> Result<(), Fail> {
    let catalogue: &Catalogue = &world.crm.catalogue;
    let code = given.get("code").map(text).filter(|code| !code.is_empty());
    let taken = |(id, other): (&u64, &Element)| {
        Some(*id) != own
            && other.kind.iblock() == kind.iblock()
            && other.values.get("code").map(text) == code
    };
    if code.is_some() && catalogue.elements.iter().any(taken) {
        return Err(wrong("Товар с указанным символьным кодом уже существует"));
    }
    if let Some(section) = id(given.get("iblockSectionId"))
        && !catalogue.sections.contains_key(&section)
    {
        return Err(wrong("Section is not exists"));
    }
    if let Some(rate) = id(given.get("vatId"))
        && !rates().iter().any(|row| row["id"] == rate)
    {
        return Err(wrong("VAT vatId is not exists"));
    }
    let currency = given.get("purchasingCurrency").map(text);
    if currency.is_some_and(|code| !code.is_empty() && !world.options.currencies.contains(&code)) {
        return Err(wrong("Currency purchasingCurrency is not exists"));
    }
    Ok(())
}

/// Takes over what is known; other names vanish in silence, and so does a price.
fn write(world: &mut PortalState, element: &mut Element, given: &Map<String, Value>) {
    let open = |name: &str| element.kind != Kind::Parent || !SOLD.contains(&name);
    let mut values = Map::new();
    for name in TEXTS.into_iter().filter(|name| open(name)) {
        if let Some(value) = given.get(name) {
            values.insert(name.to_owned(), text(value).into());
        }
    }
    for name in NUMBERS.into_iter().filter(|name| open(name)) {
        if let Some(value) = given.get(name) {
            values.insert(name.to_owned(), int(value).into());
        }
    }
    if !world.options.inventory {
        for name in STOCK.into_iter().filter(|name| open(name)) {
            if let Some(value) = decimal(given.get(name)) {
                values.insert(name.to_owned(), number(value));
            }
        }
        if let Some(currency) = given.get("purchasingCurrency") {
            values.insert("purchasingCurrency".to_owned(), text(currency).into());
        }
    }
    element.values.extend(values);
    let properties = world.crm.catalogue.properties.clone();
    for property in properties
        .iter()
        .filter(|p| p.iblock == element.kind.iblock())
    {
        let Some(value) = given.get(&property.name()) else {
            continue;
        };
        let old = element.properties.remove(&property.id).unwrap_or_default();
        let held = property.written(&old, value, &mut || world.crm.catalogue.next());
        element.properties.insert(property.id, held);
    }
}
