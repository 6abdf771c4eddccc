//! The plan of pictures: what would be done with those of some products. Nothing is asked for and
//! nothing is written.

use super::{pictures::StoredPicture, sync::ProductPage};
use crate::{
    app::{Catalogue, Error},
    domain::{OrderKey, Picture, ProductPicture, ShopName},
    planner::KnownLinks,
    storage::pictures::{self, PictureRow},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What would be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureAction {
    /// It would be put on the card, if its file can be had.
    Add,
    /// The card has it.
    Keep,
    /// It would be taken from the card.
    Delete,
    /// It cannot be taken, or cannot be told.
    Doubtful,
}

/// What would be done with one picture, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PicturePlan {
    /// The key of its product.
    pub product: String,
    /// As what the shop names it, without what may be secret.
    pub picture: String,
    /// What would be done.
    pub change: PictureAction,
    /// Why; empty of one that stays.
    pub reason: String,
}

/// A picture that is known.
struct Known {
    picture: ProductPicture,
    is_named: bool,
    /// The id under which the card has it, as far as is known.
    image: Option<u64>,
    error: Option<String>,
}

impl Catalogue {
    /// What would be done with the pictures of these products. None where pictures are not brought.
    pub async fn plan_pictures(
        &self,
        shop: &ShopName,
        page: &ProductPage,
    ) -> Result<Vec<PicturePlan>, Error> {
        let rules = self.registry.catalogues.get(shop);
        if !rules.is_some_and(|rules| rules.pictures) {
            return Ok(Vec::new());
        }
        let products: Vec<String> = page.pictures.keys().cloned().collect();
        let rows = {
            let mut db = self.db.acquire().await?;
            pictures::of_products(&mut db, shop.as_str(), &products).await?
        };
        let mut known: BTreeMap<String, Vec<Known>> = BTreeMap::new();
        let mut plans = Vec::new();
        for row in rows {
            match read(shop, &row) {
                Ok(one) => known.entry(row.product).or_default().push(one),
                Err(reason) => plans.push(PicturePlan {
                    product: row.product,
                    picture: row.key,
                    change: PictureAction::Doubtful,
                    reason,
                }),
            }
        }
        for (product, named) in &page.pictures {
            let known = known.remove(product).unwrap_or_default();
            plans.extend(planned(product, named.as_deref(), &known));
        }
        Ok(plans)
    }
}

fn read(shop: &ShopName, row: &PictureRow) -> Result<Known, String> {
    let key = &OrderKey::new(shop.as_str(), &row.key);
    let stored = row.body.typed("bridge.subjects", "body", key);
    let stored: StoredPicture = stored.map_err(|why| why.to_string())?;
    let links = row.known.typed("bridge.subjects", "known", key);
    let links: KnownLinks = links.map_err(|why| why.to_string())?;
    let element = row.element.and_then(|id| u64::try_from(id).ok());
    let on_card = links
        .picture
        .filter(|link| !stored.shown || Some(link.element) == element);
    Ok(Known {
        picture: stored.picture,
        is_named: stored.shown,
        image: on_card.and_then(|link| link.image),
        error: row.error.clone(),
    })
}

/// What would be done with the pictures of a product of which these are named; `None`: those that
/// were named before.
fn planned(product: &str, named: Option<&[ProductPicture]>, known: &[Known]) -> Vec<PicturePlan> {
    let before = known.iter().filter(|one| one.is_named);
    let before: Vec<ProductPicture> = before.map(|one| one.picture.clone()).collect();
    let named = named.unwrap_or(&before);
    let plan = |picture: &ProductPicture, change, reason: String| PicturePlan {
        product: product.to_owned(),
        picture: picture.shown(),
        change,
        reason,
    };
    let (mut plans, mut stay) = (Vec::new(), Vec::new());
    for picture in named {
        let one = known.iter().find(|one| one.picture == *picture);
        let image = one.and_then(|one| one.image);
        stay.extend(image);
        let error = one.and_then(|one| one.error.clone());
        plans.push(match (&picture.picture, image) {
            (_, Some(_)) => plan(picture, PictureAction::Keep, String::new()),
            (Picture::Broken(why), None) => plan(picture, PictureAction::Doubtful, why.clone()),
            (Picture::Awaited(_), None) => {
                let reason = "1C has not sent its file".to_owned();
                plan(picture, PictureAction::Doubtful, reason)
            }
            (Picture::Address(_) | Picture::File(_), None) => {
                let reason = error.unwrap_or_else(|| "the card does not have it".to_owned());
                plan(picture, PictureAction::Add, reason)
            }
        });
    }
    for one in known.iter().filter(|one| !named.contains(&one.picture)) {
        // The same file under another name stays.
        if one.image.is_some_and(|image| !stay.contains(&image)) {
            let reason = "the shop names it no more".to_owned();
            plans.push(plan(&one.picture, PictureAction::Delete, reason));
        }
    }
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(picture: Picture) -> ProductPicture {
        ProductPicture {
            picture,
            variation: None,
        }
    }

    fn address(name: &str) -> ProductPicture {
        own(Picture::Address(format!(
            "https://shop.test/{name}?key=secret"
        )))
    }

    fn known(name: &str, is_named: bool, image: Option<u64>) -> Known {
        Known {
            picture: address(name),
            is_named,
            image,
            error: (name == "bad").then(|| "the server answers 404".to_owned()),
        }
    }

    fn told(named: Option<&[ProductPicture]>, known: &[Known]) -> Vec<(String, PictureAction)> {
        let plans = planned("product:1", named, known).into_iter();
        plans.map(|plan| (plan.picture, plan.change)).collect()
    }

    #[test]
    fn what_is_named_is_added_or_stays_and_what_is_not_goes() {
        use PictureAction::{Add, Delete, Doubtful, Keep};
        let known = [
            known("a", true, Some(1)),
            known("b", true, None),
            known("bad", true, None),
            known("c", true, Some(2)),
            known("same-as-a", false, Some(1)),
            known("never-there", false, None),
        ];
        let at = |name: &str| format!("https://shop.test/{name}");
        let named = [
            address("a"),
            address("new"),
            own(Picture::Awaited("x.jpg".to_owned())),
            own(Picture::Broken("no base64".to_owned())),
        ];
        let expected = [
            (at("a"), Keep),
            (at("new"), Add),
            ("awaited:x.jpg".to_owned(), Doubtful),
            ("broken:no base64".to_owned(), Doubtful),
            (at("c"), Delete),
        ];
        assert_eq!(told(Some(&named), &known), expected);
        // Who says nothing of pictures leaves them as they were named.
        let expected = [
            (at("a"), Keep),
            (at("b"), Add),
            (at("bad"), Add),
            (at("c"), Keep),
        ];
        assert_eq!(told(None, &known), expected);
        let plans = planned("product:1", None, &known);
        assert_eq!(plans[2].reason, "the server answers 404");
        let expected = [(at("a"), Delete), (at("c"), Delete)];
        assert_eq!(told(Some(&[]), &known[..4]), expected);
    }
}
