//! The PostgreSQL of our own.

use b24_bridge::process::embedded::{Embedded, Install, Options};
use sqlx::{Connection as _, PgConnection, Row as _};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

const QUICK: Options = Options {
    durable: false,
    install: Install::Ask,
};

/// A directory that the server's user can reach.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("b24-pg-")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn lower(embedded: &Embedded) -> Result<String, sqlx::Error> {
    let mut db = PgConnection::connect_with(&embedded.connect_options()).await?;
    Ok(sqlx::query("SELECT lower('ПРИВЕТ')")
        .fetch_one(&mut db)
        .await?
        .get(0))
}

#[tokio::test]
async fn it_is_made_shared_kept_and_survives_the_death_of_its_server() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = Embedded::start(&data, QUICK).await.unwrap();
    assert_eq!(lower(&first).await.unwrap(), "привет");
    let mut db = PgConnection::connect_with(&first.connect_options())
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
        .execute(&mut db)
        .await
        .unwrap();

    let second = Embedded::start(&data, QUICK).await.unwrap();
    assert_eq!(lower(&second).await.unwrap(), "привет");
    second.stop().await;
    assert_eq!(lower(&first).await.unwrap(), "привет");

    let pid = fs::read_to_string(data.join("pg/postmaster.pid")).unwrap();
    let pid: i32 = pid.lines().next().unwrap().parse().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    let bound = Instant::now() + Duration::from_secs(30);
    while lower(&first).await.is_err() {
        assert!(Instant::now() < bound, "it did not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.stop().await;

    let again = Embedded::start(&data, QUICK).await.unwrap();
    let mut db = PgConnection::connect_with(&again.connect_options())
        .await
        .unwrap();
    let kept: i32 = sqlx::query("SELECT x FROM kept")
        .fetch_one(&mut db)
        .await
        .unwrap()
        .get(0);
    assert_eq!(kept, 7);
    again.stop().await;
}
