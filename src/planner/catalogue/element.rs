//! The elements that stand for one product: itself, or the parent and its variations.

use super::{
    LinkedElement, ProductJob,
    fields::{self, Kind, Unclear, Wanted},
};
use crate::planner::catalogue::schema::CatalogueFacts;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Products and parents share their external codes; variations have theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Products,
    Offers,
}

impl Group {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Simple | Kind::Parent => Self::Products,
            Kind::Offer => Self::Offers,
        }
    }
}

/// One element of the catalogue that stands for the product or a variation of it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The shop's id of the variation; `None`: the product itself.
    pub(super) variation: Option<String>,
    pub(super) kind: Kind,
    /// The external code (`xmlId`) by which the portal knows it.
    pub(super) code: String,
    /// What stands for it in the portal.
    pub(super) element: Option<LinkedElement>,
    /// Whether it is known what prices that has.
    pub(super) priced: bool,
    /// What was found under its code: by id.
    pub(super) matches: BTreeMap<u64, (Kind, Map<String, Value>)>,
    /// What was found under its article.
    pub(super) alike: BTreeMap<u64, Map<String, Value>>,
    /// The shop has it no more.
    pub(super) gone: bool,
}

impl Part {
    fn new(variation: Option<String>, kind: Kind, code: String) -> Self {
        Self {
            variation,
            kind,
            code,
            element: None,
            priced: false,
            matches: BTreeMap::new(),
            alike: BTreeMap::new(),
            gone: false,
        }
    }

    fn known(mut self, element: Option<&LinkedElement>) -> Self {
        self.priced = element.is_some();
        self.element = element.cloned();
        self
    }

    /// Whether it has to be looked for.
    pub(super) fn is_sought(&self) -> bool {
        self.element.is_none() && self.matches.is_empty() && !self.gone
    }

    /// What it is to be.
    pub(super) fn wanted(
        &self,
        job: &ProductJob,
        facts: &CatalogueFacts,
    ) -> Result<Wanted, Unclear> {
        let product = job.product.as_deref().filter(|_| !self.gone);
        let Some(product) = product else {
            let fields = Map::from_iter([("active".to_owned(), json!("N"))]);
            return Ok(Wanted {
                fields,
                ..Wanted::default()
            });
        };
        let own = |id: &String| product.variations.iter().find(|one| one.id == *id);
        let mut wanted = match self.variation.as_ref().map(own) {
            None => fields::of_product(product, self.kind, &job.rules, facts)?,
            Some(Some(variation)) => fields::of_variation(product, variation, &job.rules, facts)?,
            Some(None) => Wanted::default(),
        };
        let code = json!(self.code);
        wanted.fields.insert("xmlId".to_owned(), code);
        let sold_as = self.variation.as_ref().unwrap_or(&job.id);
        if let (Some(quantity), Some(false)) = (job.quantities.get(sold_as), facts.keeps_stock)
            && self.kind != Kind::Parent
        {
            let quantity = json!(quantity.normalize().to_string());
            wanted.fields.insert("quantity".to_owned(), quantity);
        }
        Ok(wanted)
    }

    /// The name without which nothing can be made.
    pub(super) fn name(&self, job: &ProductJob) -> String {
        let Some(product) = &job.product else {
            return String::new();
        };
        let variations = product.variations.iter();
        let mut own = variations.filter(|one| Some(&one.id) == self.variation.as_ref());
        let name = own.next().map_or(&product.name, |one| &one.name);
        name.clone()
    }
}

/// The parts of a job, and what stood for it that is of another kind.
pub(super) fn of_job(job: &ProductJob) -> (Vec<Part>, Vec<(u64, Kind)>) {
    let links = &job.links;
    let mut retired = Vec::new();
    let known = links.own.as_ref();
    let was = known.map(|own| {
        if own.parent {
            Kind::Parent
        } else {
            Kind::Simple
        }
    });
    let kind = match &job.product {
        Some(product) if product.variations.is_empty() => Kind::Simple,
        Some(_) => Kind::Parent,
        None => was.unwrap_or(Kind::Simple),
    };
    let code = job.rules.code(&job.id, job.product.as_deref());
    let same = known.filter(|_| was == Some(kind));
    if let (None, Some(own), Some(was)) = (same, known, was) {
        retired.push((own.id, was));
    }
    let mut parts = vec![Part::new(None, kind, code).known(same)];
    let variations = job.product.iter().flat_map(|product| &product.variations);
    for one in variations {
        let code = job
            .rules
            .variation_code(&job.id, &one.id, one.xml_id.as_deref());
        let part = Part::new(Some(one.id.clone()), Kind::Offer, code);
        parts.push(part.known(links.variations.get(&one.id)));
    }
    for (id, element) in &links.variations {
        if parts.iter().all(|part| part.variation.as_ref() != Some(id)) {
            let part = Part::new(Some(id.clone()), Kind::Offer, String::new());
            let mut part = part.known(Some(element));
            part.gone = true;
            parts.push(part);
        }
    }
    (parts, retired)
}
