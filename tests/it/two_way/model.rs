//! Random histories through the whole service: a shop and managers edit, the network loses, doubles
//! and turns round, the bridge is killed. When the edits stop, both sides agree, writing stops, and
//! nothing that must not be lost is lost.

use super::world::{Plot, World};
use b24_bridge::sandbox::{Delivery, Faults, Options, Plan};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;

const STAGES: [&str; 6] = [
    "NEW",
    "PREPARATION",
    "PREPAYMENT_INVOICE",
    "EXECUTING",
    "WON",
    "LOSE",
];
const STATUSES: [&str; 5] = ["N", "A", "P", "F", "C"];

/// The status that a stage means, and the stages that mean a status.
fn status_of(stage: &str) -> &'static str {
    match stage {
        "NEW" | "PREPARATION" => "N",
        "PREPAYMENT_INVOICE" => "A",
        "EXECUTING" => "P",
        "WON" => "F",
        _ => "C",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

#[expect(clippy::print_stderr, reason = "shown with a test that failed")]
fn announce(seed: u64) {
    eprintln!("MODEL_SEED={seed}");
}

/// `MODEL_ORDERS`, `MODEL_EDITS` and `MODEL_SEED` choose other histories.
async fn history(rule: &str, seed: u64) -> World {
    announce(seed);
    let mut chance = StdRng::seed_from_u64(seed);
    let delivery = Delivery {
        max_delay: Duration::from_millis(1_200),
        loss: 0.3,
        duplication: 0.3,
        ..Delivery::default()
    };
    let faults = Faults {
        bad_gateway: 0.03,
        lost_answer: 0.03,
        half_answer: 0.02,
        reset_before: 0.02,
        ..Faults::default()
    };
    let mut world = World::new(Plot {
        settings: format!(
            "[[shops.main.rules]]\nwinner = \"{rule}\"\n[shops.main.conflict]\nclock_tolerance = \
             \"0s\"\nping_pong = {{ window = \"1h\", same = 200, any = 1000 }}"
        ),
        portal: Options {
            delivery,
            seed,
            ..Options::default().plan(Plan::Unlimited).faults(faults)
        },
        ..Plot::default()
    })
    .await;
    // A shop whose portal is always right lets a manager take a payment back.
    world.shop.with(|shop| shop.yields = rule == "portal");
    let orders = number("MODEL_ORDERS", 25);
    for order in 0..orders {
        world.shop.set(&format!("R-{order}"), "N");
    }
    world
        .until("all made", async || {
            world.portal.deals().len() as u64 == orders
        })
        .await;
    let edits = number("MODEL_EDITS", 160);
    for nth in 0..edits {
        let order = format!("R-{}", chance.random_range(0..orders));
        match chance.random_range(0..100) {
            0..40 => {
                let (deal, _) = world.deal(&order).unwrap();
                let stage = STAGES[chance.random_range(0..STAGES.len())];
                world.portal.move_deal(deal, stage);
            }
            40..75 => {
                let status = STATUSES[chance.random_range(0..STATUSES.len())];
                // A shop does not take a payment back by itself here.
                world.shop.change(&order, |order| {
                    if !order.paid {
                        status.clone_into(&mut order.status);
                    }
                });
            }
            75..80 => world.shop.pay(&order),
            _ => tokio::time::sleep(Duration::from_millis(chance.next_u64() % 120)).await,
        }
        if nth % (edits / 2) == edits / 4 {
            world.kill();
            tokio::time::sleep(Duration::from_millis(300)).await;
            world.start().await;
        }
    }
    world.portal.set_faults(Faults::default());
    for order in 0..orders {
        world.in_sync(&format!("R-{order}")).await;
    }
    world
}

/// What must hold under every rule: both sides mean the same, no paid order turned back, and
/// writing has stopped.
async fn check(world: &World) {
    let settled = world.portal.stats().methods.get("crm.deal.update").copied();
    let orders = world.shop.with(|shop| shop.orders.clone());
    for (number, order) in &orders {
        let stage = world.stage(number);
        let life = world.life(number).await.join("\n");
        assert_eq!(
            status_of(&stage),
            order.status,
            "{number} in {stage}\n{life}"
        );
        if order.paid {
            assert!(
                ["P", "F"].contains(&order.status.as_str()),
                "{number}\n{life}"
            );
        }
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(
        world.portal.stats().methods.get("crm.deal.update").copied(),
        settled,
        "writing goes on"
    );
    assert_eq!(world.shop.with(|shop| shop.forged), 0);
}

fn seed() -> u64 {
    number("MODEL_SEED", rand::random::<u32>().into())
}

#[tokio::test]
async fn random_histories_end_in_agreement_when_the_shop_is_right() {
    check(&history("shop", seed()).await).await;
}

#[tokio::test]
async fn random_histories_end_in_agreement_when_the_portal_is_right() {
    check(&history("portal", seed()).await).await;
}

#[tokio::test]
async fn random_histories_end_in_agreement_when_the_later_is_right() {
    check(&history("latest", seed()).await).await;
}
