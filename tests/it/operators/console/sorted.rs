//! Tables sorted by the heads of their columns.

use super::{Page, World, idle, text};

/// A hundred and fifty letters, the older ones of more attempts, and acts, decisions and orders.
async fn much(world: &World) {
    sqlx::raw_sql(
        "INSERT INTO bridge.dead_letters (shop, portal, number, code, message, attempts, payload)
         SELECT 'main', 'main', 'N-' || lpad(i::text, 3, '0'), 'MAP-STATUS', 'words', 200 - i, '{}'
           FROM generate_series(1, 150) i;
         INSERT INTO bridge.audit (actor, action, target)
           VALUES ('cli', 'b', '2'), ('shop:main', 'c', '1'), ('bridge', 'a', '3');
         INSERT INTO bridge.decisions (portal, shop, number, action, basis, winner, sentence,
           inputs, outcome)
         SELECT 'main', 'main', n, 'tell_shop', 'rule', 'shop', 'words', '{}', '{}'
           FROM unnest(ARRAY['D-2', 'D-1', 'D-3']) n",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
}

/// The texts in the order in which they first stand in the table's rows.
fn order<'a>(page: &str, texts: &[&'a str]) -> Vec<&'a str> {
    let (_, rows) = page.rsplit_once("<tbody>").unwrap();
    let mut found: Vec<_> = texts
        .iter()
        .filter_map(|text| Some((rows.find(&format!(">{text}<"))?, *text)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn a_table_follows_the_column_that_a_head_names_and_no_other() {
    let (world, _) = idle().await;
    much(&world).await;
    let anna = Page::anna(&world).await;
    for (path, texts) in [
        (
            "/dead-letters?sort=number&dir=asc",
            ["N-001", "N-002", "N-003"],
        ),
        (
            "/dead-letters?sort=attempts&dir=asc",
            ["N-040", "N-039", "N-038"],
        ),
        (
            "/dead-letters?sort=payload&dir=desc",
            ["N-001", "N-002", "N-003"],
        ),
        (
            "/dead-letters?sort=id&dir=desc",
            ["N-150", "N-149", "N-148"],
        ),
        ("/audit?sort=what&dir=asc", ["bridge", "cli", "shop:main"]),
        ("/audit?sort=to&dir=desc", ["bridge", "cli", "shop:main"]),
        (
            "/conflicts/decisions?sort=order&dir=asc",
            ["D-1", "D-2", "D-3"],
        ),
        (
            "/conflicts/decisions?sort=time&dir=asc",
            ["D-2", "D-1", "D-3"],
        ),
    ] {
        let page = text(anna.get(path).await).await;
        assert_eq!(order(&page, &texts), texts, "{path}");
        let shown = page.matches("aria-sort=\"ascending\"").count()
            + page.matches("aria-sort=\"descending\"").count();
        assert_eq!(shown, usize::from(!path.contains("payload")), "{path}");
    }
    let page = text(
        anna.get("/dead-letters?code=MAP-STATUS&sort=code&dir=asc")
            .await,
    )
    .await;
    let turned = "href=\"/console/dead-letters?code=MAP-STATUS&amp;sort=code&amp;dir=desc\"";
    assert!(page.contains(turned), "{page}");
}

#[tokio::test]
async fn the_newest_letters_come_first_over_all_pages() {
    let (world, _) = idle().await;
    much(&world).await;
    let anna = Page::anna(&world).await;
    let first = text(anna.get("/dead-letters?sort=id&dir=desc").await).await;
    assert!(first.contains(">N-111<") && !first.contains(">N-110<"));
    let (_, next) = first
        .split_once("href=\"/console/dead-letters?after=")
        .unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = text(anna.get(&format!("/dead-letters?after={next}")).await).await;
    assert!(
        !second.contains(">N-111<") && second.contains(">N-110<") && second.contains(">N-071<")
    );
}
