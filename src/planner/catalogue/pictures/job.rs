//! A picture on its way to the card of its product.

use crate::{
    domain::{ErrorCode, OrderNumber, Picture, PictureKind, ShopName},
    planner::{Planned, hex_digest},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What stands for a picture of a shop in the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureLink {
    /// The id of the product whose card it is on.
    pub element: u64,
    /// The id of the picture; absent: it was sent, and nobody heard what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// The name of the file.
    pub name: String,
}

/// Why a picture cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFault {
    /// The code that people see.
    pub code: ErrorCode,
    /// What exactly is wrong, in one sentence.
    pub message: String,
    /// Whether another try is of no use.
    pub lasts: bool,
}

/// A picture to bring to a card, or to take away.
#[derive(Debug, Clone)]
pub struct PictureJob {
    /// The shop whose product it is of.
    pub shop: ShopName,
    /// The key of the subject.
    pub number: OrderNumber,
    /// The key of its product.
    pub product: String,
    /// As what the shop names it.
    pub source: Picture,
    /// Hosts from which it is taken though they are not public.
    pub hosts: Arc<[String]>,
    /// Whether pictures are switched off: all stay as they are.
    pub is_off: bool,
    /// The id of its product in the portal.
    pub element: u64,
    /// Whether the shop names it.
    pub shown: bool,
    /// What is known of it.
    pub link: Option<PictureLink>,
    /// Whether another picture that the shop names is the same file in the portal.
    pub shared: bool,
    /// The file, or why it cannot be had; `None`: nobody has looked.
    pub file: Option<Result<Vec<u8>, PictureFault>>,
}

impl PictureJob {
    /// Whether it is on record that the portal has it.
    pub(super) fn is_there(&self) -> bool {
        let link = self.link.as_ref();
        link.is_some_and(|link| link.element == self.element && link.image.is_some())
    }

    /// Whether its file is to be had before anything can be done.
    pub fn wants_file(&self) -> bool {
        self.shown && self.file.is_none() && !self.rests()
    }

    /// Whether nothing is to be done.
    pub fn rests(&self) -> bool {
        if self.is_off {
            true
        } else if self.shown {
            self.is_there()
        } else {
            self.link.is_none()
        }
    }

    /// The name under which a file is kept: of this shop, this product and these contents alone.
    pub(super) fn name_of(&self, file: &[u8]) -> String {
        let begin = self.name_begins(&hex::encode(Sha256::digest(file)));
        let end = PictureKind::of(file).map_or("bin", PictureKind::extension);
        format!("{begin}{end}")
    }

    /// What the name of its file begins with, where what is in it is known without it.
    pub(super) fn known_name(&self) -> Option<String> {
        match &self.source {
            Picture::File(digest) => Some(self.name_begins(digest)),
            Picture::Address(_) | Picture::Broken(_) | Picture::Awaited(_) => None,
        }
    }

    fn name_begins(&self, contents: &str) -> String {
        let digest = hex_digest(&format!("{}\n{}\n{contents}", self.shop, self.product));
        format!("{}.", digest.get(..32).unwrap_or(&digest))
    }
}

impl Planned for PictureJob {
    fn number(&self) -> &OrderNumber {
        &self.number
    }

    fn customers(&self) -> Vec<String> {
        Vec::new()
    }
}
