//! The goods of orders that 1C cancels, pays and ships.

use super::{
    facts::{payment, sends},
    statuses::{base_of, says, with_base},
};
use crate::two_way::{
    goods::ORDERS,
    world::{Plot, World},
};
use b24_bridge::sandbox::onec::OneC;

const IMPORT: &str = "[onec.trade.import]\nstatus_on_payment = \"P\"\nstatus_on_shipment = \"F\"\n";

/// A shop that reads what it is told when it likes: it has read nothing so far.
async fn world() -> (World, OneC) {
    let world = World::new(Plot {
        callback: false,
        ..with_base(&format!("{ORDERS}{IMPORT}"))
    })
    .await;
    world.kettles_ordered().await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    (world, base)
}

fn shipment(id: &str, pieces: u32) -> String {
    format!(
        "<Документ><Ид>{id}</Ид><Номер>{id}</Номер><Дата>2026-11-26</Дата>\
         <ХозОперация>Отпуск товара</ХозОперация><Основание>A-1</Основание>\
         <Сумма>100.00</Сумма>\
         <Товары><Товар><Ид>kettle</Ид><Наименование>Чай</Наименование>\
         <Количество>{pieces}</Количество><Сумма>100</Сумма></Товар></Товары>\
         <ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Отгружено</Наименование>\
         <Значение>true</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Документ>"
    )
}

fn pair(on_hand: &str, reserved: &str) -> (String, String) {
    (on_hand.to_owned(), reserved.to_owned())
}

#[tokio::test]
async fn an_order_that_1c_cancels_sets_its_goods_free_at_once_and_holds_them_when_it_is_taken_up() {
    let (world, mut base) = world().await;
    let placed = world.shop.with(|state| state.orders["A-1"].changed);
    for _ in 0..2 {
        assert_eq!(says(&mut base, "A-1", "C").await, ["success"]);
        assert_eq!(world.kettles().await, pair("5", "0"));
    }
    world.says_the_older(placed).await;
    assert_eq!(world.kettles().await, pair("5", "0"), "it is told C still");
    assert_eq!(says(&mut base, "A-1", "N").await, ["success"]);
    assert_eq!(world.kettles().await, pair("5", "2"));
    world.stock_is_proved().await;
}

#[tokio::test]
async fn what_1c_ships_in_parts_leaves_in_parts_and_each_piece_once() {
    let (world, mut base) = world().await;
    for _ in 0..2 {
        assert_eq!(sends(&mut base, &[shipment("S-1", 1)]).await, ["success"]);
        assert_eq!(world.kettles().await, pair("4", "1"));
    }
    // A part is no reason for the order's status, and an edit holds no piece that has left.
    world.shop.change("A-1", |order| order.pieces = 3);
    world.has_kettles("4", "2").await;
    base.fetch_orders().await.unwrap();
    let rest = [shipment("S-1", 1), shipment("S-2", 2)];
    assert_eq!(sends(&mut base, &rest).await, ["success"]);
    assert_eq!(world.kettles().await, pair("2", "0"));
    world
        .until("the deal is won", async || world.stage("A-1") == "WON")
        .await;
    world.shop.set("A-1", "F");
    world.in_sync("A-1").await;
    assert_eq!(world.kettles().await, pair("2", "0"));
    world.stock_is_proved().await;
}

#[tokio::test]
async fn what_1c_has_as_paid_does_not_run_out_and_runs_out_again_when_it_is_taken_back() {
    let (world, mut base) = world().await;
    let ends = async || {
        let ends = "SELECT expires_at IS NOT NULL FROM bridge.reservations WHERE id = 'A-1'";
        sqlx::query_scalar::<_, bool>(ends)
            .fetch_one(&world.db.pool)
            .await
            .unwrap()
    };
    assert!(ends().await);
    let sum = |paid: bool| payment("PAY-1", "A-1", paid).replace("100.00", "200.00");
    assert_eq!(sends(&mut base, &[sum(true)]).await, ["success"]);
    assert!(!ends().await);
    assert_eq!(sends(&mut base, &[sum(false)]).await, ["success"]);
    assert!(ends().await);
    assert_eq!(world.kettles().await, pair("5", "2"));
    world.stock_is_proved().await;
}
