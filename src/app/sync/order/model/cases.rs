//! Histories that went wrong once, each with what went wrong.

use super::*;

const SILENT: Habits = Habits {
    stamps: false,
    echoes: false,
    delay: 0,
};

fn world(winner: Winner) -> World {
    World::new(policy(winner), SILENT, (0, 0))
}

fn stands(world: &mut World, status: &str) {
    world.settle(None);
    assert!(world.agrees(), "{}", world.story());
    let stage = &world.portal.records.stage;
    let map = &world.policy().statuses;
    assert!(map.consistent(status, stage), "{}", world.story());
}

/// The shop took F, as the deal was moved; it never says so.
fn told(world: &mut World) {
    world.happen(&Op::Move(4));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Wait(60_000));
    world.happen(&Op::Send(true, true));
    assert_eq!(world.shop.status(), "F", "{}", world.story());
}

#[test]
fn a_shop_that_was_restored_says_again_what_it_said_before_and_is_asked() {
    let mut world = world(Winner::Latest);
    world.happen(&Op::BackUp(Who::Shop));
    told(&mut world);
    world.happen(&Op::Wait(3_600_000));
    world.happen(&Op::Restore(Who::Shop));
    assert_eq!(world.shop.status(), "N");
    stands(&mut world, "N");
}

#[test]
fn an_edit_after_the_shops_clock_was_set_back_is_no_old_news() {
    let mut world = world(Winner::Shop);
    for _ in 0..4 {
        world.happen(&Op::Wait(60_000));
        world.happen(&Op::Touch);
        world.happen(&Op::Snapshot(0, false, Vec::new()));
    }
    told(&mut world);
    world.happen(&Op::SetShopClock(-3_600_000));
    world.happen(&Op::Edit(4));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    stands(&mut world, "D");
}

#[test]
fn a_manager_who_comes_back_while_an_answer_is_lost_leaves_nobody_behind() {
    let mut world = world(Winner::Shop);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(vec![Op::Touch], Vec::new()));
    world.happen(&Op::Move(0));
    world.happen(&Op::Send(true, false));
    assert_eq!(world.shop.status(), "P");
    stands(&mut world, "N");
}

#[test]
fn money_taken_while_two_messages_wait_is_not_denied_by_the_second() {
    let mut world = world(Winner::Shop);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(vec![Op::Move(5)], Vec::new()));
    world.happen(&Op::Look(vec![Op::Pay], Vec::new()));
    stands(&mut world, "P");
    assert_eq!(world.shop.turned_back, None, "{}", world.story());
}

#[test]
fn a_word_about_a_difference_that_ended_by_itself_holds_back_no_message() {
    let mut world = world(Winner::Review);
    world.happen(&Op::Move(4));
    world.happen(&Op::Look(vec![Op::Edit(1)], Vec::new()));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.happen(&Op::Rule(Side::Shop));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.settle(Some(Side::Portal));
    assert!(world.agrees(), "{}", world.story());
}

#[test]
fn snapshots_that_come_in_turn_long_after_a_message_do_not_undo_it_one_after_the_other() {
    let late = Habits {
        delay: 65_000,
        ..SILENT
    };
    let mut world = World::new(policy(Winner::Shop), late, (0, 0));
    world.happen(&Op::Edit(2));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Move(2));
    stands(&mut world, "P");
}

#[test]
fn a_status_that_is_written_as_the_same_stage_does_not_hide_where_the_deal_is() {
    let mut world = world(Winner::Portal);
    world.happen(&Op::Move(1));
    world.happen(&Op::Edit(1));
    stands(&mut world, "A");
}

#[test]
fn a_message_that_was_taken_back_after_it_was_sent_is_asked_about() {
    let late = Habits {
        delay: 65_000,
        ..SILENT
    };
    let mut world = World::new(policy(Winner::Latest), late, (0, 0));
    world.happen(&Op::Pay);
    world.happen(&Op::Move(5));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Wait(30_000));
    world.happen(&Op::Send(true, false));
    assert_eq!(world.shop.status(), "D");
    world.settle(None);
    assert!(world.agrees(), "{}", world.story());
}

#[test]
fn an_old_snapshot_of_a_cancelled_order_does_not_hold_the_manager_back() {
    let late = Habits {
        delay: 65_000,
        ..SILENT
    };
    let mut world = World::new(policy(Winner::Shop), late, (0, 0));
    world.happen(&Op::Move(5));
    world.happen(&Op::Look(vec![Op::Move(0)], Vec::new()));
    world.happen(&Op::Edit(4));
    stands(&mut world, "N");
    world.happen(&Op::Move(2));
    stands(&mut world, "P");
}

/// A message that was sent, and not answered, until it was given up.
fn given_up(arrives: bool) -> World {
    let mut world = world(Winner::Latest);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Send(arrives, false));
    world.happen(&Op::GiveUp);
    assert!(world.has_letters());
    world
}

#[test]
fn what_the_shop_says_by_itself_is_not_told_any_more() {
    for arrives in [false, true] {
        let mut world = given_up(arrives);
        let others = Op::Touch;
        let says = if arrives { others } else { Op::Edit(2) };
        world.happen(&says);
        world.happen(&Op::Snapshot(0, false, Vec::new()));
        assert!(!world.has_letters(), "{}", world.story());
        stands(&mut world, "P");
    }
}

#[test]
fn a_shop_that_says_already_what_it_refuses_to_hear_leaves_no_letter() {
    let mut world = world(Winner::Latest);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Send(false, false));
    world.happen(&Op::Edit(2));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.happen(&Op::GiveUp);
    assert!(!world.has_letters(), "{}", world.story());
    stands(&mut world, "P");
}

#[test]
fn a_shop_that_says_what_it_had_before_a_message_that_was_given_up_ends_nothing() {
    let mut world = given_up(false);
    world.happen(&Op::Touch);
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    assert!(world.has_letters(), "{}", world.story());
    stands(&mut world, "P");
}

#[test]
fn a_shop_that_goes_elsewhere_after_a_message_was_given_up_is_followed() {
    let mut world = given_up(true);
    world.happen(&Op::Wait(3_600_000));
    world.happen(&Op::Edit(3));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    assert!(!world.has_letters(), "{}", world.story());
    stands(&mut world, "F");
}

#[test]
fn what_was_given_up_before_something_that_the_shop_took_is_over() {
    let mut world = world(Winner::Portal);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Move(1));
    world.happen(&Op::GiveUp);
    stands(&mut world, "N");
    // The shop alone has changed.
    world.happen(&Op::Edit(1));
    stands(&mut world, "A");
    assert_eq!(world.shop.status(), "A", "{}", world.story());
}

#[test]
fn a_word_that_crossed_a_message_that_was_given_up_is_weighed_against_the_managers() {
    let mut world = World::new(policy(Winner::Portal), SILENT, (-77_825, 0));
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    stands(&mut world, "P");
    world.happen(&Op::Move(0));
    world.happen(&Op::Edit(3));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::GiveUp);
    stands(&mut world, "N");
}

#[test]
fn what_rests_on_a_message_that_was_given_up_falls_with_it() {
    let mut world = world(Winner::Review);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::GiveUp);
    world.happen(&Op::Move(4));
    world.happen(&Op::Look(vec![Op::Move(0)], Vec::new()));
    world.happen(&Op::Look(vec![Op::Edit(2)], Vec::new()));
    world.happen(&Op::GiveUp);
    world.happen(&Op::Look(vec![Op::Pay], Vec::new()));
    world.happen(&Op::Touch);
    world.settle(Some(Side::Shop));
    assert!(world.agrees(), "{}", world.story());
}

#[test]
fn a_message_that_was_taken_before_an_older_dump_came_back_is_cleared_up_by_the_order_itself() {
    let mut world = world(Winner::Latest);
    world.happen(&Op::Move(2));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::BackUp(Who::Bridge));
    world.happen(&Op::Send(true, false));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Restore(Who::Bridge));
    world.happen(&Op::SetShopClock(-2_546));
    world.settle(None);
    assert!(world.agrees(), "{}", world.story());
}

#[test]
fn a_message_that_is_refused_while_a_stage_is_being_written_is_not_waited_for_again() {
    let mut world = world(Winner::Latest);
    world.happen(&Op::SetShopClock(-8_622));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Move(4));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Edit(2));
    world.happen(&Op::Edit(1));
    world.happen(&Op::Write(WriteFate::Late(0)));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.happen(&Op::Look(vec![Op::Move(0)], Vec::new()));
    world.happen(&Op::Look(Vec::new(), Vec::new()));
    world.happen(&Op::Send(true, true));
    stands(&mut world, "A");
}

#[test]
fn an_old_snapshot_with_the_status_of_a_message_given_up_does_not_prove_that_it_was_not_taken() {
    let mut world = world(Winner::Latest);
    world.happen(&Op::Look(vec![Op::Pay], Vec::new()));
    world.happen(&Op::Snapshot(0, false, Vec::new()));
    world.happen(&Op::Look(vec![Op::Edit(0)], Vec::new()));
    world.happen(&Op::Move(5));
    world.happen(&Op::Edit(0));
    let before = vec![Op::Edit(0), Op::Move(4)];
    world.happen(&Op::Look(before, vec![Op::Edit(3)]));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Pay);
    world.happen(&Op::Send(true, false));
    world.happen(&Op::GiveUp);
    stands(&mut world, "F");
}

#[test]
fn an_old_snapshot_that_agrees_by_chance_does_not_clear_up_what_became_of_a_lost_message() {
    let late = Habits {
        delay: 65_000,
        ..SILENT
    };
    let mut world = World::new(policy(Winner::Review), late, (0, 0));
    world.happen(&Op::Move(4));
    world.happen(&Op::Look(vec![Op::Edit(4)], Vec::new()));
    world.happen(&Op::Wait(17_334));
    world.happen(&Op::GiveUp);
    world.happen(&Op::Move(2));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Edit(0));
    world.happen(&Op::Look(vec![Op::Edit(0), Op::Pay], Vec::new()));
    world.happen(&Op::Look(vec![Op::Edit(0), Op::Edit(3)], Vec::new()));
    world.happen(&Op::Send(true, false));
    world.settle(Some(Side::Shop));
    assert!(world.agrees(), "{}", world.story());
}

#[test]
fn what_1c_takes_back_of_its_own_is_stopped_by_money_that_the_shop_had_meanwhile() {
    let mut world = world(Winner::Portal);
    world.exchanges = true;
    for op in [
        Op::Look(vec![Op::Move(2)], Vec::new()),
        Op::Account(1),
        Op::Exchange,
        Op::Account(3),
        Op::Edit(0),
        Op::Exchange,
        Op::Look(vec![Op::Edit(2), Op::Edit(0)], Vec::new()),
        Op::Snapshot(1, false, Vec::new()),
        Op::Send(true, false),
        Op::Pay,
        Op::Account(0),
        Op::Exchange,
    ] {
        world.happen(&op);
    }
    world.settle(Some(Side::Shop));
    assert!(world.agrees(), "{}", world.story());
    assert_eq!(world.shop.turned_back, None, "{}", world.story());
}
