//! The exchange with 1C: a query of orders and a file of offers, each beside the XML library alone
//! and COPY on the same Postgres.

use crate::{
    database::Database,
    report::{Bar, Report, timed},
    served::{KEY, Served, client, orders},
    size,
};
use b24_bridge::{
    auth::PasswordHash,
    sandbox::onec::{Exchange, OneC},
};
use futures_util::TryStreamExt as _;
use quick_xml::{Reader, Writer, events::Event};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolCopyExt as _};
use std::{fmt::Write as _, fs, io};

const PASSWORD: &str = "bench";
/// The tables that a file of offers goes into.
const GOODS: [&str; 3] = ["onec_products", "onec_prices", "onec_counts"];

pub(crate) async fn run(report: &mut Report) {
    query(report).await;
    import(report).await;
}

async fn served(database: &Database) -> Served {
    let hash = PasswordHash::of(PASSWORD, &[1; 16]).unwrap();
    let hash = hash.expose();
    let text = format!(
        r#"
        [portals.main]
        webhook_url = "http://127.0.0.1:9/rest/1/none/"
        [shops.main]
        portal = "main"
        api_keys = ["{KEY}"]
        [[shops.main.statuses]]
        status = "N"
        stage = "NEW"
        [onec.trade]
        shops = ["main"]
        encoding = "utf-8"
        zip = false
        file_limit = 1048576
        [onec.trade.users.exchange]
        password_hash = "{hash}"
        "#
    );
    Served::with(&database.url, &text, "api").await
}

/// A base that has begun a session; none: in the old protocol.
async fn base(app: &Served, kind: &str, version: Option<&str>) -> OneC {
    let address = address(app);
    let exchange = Exchange::new(&address, "exchange", PASSWORD);
    let exchange = version.map_or(exchange.clone(), |version| exchange.version(version));
    let mut base = OneC::new(exchange).unwrap();
    base.sign_in(kind).await.unwrap();
    base.init(kind).await.unwrap();
    base
}

fn address(app: &Served) -> String {
    format!("http://127.0.0.1:{}/exchange/1c/trade", app.port)
}

/// From now on the most memory that the process holds is measured anew; what it holds now, in MiB.
fn measured_anew(app: &Served) -> f64 {
    fs::write(format!("/proc/{}/clear_refs", app.pid()), "5").unwrap();
    app.memory()
}

/// All orders in one answer, none of them confirmed before, and how many seconds that took from the
/// question to the last byte. What the client does with it is not in that time.
async fn asked(app: &Served) -> (String, f64) {
    let base = base(app, "sale", None).await;
    let (name, value) = base.cookie().unwrap();
    let query = client()
        .get(format!("{}?type=sale&mode=query", address(app)))
        .basic_auth("exchange", Some(PASSWORD))
        .header("cookie", format!("{name}={value}"));
    let answered = async {
        let mut answer = query.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut pieces = Vec::new();
        while let Some(piece) = answer.chunk().await.unwrap() {
            pieces.push(piece);
        }
        pieces
    };
    let (pieces, took) = timed(answered).await;
    (String::from_utf8(pieces.concat()).unwrap(), took)
}

async fn query(report: &mut Report) {
    let many = usize::try_from(size("BENCH_ONEC_ORDERS", 10_000)).unwrap();
    let database = Database::new().await;
    let app = served(&database).await;
    app.post(&orders(0, many)).await;
    asked(&app).await;
    let idle = measured_anew(&app);
    let (answer, took) = asked(&app).await;
    let peak = app.memory();
    let written = answer.matches("<ХозОперация>Заказ товара<").count();
    assert_eq!(written, many);
    let out = "COPY (SELECT body FROM bridge.outbox) TO STDOUT";
    let (snapshots, read) = timed(copied_out(&database.pool, out)).await;
    assert!(snapshots.len() > many);
    let events = events(answer.as_bytes());
    let ((), library) = timed(async { wrote(&events) }).await;
    let of_last = "FROM bridge.onec_offers WHERE session = (SELECT max(session) FROM \
                   bridge.onec_offers)";
    let offers = format!("COPY (SELECT * {of_last}) TO STDOUT");
    let offers = copied_out(&database.pool, &offers).await;
    let stored = copied_in(&database.pool, "onec_offers", &offers).await;
    let bare = read + library + stored;
    let mib = answer.len() as f64 / 1024.0 / 1024.0;
    report.add(
        &format!("1C's query of {many} orders, {mib:.0} MiB"),
        format!("{took:.2} s"),
        format!("COPY out, the XML library, COPY in of as many offers: {bare:.2} s"),
        took / bare,
        &Bar::AtMost(3.0),
    );
    report.add(
        "1C's query: memory of serve over idle",
        format!("{:.0} MiB", peak - idle),
        format!("idle: {idle:.0} MiB"),
        peak - idle,
        &Bar::AtMost(32.0),
    );
}

/// A file is taken in; how many seconds that takes once it is there.
async fn taken(app: &Served, file: &[u8]) -> f64 {
    let base = base(app, "catalog", Some("2.09")).await;
    let said = base.send("catalog", "offers0_1.xml", file).await.unwrap();
    assert_eq!(said, ["success"]);
    let (done, took) = timed(base.import("catalog", "offers0_1.xml")).await;
    assert_eq!(done.unwrap().1, ["success"]);
    took
}

async fn import(report: &mut Report) {
    let many = size("BENCH_ONEC_OFFERS", 100_000);
    let database = Database::new().await;
    let app = served(&database).await;
    // What a process makes once it has made by then.
    taken(&app, offers("w", 1_000, 1, None).as_bytes()).await;
    let truncate = "TRUNCATE bridge.onec_products, bridge.onec_prices, bridge.onec_counts";
    sqlx::raw_sql(truncate)
        .execute(&database.pool)
        .await
        .unwrap();
    let file = offers("g", many, 2, None);
    let idle = measured_anew(&app);
    let first = taken(&app, file.as_bytes()).await;
    let peak = app.memory();
    // A full exchange of each of the next days: nothing has changed, and one offer of a hundred.
    let again = taken(&app, offers("g", many, 3, None).as_bytes()).await;
    let few = taken(&app, offers("g", many, 4, Some(100)).as_bytes()).await;
    let ((), parsed) = timed(async { parse(file.as_bytes()) }).await;
    let mut copied = 0.0;
    for table in GOODS {
        let rows = format!("COPY bridge.{table} TO STDOUT");
        let rows = copied_out(&database.pool, &rows).await;
        let lines = String::from_utf8_lossy(&rows).lines().count() as u64;
        let each = if table == "onec_counts" { 2 } else { 1 };
        assert_eq!(lines, many * each, "{table}");
        copied += copied_in(&database.pool, table, &rows).await;
    }
    let bare = parsed + copied;
    let mib = file.len() as f64 / 1024.0 / 1024.0;
    report.add(
        &format!("1C's file of {many} offers with a price and two counts, {mib:.0} MiB"),
        format!("{first:.2} s"),
        format!("the XML library, and COPY of the same rows: {bare:.2} s"),
        first / bare,
        &Bar::AtMost(3.0),
    );
    report.add(
        "the same offers again, in a file of the next day",
        format!("{again:.2} s"),
        format!("the XML library alone: {parsed:.2} s"),
        again / parsed,
        &Bar::AtMost(2.0),
    );
    report.add(
        "the same with one price of a hundred changed",
        format!("{few:.2} s"),
        format!("the XML library alone: {parsed:.2} s"),
        few / parsed,
        &Bar::None,
    );
    report.add(
        "1C's file: memory of serve over idle",
        format!("{:.0} MiB", peak - idle),
        format!("idle: {idle:.0} MiB"),
        peak - idle,
        &Bar::AtMost(64.0),
    );
}

/// A package of offers of a day as trade configurations write it; one of so many has another price.
fn offers(prefix: &str, many: u64, day: u32, other: Option<u64>) -> String {
    let mut file = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <КоммерческаяИнформация xmlns=\"urn:1C.ru:commerceml_2\" ВерсияСхемы=\"2.09\" \
         ДатаФормирования=\"2026-11-{day:02}T12:00:00\"><ПакетПредложений \
         СодержитТолькоИзменения=\"false\"><Ид>p</Ид><Наименование>Пакет</Наименование>\
         <ИдКаталога>c</ИдКаталога><Предложения>\r\n"
    );
    for nth in 0..many {
        let price = if other.is_some_and(|other| nth.is_multiple_of(other)) {
            "351.50"
        } else {
            "350.50"
        };
        let _ = write!(
            file,
            "<Предложение><Ид>{prefix}7cfe53d-5145-4c4e-a81c-{nth:012}</Ид>\
             <Артикул>T-{nth}</Артикул><Наименование>Чай чёрный № {nth}</Наименование>\
             <БазоваяЕдиница Код=\"796\" НаименованиеПолное=\"Штука\">шт</БазоваяЕдиница>\
             <Цены><Цена><Представление>350,50 RUB за шт</Представление>\
             <ИдТипаЦены>bb14a3a4-6b17-11e0-9819-e0cb4ed5eed4</ИдТипаЦены>\
             <ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу><Валюта>RUB</Валюта><Единица>шт</Единица>\
             <Коэффициент>1</Коэффициент></Цена></Цены><Количество>{}</Количество>\
             <Склад ИдСклада=\"b6112590-41ba-11dd-ac9d-0015e9b8c48d\" КоличествоНаСкладе=\"7\"/>\
             <Склад ИдСклада=\"b6112591-41ba-11dd-ac9d-0015e9b8c48d\" КоличествоНаСкладе=\"{}\"/>\
             </Предложение>\r\n",
            nth % 90 + 7,
            nth % 90
        );
    }
    file.push_str("</Предложения></ПакетПредложений></КоммерческаяИнформация>");
    file
}

/// Reads a file to its end with the library alone.
fn parse(file: &[u8]) {
    let (mut reader, mut buffer) = (Reader::from_reader(file), Vec::new());
    let mut elements = 0_u64;
    loop {
        match reader.read_event_into(&mut buffer).unwrap() {
            Event::Eof => break,
            Event::Start(_) | Event::Empty(_) => elements += 1,
            _ => {}
        }
        buffer.clear();
    }
    assert!(elements > 0);
}

/// What a file consists of, to be written again.
fn events(file: &[u8]) -> Vec<Event<'static>> {
    let (mut reader, mut events) = (Reader::from_reader(file), Vec::new());
    loop {
        match reader.read_event_into(&mut Vec::new()).unwrap() {
            Event::Eof => return events,
            event => events.push(event.into_owned()),
        }
    }
}

/// Writes them with the library alone.
fn wrote(events: &[Event<'static>]) {
    let mut writer = Writer::new(io::sink());
    for event in events {
        writer.write_event(event.borrow()).unwrap();
    }
}

async fn copied_out(pool: &PgPool, statement: &str) -> Vec<u8> {
    let rows = pool.copy_out_raw(statement).await.unwrap();
    let parts: Vec<_> = rows.try_collect().await.unwrap();
    parts.concat()
}

/// Seconds of copying rows into an empty table with the same keys as this one of the bridge's.
async fn copied_in(pool: &PgPool, table: &str, rows: &[u8]) -> f64 {
    let like = format!("CREATE TABLE public.{table} (LIKE bridge.{table} INCLUDING ALL)");
    sqlx::raw_sql(AssertSqlSafe(like))
        .execute(pool)
        .await
        .unwrap();
    let ((), took) = timed(async {
        let statement = format!("COPY public.{table} FROM STDIN");
        let mut copy = pool.copy_in_raw(&statement).await.unwrap();
        copy.send(rows).await.unwrap();
        copy.finish().await.unwrap();
    })
    .await;
    took
}
