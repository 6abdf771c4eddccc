use super::*;
use crate::{
    domain::{Attributes, CatalogueRules, OrderNumber, Product, ProductPrice, ShopName, Variation},
    planner::{CommandAnswer, Landing},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

fn price(amount: u32) -> ProductPrice {
    ProductPrice {
        kind: None,
        amount: amount.into(),
        currency: "RUB".to_owned(),
    }
}

fn product(nth: usize) -> Product {
    Product {
        sku: Some(format!("A-{nth}")),
        name: format!("Чайник {nth}"),
        description: None,
        section: vec!["Дом".to_owned()],
        prices: vec![price(100)],
        vat: Some(20.into()),
        vat_included: true,
        unit: Some("шт".to_owned()),
        active: true,
        xml_id: None,
        attributes: Attributes::default(),
        variations: Vec::new(),
    }
}

fn job(nth: usize, product: Option<Product>) -> ProductJob {
    let rules = CatalogueRules {
        article_property: Some("ARTNUMBER".to_owned()),
        ..CatalogueRules::of("main")
    };
    ProductJob {
        quantities: BTreeMap::new(),
        neighbours: Vec::new(),
        shop: ShopName::parse("main").unwrap(),
        number: OrderNumber::parse(&format!("product:{nth}")).unwrap(),
        id: nth.to_string(),
        product: product.map(Box::new),
        rules: Arc::new(rules),
        links: ProductLinks::default(),
        told: format!("told {nth}"),
    }
}

/// A portal that makes whatever it is asked to make, and finds what it is told to.
#[derive(Default)]
struct Portal {
    last: u64,
    found: Vec<Value>,
    refuse: Option<(&'static str, &'static str)>,
    /// A method, and what it says to that instead.
    mute: Option<(&'static str, Value)>,
    /// A list with more than one page, and what its filter names.
    paged: Option<(&'static str, &'static str)>,
    currencies: Vec<&'static str>,
    calls: Vec<Vec<&'static str>>,
}

impl Portal {
    fn answer(&mut self, command: &Command) -> CommandAnswer {
        if let Some((method, error)) = self.refuse
            && command.method == method
        {
            return CommandAnswer::Refused {
                error: error.to_owned(),
                description: "Access Denied".to_owned(),
            };
        }
        if let Some((method, said)) = &self.mute
            && command.method == *method
        {
            let (result, next) = (said.clone(), None);
            return CommandAnswer::Done { result, next };
        }
        let more = self.paged.is_some_and(|(method, field)| {
            let start = command.params["start"].as_u64().unwrap_or_default();
            command.method == method && start == 0 && !command.params["filter"][field].is_null()
        });
        self.last += 1;
        let fields = &command.params["fields"];
        let made = json!({"id": self.last + 100, "xmlId": fields["xmlId"], "name": fields["name"],
                          "iblockSectionId": fields["iblockSectionId"]});
        let result = match command.method {
            "catalog.catalog.list" => json!({"catalogs": [
                {"iblockId": 14, "productIblockId": null},
                {"iblockId": 15, "productIblockId": 14}]}),
            "catalog.priceType.list" => {
                json!({"priceTypes": [{"id": 1, "name": "BASE", "base": "Y"}]})
            }
            "crm.currency.list" => {
                let row = |code: &&str| json!({ "CURRENCY": code });
                self.currencies.iter().map(row).collect()
            }
            "catalog.vat.list" => json!({"vats": [{"id": 4, "rate": 20, "active": "Y"}]}),
            "catalog.measure.list" => json!({"measures": [{"id": 5, "code": 796}]}),
            "catalog.productProperty.list" if more => json!({"productProperties": [
                {"id": 76, "iblockId": 14, "code": "COLOUR"}]}),
            "catalog.productProperty.list" => json!({"productProperties": [
                {"id": 77, "iblockId": 14, "code": "ARTNUMBER"}]}),
            "catalog.product.list" => json!({ "products": self.found }),
            "catalog.product.add" => json!({ "element": made }),
            "catalog.product.update" => json!({ "element": {"id": 9, "xmlId": "other"} }),
            "catalog.product.sku.add" => json!({ "sku": made }),
            "catalog.product.offer.add" => json!({ "offer": made }),
            "catalog.section.add" => json!({ "section": made }),
            "catalog.price.add" | "catalog.price.update" => {
                json!({"price": {"id": self.last + 100}})
            }
            _ => json!({}),
        };
        let next = more.then_some(50);
        CommandAnswer::Done { result, next }
    }

    fn work(&mut self, wave: &mut ProductWave) {
        loop {
            let round = wave.next_round();
            if round.is_empty() {
                return;
            }
            for call in round {
                self.calls
                    .push(call.commands.iter().map(|one| one.method).collect());
                let answers = call.commands.iter();
                let answers = answers.map(|one| (one.key.clone(), self.answer(one)));
                wave.answer(&call, CallAnswer::Answered(answers.collect()));
            }
        }
    }

    fn writes(&self) -> Vec<&Vec<&'static str>> {
        let adds = |call: &&Vec<&str>| call.contains(&"catalog.product.add");
        self.calls.iter().filter(adds).collect()
    }
}

fn links(settlement: &Settlement) -> ProductLinks {
    *settlement.known.product.clone().unwrap()
}

#[test]
fn a_product_in_a_currency_that_the_portal_lacks_is_refused_and_planned_as_doubtful() {
    let mut dear = product(1);
    dear.prices[0].currency = "KZT".to_owned();
    let jobs = || vec![job(0, Some(product(0))), job(1, Some(dear.clone()))];
    let mut portal = Portal {
        currencies: vec!["RUB", "USD"],
        ..Portal::default()
    };
    let mut dry = ProductWave::dry(jobs());
    portal.work(&mut dry);
    let plans = dry.plans();
    assert_eq!(plans[0].change, ProductAction::Add);
    assert_eq!(plans[1].change, ProductAction::Doubtful);
    assert_eq!(plans[1].reason, "the portal has no currency `KZT`");
    let mut wave = ProductWave::new(jobs(), None);
    portal.work(&mut wave);
    let (settled, facts, hindrance) = wave.finish();
    assert!(matches!(settled[0].outcome, Outcome::Done { wrote: true }));
    let refused = &settled[1].outcome;
    assert!(matches!(
        refused,
        Outcome::Refused { code: ErrorCode::Currency, message } if message.contains("KZT")
    ));
    // It may be added at any time: the next wave asks again.
    assert_eq!((facts, hindrance), (None, None));
    // A list that is not to be had, or goes on, judges nothing.
    portal.currencies.clear();
    let mut dry = ProductWave::dry(jobs());
    portal.work(&mut dry);
    assert_eq!(dry.plans()[1].change, ProductAction::Add);
}

#[test]
fn twenty_five_new_products_with_their_prices_are_made_in_one_call() {
    let jobs = (0..100).map(|nth| job(nth, Some(product(nth))));
    let mut wave = ProductWave::new(jobs.collect(), None);
    let mut portal = Portal::default();
    portal.work(&mut wave);
    assert_eq!(portal.writes().len(), 4);
    assert!(portal.writes().iter().all(|call| call.len() == 50));
    let sections = portal.calls.iter().flatten();
    let sections = sections.filter(|method| **method == "catalog.section.add");
    assert_eq!(sections.count(), 1);
    let (settled, facts, hindrance) = wave.finish();
    assert!(hindrance.is_none() && facts.is_some() && settled.len() == 100);
    for one in &settled {
        assert_eq!(one.outcome, Outcome::Done { wrote: true });
        let own = links(one).own.unwrap();
        assert_eq!(own.fields["property77"], format!("A-{}", one.job.place()));
        assert_eq!(own.prices[&1].amount, "100");
    }
    // Sent again as it is, nothing is asked; with another price, one thing is written.
    let again = settled.iter().map(|one| ProductJob {
        links: links(one),
        ..job(one.job.place(), Some(product(one.job.place())))
    });
    let mut again: Vec<ProductJob> = again.collect();
    let mut changed = product(7);
    changed.prices = vec![price(90)];
    again[7].product = Some(Box::new(changed));
    again[7].told = "otherwise".to_owned();
    let mut wave = ProductWave::new(again, facts);
    let mut portal = Portal::default();
    portal.work(&mut wave);
    assert_eq!(portal.calls, [["catalog.price.update"]]);
    let wrote = wave.finish().0.into_iter();
    let wrote = wrote.filter(|one| one.outcome == Outcome::Done { wrote: true });
    assert_eq!(wrote.map(|one| one.job.place()).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_is_found_as_it_is_to_be_is_not_written() {
    let mut portal = Portal {
        found: vec![
            json!({"id": 9, "type": 1, "xmlId": "main:1", "name": "Чайник 1",
                           "active": "Y", "vatId": 4, "vatIncluded": "Y", "measure": 5}),
        ],
        ..Portal::default()
    };
    let mut one = product(1);
    (one.section, one.sku, one.prices) = (Vec::new(), None, Vec::new());
    let mut wave = ProductWave::new(vec![job(1, Some(one))], None);
    portal.work(&mut wave);
    let settled = wave.finish().0;
    assert_eq!(settled[0].outcome, Outcome::Done { wrote: false });
    assert_eq!(links(&settled[0]).own.unwrap().id, 9);
    assert!(portal.writes().is_empty());
}

#[test]
fn two_products_under_one_code_are_nobodys() {
    let row = |id: u64| json!({"id": id, "type": 1, "xmlId": "main:1", "name": "a"});
    let mut portal = Portal {
        found: vec![row(9), row(12)],
        ..Portal::default()
    };
    let mut wave = ProductWave::new(vec![job(1, Some(product(1)))], None);
    portal.work(&mut wave);
    let settled = wave.finish().0;
    let Outcome::Hopeless { code, message } = &settled[0].outcome else {
        panic!("{:?}", settled[0].outcome);
    };
    assert_eq!(*code, ErrorCode::CatTwoMatches);
    assert!(message.contains("9, 12"), "{message}");
    assert!(portal.writes().is_empty());
}

#[test]
fn an_element_whose_code_is_its_own_id_is_nobodys() {
    let mut one = job(9, Some(product(9)));
    one.rules = Arc::new(CatalogueRules {
        prefix: String::new(),
        ..CatalogueRules::of("main")
    });
    let mut portal = Portal {
        found: vec![json!({"id": 9, "type": 1, "xmlId": "9", "name": "somebody's"})],
        ..Portal::default()
    };
    let mut wave = ProductWave::new(vec![one], None);
    portal.work(&mut wave);
    assert_eq!(portal.writes().len(), 1);
}

#[test]
fn a_product_that_gets_variations_becomes_another_and_the_old_one_is_withdrawn() {
    let mut with = product(1);
    with.variations = vec![Variation {
        id: "11".to_owned(),
        sku: None,
        name: "Чайник красный".to_owned(),
        prices: Vec::new(),
        active: true,
        xml_id: None,
        attributes: Attributes::default(),
    }];
    let mut one = job(1, Some(with));
    one.links.own = Some(LinkedElement {
        id: 9,
        ..LinkedElement::default()
    });
    let mut wave = ProductWave::new(vec![one], None);
    let mut portal = Portal::default();
    portal.work(&mut wave);
    let asked: Vec<_> = portal.calls.concat();
    for method in [
        "catalog.product.update",
        "catalog.product.sku.add",
        "catalog.product.offer.add",
        "catalog.price.add",
    ] {
        assert!(asked.contains(&method), "{method}: {asked:?}");
    }
    let links = links(&wave.finish().0[0]);
    let offer = links.variations["11"].id;
    // A parent stands in no order.
    assert_eq!(links.sold("1"), [("11".to_owned(), offer)]);
}

#[test]
fn a_missing_right_is_the_portals_and_no_products() {
    for method in ["catalog.catalog.list", "catalog.product.add"] {
        let mut portal = Portal {
            refuse: Some((method, "200040300043")),
            ..Portal::default()
        };
        let mut wave = ProductWave::new(vec![job(1, Some(product(1)))], None);
        portal.work(&mut wave);
        let (settled, facts, hindrance) = wave.finish();
        assert_eq!(hindrance.unwrap().code, ErrorCode::CatNoRight);
        assert!(facts.is_none());
        for one in settled {
            let code = ErrorCode::CatNoRight;
            assert_eq!(one.outcome, Outcome::Again { code }, "{method}");
        }
    }
}

#[test]
fn what_was_lost_is_known_of_nobody_and_waits_until_it_has_landed() {
    let mut wave = ProductWave::new(vec![job(1, Some(product(1)))], None);
    let mut portal = Portal::default();
    loop {
        let round = wave.next_round();
        if round.is_empty() {
            break;
        }
        for call in round {
            let adds = |one: &Command| one.method == "catalog.product.add";
            if call.commands.iter().any(adds) {
                assert_eq!(wave.intentions().len(), 1);
                wave.answer(&call, CallAnswer::InDoubt);
                continue;
            }
            let answers = call.commands.iter();
            let answers = answers.map(|one| (one.key.clone(), portal.answer(one)));
            wave.answer(&call, CallAnswer::Answered(answers.collect()));
        }
    }
    let (settled, facts, _) = wave.finish();
    let code = ErrorCode::InDoubt;
    assert_eq!(settled[0].outcome, Outcome::Again { code });
    assert!(settled[0].waits && matches!(settled[0].landing, Landing::Lost(_)));
    assert_eq!(links(&settled[0]), ProductLinks::default());
    assert!(facts.is_none());
}

#[test]
fn an_answer_that_is_no_list_is_not_taken_for_an_empty_one() {
    for said in [
        json!(null),
        json!({"message": "later"}),
        json!({"products": null}),
        json!({"products": [[]]}),
        json!({"products": [{"name": "Чайник"}]}),
    ] {
        let mut portal = Portal {
            mute: Some(("catalog.product.list", said)),
            ..Portal::default()
        };
        let mut wave = ProductWave::new(vec![job(1, Some(product(1)))], None);
        portal.work(&mut wave);
        assert!(portal.writes().is_empty());
        let settled = wave.finish().0;
        let is_done = |one: &Settlement| matches!(one.outcome, Outcome::Done { .. });
        assert!(!settled.iter().any(is_done), "{settled:?}");
    }
}

#[test]
fn a_property_on_a_later_page_is_found() {
    let mut portal = Portal {
        paged: Some(("catalog.productProperty.list", "iblockId")),
        ..Portal::default()
    };
    let mut wave = ProductWave::new(vec![job(1, Some(product(1)))], None);
    portal.work(&mut wave);
    let settled = wave.finish().0;
    let own = links(&settled[0]).own.unwrap();
    assert_eq!(own.fields["property77"], "A-1");
}

#[test]
fn more_products_of_an_article_than_a_page_shows_are_nobodys() {
    let mut portal = Portal {
        found: vec![json!({"id": 9, "type": 1, "xmlId": "9", "property77": {"value": "A-1"}})],
        paged: Some(("catalog.product.list", "property77")),
        ..Portal::default()
    };
    let mut one = job(1, Some(product(1)));
    one.rules = Arc::new(CatalogueRules {
        adopts: true,
        ..(*one.rules).clone()
    });
    let mut wave = ProductWave::new(vec![one], None);
    portal.work(&mut wave);
    let Outcome::Hopeless { code, .. } = wave.finish().0.remove(0).outcome else {
        panic!("one of them was taken for it");
    };
    assert_eq!(code, ErrorCode::CatTwoMatches);
    assert!(portal.writes().is_empty());
}

#[test]
fn what_turns_out_to_be_another_product_is_let_go() {
    let mut one = job(1, Some(product(1)));
    let fields = json!({"xmlId": "main:1", "name": "Старое имя"});
    one.links.own = Some(LinkedElement {
        id: 9,
        fields: fields.as_object().cloned().unwrap(),
        ..LinkedElement::default()
    });
    let mut wave = ProductWave::new(vec![one], None);
    Portal::default().work(&mut wave);
    let settled = wave.finish().0;
    let Outcome::Refused { message, .. } = &settled[0].outcome else {
        panic!("{:?}", settled[0].outcome);
    };
    assert!(message.ends_with("\"other\""), "{message}");
    assert_eq!(links(&settled[0]), ProductLinks::default());
}

#[test]
fn a_neighbours_product_of_the_same_article_is_neither_adopted_nor_in_doubt() {
    for neighbours in [vec!["other:".to_owned()], Vec::new()] {
        let mut portal = Portal {
            found: vec![json!({"id": 9, "type": 1, "xmlId": "other:7",
                               "property77": {"value": "A-1"}})],
            ..Portal::default()
        };
        let mut one = job(1, Some(product(1)));
        one.neighbours.clone_from(&neighbours);
        let mut wave = ProductWave::new(vec![one], None);
        portal.work(&mut wave);
        let settled = wave.finish().0.remove(0);
        let is_told = matches!(settled.outcome, Outcome::Hopeless { .. });
        assert_eq!(is_told, neighbours.is_empty(), "{:?}", settled.outcome);
        assert_eq!(portal.writes().len(), neighbours.len());
    }
}
