//! One picture against one card.

use super::*;
use crate::{
    domain::{OrderNumber, Picture, ShopName},
    planner::Landing,
};
use sha2::{Digest as _, Sha256};
use std::path::Path;

const FILE: &[u8] = b"\x89PNG\r\n\x1a\nkettle";

fn job(shown: bool, link: Option<PictureLink>) -> PictureJob {
    PictureJob {
        shop: ShopName::parse("main").unwrap(),
        number: OrderNumber::parse("picture:1").unwrap(),
        product: "product:17".to_owned(),
        source: Picture::Address("https://shop.test/a.png".to_owned()),
        hosts: Vec::new().into(),
        is_off: false,
        element: 7,
        shown,
        link,
        shared: false,
        file: shown.then(|| Ok(FILE.to_vec())),
    }
}

fn on_record(image: Option<u64>, name: &str) -> PictureLink {
    PictureLink {
        element: 7,
        image,
        name: name.to_owned(),
    }
}

/// A wave of one picture against a card that shows these, until nothing is asked any more: what
/// was asked, and the end.
fn run(job: PictureJob, card: &Value) -> (Vec<&'static str>, Settlement) {
    let mut wave = PictureWave::new(vec![job]);
    let mut asked = Vec::new();
    loop {
        let calls = wave.next_round();
        if calls.is_empty() {
            break;
        }
        for call in calls {
            let command = call.commands[0].clone();
            asked.push(command.method);
            let result = match command.method {
                LIST => json!({ "productImages": card }),
                ADD => {
                    json!({"productImage": {"id": 90, "name": command.params["fileContent"][0]}})
                }
                _ => json!(true),
            };
            let done = CommandAnswer::Done { result, next: None };
            wave.answer(&call, CallAnswer::Answered([(command.key, done)].into()));
        }
    }
    let (mut ended, _) = wave.finish();
    (asked, ended.remove(0))
}

#[test]
fn a_picture_is_brought_once_and_then_asks_for_nothing() {
    let (asked, ended) = run(job(true, None), &json!([{"id": 3, "name": "manager.png"}]));
    assert_eq!(asked, [LIST, ADD]);
    assert_eq!(ended.outcome, Outcome::Done { wrote: true });
    let link = ended.known.picture.unwrap();
    assert_eq!((link.element, link.image), (7, Some(90)));
    let (asked, ended) = run(job(true, Some(link.clone())), &json!([]));
    assert!(asked.is_empty());
    assert_eq!(ended.known.picture.as_ref(), Some(&link));
    // The record was lost, or the answer was: it is found by its name.
    let card = json!([{"id": 3, "name": "manager.png"}, {"id": 90, "name": link.name}]);
    let (asked, ended) = run(job(true, None), &card);
    assert_eq!(asked, [LIST]);
    assert_eq!(ended.known.picture, Some(link));
}

#[test]
fn what_is_withdrawn_is_deleted_by_id_and_name_or_not_at_all() {
    let card = json!([{"id": 90, "name": "ours.png"}, {"id": 91, "name": "theirs.png"}]);
    let (asked, ended) = run(job(false, Some(on_record(Some(90), "ours.png"))), &card);
    assert_eq!(asked, [LIST, DELETE]);
    assert_eq!(ended.known.picture, None);
    for (image, name) in [(90, "theirs.png"), (91, "ours.png"), (92, "gone.png")] {
        let (asked, ended) = run(job(false, Some(on_record(Some(image), name))), &card);
        assert_eq!(asked, [LIST], "{image} {name}");
        assert_eq!(ended.outcome, Outcome::Done { wrote: false });
    }
    // Sent, and nobody heard of it: its name tells.
    let (asked, _) = run(job(false, Some(on_record(None, "ours.png"))), &card);
    assert_eq!(asked, [LIST, DELETE]);
    // Another address of the shop leads to the same file.
    let mut shared = job(false, Some(on_record(Some(90), "ours.png")));
    shared.shared = true;
    assert_eq!(run(shared, &card).0, [LIST]);
}

#[test]
fn a_card_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    for card in [
        json!(null),
        json!([{"id": 3}]),
        json!([{"name": "a.png"}]),
        json!(""),
    ] {
        let (asked, ended) = run(job(true, None), &card);
        assert_eq!(asked, [LIST], "{card}");
        assert!(matches!(ended.outcome, Outcome::Refused { .. }), "{card}");
    }
}

#[test]
fn a_lost_answer_leaves_the_name_on_record_and_is_waited_for() {
    let mut wave = PictureWave::new(vec![job(true, None)]);
    let look = wave.next_round().remove(0);
    assert!(wave.intentions().is_empty() && !look.writes() && !look.brings_a_file());
    let result = json!({ "productImages": [] });
    let done = CommandAnswer::Done { result, next: None };
    let key = look.commands[0].key.clone();
    wave.answer(&look, CallAnswer::Answered([(key, done)].into()));
    let add = wave.next_round().remove(0);
    assert!(add.writes() && add.brings_a_file());
    let name = wave.intentions()[0].what.plan.clone();
    assert_eq!(Path::new(&name).extension(), Some("png".as_ref()), "{name}");
    wave.answer(&add, CallAnswer::InDoubt);
    let ended = wave.finish().0.remove(0);
    assert!(ended.waits && matches!(ended.landing, Landing::Lost(_)));
    assert_eq!(ended.known.picture, Some(on_record(None, &name)));
}

#[test]
fn a_picture_that_cannot_be_had_asks_the_portal_for_nothing() {
    for lasts in [true, false] {
        let mut bad = job(true, None);
        let code = ErrorCode::CatPictureUnusable;
        let message = "no".to_owned();
        bad.file = Some(Err(PictureFault {
            code,
            message,
            lasts,
        }));
        let (asked, ended) = run(bad, &json!([]));
        assert!(asked.is_empty());
        assert_eq!(matches!(ended.outcome, Outcome::Hopeless { .. }), lasts);
    }
}

#[test]
fn what_is_switched_off_stays_as_it_is() {
    for (shown, link) in [(true, None), (false, Some(on_record(Some(90), "ours.png")))] {
        let mut off = job(shown, link.clone());
        off.is_off = true;
        let (asked, ended) = run(off, &json!([{"id": 90, "name": "ours.png"}]));
        assert!(asked.is_empty());
        assert_eq!(ended.outcome, Outcome::Done { wrote: false });
        assert_eq!(ended.known.picture, link);
    }
}

#[test]
fn a_file_that_is_kept_no_more_is_found_on_the_card_by_what_is_in_it() {
    let mut known = job(true, None);
    known.source = Picture::File(hex::encode(Sha256::digest(FILE)));
    let name = known.name_of(FILE);
    let fault = PictureFault {
        code: ErrorCode::CatPictureUnusable,
        message: "its file is kept no more".to_owned(),
        lasts: true,
    };
    known.file = Some(Err(fault));
    let card = json!([{"id": 3, "name": "manager.png"}, {"id": 90, "name": name}]);
    let (asked, ended) = run(known.clone(), &card);
    assert_eq!(asked, [LIST]);
    assert_eq!(ended.outcome, Outcome::Done { wrote: false });
    assert_eq!(ended.known.picture.unwrap().image, Some(90));
    let (asked, ended) = run(known, &json!([{"id": 3, "name": "manager.png"}]));
    assert_eq!(asked, [LIST]);
    assert!(matches!(ended.outcome, Outcome::Hopeless { .. }));
}

#[test]
fn a_file_without_a_name_is_nobodys_and_hides_no_other() {
    let unheard = Some(on_record(None, ""));
    let (asked, ended) = run(job(true, unheard), &json!([{"id": 3, "name": null}]));
    assert_eq!(asked, [LIST, ADD]);
    assert_eq!(ended.known.picture.unwrap().image, Some(90));
}
