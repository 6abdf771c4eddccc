//! Pictures of products, variations and services: `catalog.productImage.*`.
//!
//! After b24-rest-docs, `api-reference/catalog/product-image`: an administrator alone may call
//! these; a picture without a type goes to `MORE_PHOTO`, of which a card has many; the same one
//! sent again is another; what is no base64 is kept as a broken file
//! (`api-reference/files/how-to-upload-files`). The words of refusals are not in the pages.

use super::{Catalogue, fields, missing, wrong};
use crate::sandbox::{
    PortalState,
    protocol::{
        decode::{Params, elements, id, text},
        envelope::{Fail, Outcome, Reply},
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// The longest name of a file, in characters.
const NAME: usize = 255;
/// The kinds of pictures; a card shows the first two in its old form alone.
const TYPES: [&str; 3] = ["DETAIL_PICTURE", "PREVIEW_PICTURE", "MORE_PHOTO"];

/// A picture as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    row: Map<String, Value>,
    content: Vec<u8>,
}

impl Catalogue {
    /// Every picture, with its content.
    pub(crate) fn pictures(&self) -> Vec<(Value, Vec<u8>)> {
        let all = self.images.values();
        all.map(|image| (Value::Object(image.row.clone()), image.content.clone()))
            .collect()
    }

    /// With a product its pictures go.
    pub(super) fn drop_images_of(&mut self, product: u64) {
        self.images
            .retain(|_, image| image.row.get("productId") != Some(&product.into()));
    }
}

pub(super) fn call(world: &mut PortalState, action: &str, params: &Params) -> Option<Outcome> {
    Some(match action {
        "add" => add(world, params),
        "get" => one(world, params).map(|(_, image)| json!({ "productImage": image.row }).into()),
        "list" => list(world, params),
        "delete" => one(world, params).map(|(own, _)| {
            world.crm.catalogue.images.remove(&own);
            Value::Bool(true).into()
        }),
        "getfields" => Ok(described()),
        _ => return None,
    })
}

/// The product that is meant, whatever it is.
fn product(world: &PortalState, given: Option<&Value>) -> Result<u64, Fail> {
    let given = given.ok_or_else(|| missing("productId"))?;
    id(Some(given))
        .filter(|own| world.crm.catalogue.elements.contains_key(own))
        .ok_or_else(|| wrong("Product was not found"))
}

fn one(world: &PortalState, params: &Params) -> Result<(u64, Image), Fail> {
    let product = product(world, params.exact("productId"))?;
    let given = params.exact("id").ok_or_else(|| missing("id"))?;
    let own = id(Some(given));
    let found = own.and_then(|own| Some((own, world.crm.catalogue.images.get(&own)?.clone())));
    found
        .filter(|(_, image)| image.row.get("productId") == Some(&product.into()))
        .ok_or_else(|| wrong("Image was not found"))
}

fn add(world: &mut PortalState, params: &Params) -> Outcome {
    let given = fields(params)?;
    let content = params.exact("fileContent").map(elements);
    let content = content.filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| missing("fileContent"))?;
    let product = product(world, given.get("productId"))?;
    let mut content = content.into_iter().map(text);
    let name = content.next().unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong("File name is empty"));
    }
    if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        return Err(wrong("File name contains invalid characters"));
    }
    if name.chars().count() > NAME {
        return Err(wrong("File name is too long"));
    }
    let ends = |end: &&str| name.to_lowercase().ends_with(*end);
    if ![".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"]
        .iter()
        .any(ends)
    {
        return Err(wrong("Invalid file type"));
    }
    let encoded = content.next().unwrap_or_default();
    if encoded.is_empty() {
        return Err(wrong("File is empty"));
    }
    let kind = given.get("type").map(text).unwrap_or_default();
    let kind = match kind.as_str() {
        "" => "MORE_PHOTO",
        kind => TYPES
            .into_iter()
            .find(|known| *known == kind)
            .ok_or_else(|| wrong("Invalid type"))?,
    };
    // What cannot be decoded is stored all the same.
    let content = BASE64_STANDARD
        .decode(&encoded)
        .unwrap_or_else(|_| encoded.into_bytes());
    let stamp = world.clock.stamp();
    let catalogue = &mut world.crm.catalogue;
    if kind != "MORE_PHOTO" {
        // Of these a product has one.
        catalogue.images.retain(|_, image| {
            let row = &image.row;
            row.get("productId") != Some(&product.into()) || row.get("type") != Some(&kind.into())
        });
    }
    let own = catalogue.next();
    let path = format!("/upload/iblock/{own:x}/{name}");
    let row = json!({
        "id": own, "name": name, "productId": product, "type": kind, "createTime": stamp,
        "detailUrl": path,
        "downloadUrl": format!("/rest/download.json?token=catalog%7C{own}%7Csecret"),
    });
    let Value::Object(row) = row else {
        return Err(wrong("Image is not saved"));
    };
    let shown = json!({ "productImage": &row });
    catalogue.images.insert(own, Image { row, content });
    Ok(shown.into())
}

/// All pictures of one product: these methods know no pages.
fn list(world: &PortalState, params: &Params) -> Outcome {
    let product = product(world, params.exact("productId"))?;
    let select: Vec<String> = params
        .exact("select")
        .map(|list| elements(list).into_iter().map(text).collect())
        .unwrap_or_default();
    let all = select.is_empty() || select.iter().any(|name| name == "*");
    let images = world.crm.catalogue.images.values();
    let images = images.filter(|image| image.row.get("productId") == Some(&product.into()));
    let rows = images.map(|image| {
        let kept = image
            .row
            .iter()
            .filter(|(key, _)| all || select.contains(key));
        Value::Object(
            kept.map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        )
    });
    let rows: Vec<Value> = rows.collect();
    Ok(Reply {
        total: Some(rows.len()),
        result: json!({ "productImages": rows }),
        next: None,
    })
}

fn described() -> Reply {
    let field = |kind: &str, required: bool, fixed: bool| {
        json!({ "type": kind, "isRequired": required, "isReadOnly": fixed,
                "isImmutable": false, "isMultiple": false, "isDynamic": false })
    };
    json!({ "productImage": {
        "id": field("integer", false, true), "name": field("string", false, true),
        "productId": field("integer", true, false), "type": field("string", false, false),
        "createTime": field("datetime", false, true),
        "detailUrl": field("string", false, true),
        "downloadUrl": field("string", false, true),
    }})
    .into()
}
