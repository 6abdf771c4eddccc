//! The configuration of stocks, for the functions in the database.

use crate::storage::Error;
use sqlx::PgConnection;

/// A stock, as its section of the settings describes it.
#[derive(Debug, Clone)]
pub struct StockRow {
    /// Its name in the settings.
    pub stock: String,
    /// How long a reservation is held that does not say it itself, in seconds.
    pub hold: i64,
    /// Whether a reservation may be taken from several stores.
    pub split: bool,
    /// How much earlier than a count a move may be that the count does not hold, in seconds.
    pub tolerance: i64,
    /// The 1C base that counts it, by its name in the settings; none: none does.
    pub base: Option<String>,
}

/// A shop that sells from a stock.
#[derive(Debug, Clone)]
pub struct ShopRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The stock's name in the settings.
    pub stock: String,
    /// What it names products by, with commas between.
    pub products_by: String,
    /// Whether the base that counts the stock gets the receipts of the shop's tills.
    pub gives_receipts: bool,
}

/// A store of a stock, as the settings describe it.
#[derive(Debug, Clone)]
pub struct StoreRow {
    /// The stock's name in the settings.
    pub stock: String,
    /// The store, as the stock names it.
    pub store: String,
    /// What others call it.
    pub ids: serde_json::Value,
    /// The lowest is taken from first.
    pub rank: i32,
    /// Whether reservations that name no store are taken from it.
    pub online: bool,
    /// Whether customers fetch goods there.
    pub pickup: bool,
}

/// The first shop that is to sell from another stock than its held reservations are taken from,
/// with that one.
pub async fn elsewhere(
    db: &mut PgConnection,
    shops: &[ShopRow],
) -> Result<Option<(String, String)>, Error> {
    let names: Vec<String> = shops.iter().map(|row| row.shop.clone()).collect();
    let stocks: Vec<String> = shops.iter().map(|row| row.stock.clone()).collect();
    let found = sqlx::query!(
        "SELECT r.shop, r.stock
         FROM UNNEST($1::text[], $2::text[]) AS n (shop, stock)
         JOIN bridge.reservations r ON r.shop = n.shop AND r.stock <> n.stock AND r.state = 'held'
         ORDER BY r.shop LIMIT 1",
        &names,
        &stocks
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|row| (row.shop, row.stock)))
}

/// Stores what is configured: all of it. Stores that are no longer there stay, inactive, with their
/// levels.
pub async fn configure(
    db: &mut PgConnection,
    stocks: &[StockRow],
    shops: &[ShopRow],
    stores: &[StoreRow],
) -> Result<(), Error> {
    sqlx::query!("LOCK TABLE bridge.stock_shops IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *db)
        .await?;
    let names: Vec<String> = stocks.iter().map(|row| row.stock.clone()).collect();
    let holds: Vec<i64> = stocks.iter().map(|row| row.hold).collect();
    let splits: Vec<bool> = stocks.iter().map(|row| row.split).collect();
    let tolerances: Vec<i64> = stocks.iter().map(|row| row.tolerance).collect();
    let bases: Vec<Option<String>> = stocks.iter().map(|row| row.base.clone()).collect();
    sqlx::query!(
        "INSERT INTO bridge.stocks AS s (stock, hold, split, count_tolerance, base)
         SELECT n.stock, make_interval(secs => n.hold), n.split, make_interval(secs => n.tolerance),
                n.base
         FROM UNNEST($1::text[], $2::bigint[], $3::boolean[], $4::bigint[], $5::text[])
              AS n (stock, hold, split, tolerance, base)
         ORDER BY n.stock
         ON CONFLICT (stock) DO UPDATE
         SET hold = excluded.hold, split = excluded.split,
             count_tolerance = excluded.count_tolerance, base = excluded.base
         WHERE (s.hold, s.split, s.count_tolerance, s.base)
               IS DISTINCT FROM
               (excluded.hold, excluded.split, excluded.count_tolerance, excluded.base)",
        &names,
        &holds,
        &splits,
        &tolerances,
        &bases as &[Option<String>]
    )
    .execute(&mut *db)
    .await?;
    let names: Vec<String> = shops.iter().map(|row| row.shop.clone()).collect();
    let of: Vec<String> = shops.iter().map(|row| row.stock.clone()).collect();
    let by: Vec<String> = shops.iter().map(|row| row.products_by.clone()).collect();
    let give: Vec<bool> = shops.iter().map(|row| row.gives_receipts).collect();
    sqlx::query!(
        "DELETE FROM bridge.stock_shops WHERE shop <> ALL ($1::text[])",
        &names
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO bridge.stock_shops (shop, stock, products_by, gives_receipts)
         SELECT n.shop, n.stock, string_to_array(n.products_by, ','), n.gives_receipts
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::boolean[])
              AS n (shop, stock, products_by, gives_receipts)
         ORDER BY n.shop
         ON CONFLICT (shop) DO UPDATE
         SET stock = excluded.stock, products_by = excluded.products_by,
             gives_receipts = excluded.gives_receipts",
        &names,
        &of,
        &by,
        &give
    )
    .execute(&mut *db)
    .await?;
    configure_stores(db, stores).await
}

async fn configure_stores(db: &mut PgConnection, stores: &[StoreRow]) -> Result<(), Error> {
    let stocks: Vec<String> = stores.iter().map(|row| row.stock.clone()).collect();
    let names: Vec<String> = stores.iter().map(|row| row.store.clone()).collect();
    let ids: Vec<serde_json::Value> = stores.iter().map(|row| row.ids.clone()).collect();
    let ranks: Vec<i32> = stores.iter().map(|row| row.rank).collect();
    let online: Vec<bool> = stores.iter().map(|row| row.online).collect();
    let pickup: Vec<bool> = stores.iter().map(|row| row.pickup).collect();
    sqlx::query!(
        "UPDATE bridge.stock_stores SET active = false
         WHERE active AND (stock, store) NOT IN (SELECT * FROM UNNEST($1::text[], $2::text[]))",
        &stocks,
        &names
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO bridge.stock_stores AS s (stock, store, ids, rank, online, pickup)
         SELECT n.stock, n.store, ARRAY(SELECT jsonb_array_elements_text(n.ids)), n.rank, n.online,
                n.pickup
         FROM UNNEST($1::text[], $2::text[], $3::jsonb[], $4::integer[], $5::boolean[],
                     $6::boolean[])
              AS n (stock, store, ids, rank, online, pickup)
         ORDER BY n.stock, n.store
         ON CONFLICT (stock, store) DO UPDATE
         SET ids = excluded.ids, rank = excluded.rank, online = excluded.online,
             pickup = excluded.pickup, active = true
         WHERE (s.ids, s.rank, s.online, s.pickup, s.active)
               IS DISTINCT FROM
               (excluded.ids, excluded.rank, excluded.online, excluded.pickup, true)",
        &stocks,
        &names,
        &ids,
        &ranks,
        &online,
        &pickup
    )
    .execute(db)
    .await?;
    Ok(())
}
