//! Orders that 1C names by its own GUID alone.

use super::{
    facts::{messages, payment, sends},
    statuses::{base_of, letters, with_base},
};
use crate::two_way::world::{Plot, World};
use serde_json::{Value, json};

const GUID: &str = "0d6ab1b5-8f3c-11ee-9a6c-00155d0a1c01";

#[tokio::test]
async fn a_payment_that_names_its_order_by_1cs_guid_finds_it_also_where_it_comes_first() {
    let world = World::new(Plot {
        callback: false,
        ..with_base("")
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let paid = payment("PAY-1", GUID, true);
    let said = sends(&mut base, std::slice::from_ref(&paid)).await;
    assert!(
        said.iter().any(|line| line.contains("ONEC-UNKNOWN")),
        "{said:?}"
    );
    let own = format!(
        "<Документ><Ид>{GUID}</Ид><НомерВерсии>1</НомерВерсии><Номер>A-1</Номер>\
         <ХозОперация>Заказ товара</ХозОперация></Документ>"
    );
    assert_eq!(sends(&mut base, &[own]).await, ["success"]);
    assert_eq!(sends(&mut base, &[paid]).await, ["success"]);
    let told = messages(&world).await;
    let is_payment = |one: &&Value| one["type"] == "bridge.order.payment.v1";
    let ids = told.iter().filter(is_payment).map(|one| &one["data"]["id"]);
    let ids: Vec<&Value> = ids.collect();
    assert_eq!(ids, [&json!("PAY-1")], "{told:?}");
    assert_eq!(letters(&world).await, Vec::<Value>::new());
}
