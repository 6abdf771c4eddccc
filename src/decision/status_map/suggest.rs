//! A table to start from, as TOML to paste.

use super::{Funnel, Meaning, PortalStage};
use crate::domain::ShopName;
use std::fmt::Write;

/// A status that the shop has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopStatus {
    /// The code that the shop's events carry.
    pub code: String,
    /// What people call it; may be empty.
    pub name: String,
}

impl ShopStatus {
    /// As people write it: `CODE=NAME`, or the code alone.
    pub fn parse(text: &str) -> Self {
        let (code, name) = text.split_once('=').unwrap_or((text, ""));
        Self {
            code: code.trim().to_owned(),
            name: name.trim().to_owned(),
        }
    }
}

/// The statuses that a fresh shop of a usual kind has: `1c-bitrix` or `woocommerce`.
pub fn usual(kind: &str) -> Option<Vec<ShopStatus>> {
    let list: &[(&str, &str)] = match kind {
        "1c-bitrix" => &[
            ("N", "Принят, ожидается оплата"),
            ("P", "Оплачен, формируется к отправке"),
            ("S", "Отгружен"),
            ("F", "Выполнен"),
            ("D", "Отменён"),
        ],
        "woocommerce" => &[
            ("pending", "Pending payment"),
            ("on-hold", "On hold"),
            ("processing", "Processing"),
            ("completed", "Completed"),
            ("cancelled", "Cancelled"),
            ("refunded", "Refunded"),
            ("failed", "Failed"),
        ],
        _ => return None,
    };
    let status = |(code, name): &(&str, &str)| ShopStatus {
        code: (*code).to_owned(),
        name: (*name).to_owned(),
    };
    Some(list.iter().map(status).collect())
}

/// A row on its way: the status and its stages, by their place in the funnel.
struct Row<'a> {
    status: &'a ShopStatus,
    meaning: Option<Meaning>,
    stage: Option<usize>,
    accepts: Vec<usize>,
    reverse: bool,
}

/// Proposes a table for the shop from meanings of statuses and stages. Statuses stand in the order
/// of an order's life; what could not be placed is left as a comment, never guessed.
pub fn suggest(shop: &ShopName, funnel: &Funnel, statuses: &[ShopStatus]) -> String {
    let meanings: Vec<Option<Meaning>> = funnel.stages.iter().map(Meaning::of_stage).collect();
    let mut rows: Vec<Row<'_>> = statuses
        .iter()
        .map(|status| {
            let meaning = Meaning::of_status(&status.code, &status.name);
            Row {
                status,
                meaning,
                stage: meaning.and_then(|meaning| place(meaning, &meanings)),
                accepts: Vec::new(),
                reverse: false,
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.meaning.is_none(), row.meaning));
    let mut seen = Vec::new();
    rows.retain(|row| {
        let fresh = !seen.contains(&&row.status.code);
        seen.push(&row.status.code);
        fresh
    });
    share_out(&mut rows, &meanings);
    mark_reverse(&mut rows, &meanings);
    write_toml(shop, funnel, &rows)
}

/// The first stage that means this, else the nearest that may stand in. A stage of work that stands
/// in for something later is the last of its kind: papers are prepared before goods are.
fn place(meaning: Meaning, stages: &[Option<Meaning>]) -> Option<usize> {
    let means = |wanted: Meaning| move |m: &Option<Meaning>| *m == Some(wanted);
    stages.iter().position(means(meaning)).or_else(|| {
        meaning.neighbours().iter().find_map(|wanted| match wanted {
            Meaning::InWork => stages.iter().rposition(means(Meaning::InWork)),
            wanted => stages.iter().position(means(*wanted)),
        })
    })
}

/// Stages that no row is written as are accepted by a row of their meaning, else by the row before
/// them in the funnel, and what comes before all rows by the first of them.
fn share_out(rows: &mut [Row<'_>], meanings: &[Option<Meaning>]) {
    for (index, meaning) in meanings.iter().enumerate() {
        if rows.iter().any(|row| row.stage == Some(index)) {
            continue;
        }
        let failed = meaning.is_some_and(|m| m >= Meaning::Delivered);
        let same = rows
            .iter()
            .position(|row| row.stage.is_some() && meaning.is_some() && row.meaning == *meaning);
        let ending = || {
            rows.iter()
                .position(|row| row.meaning == Some(Meaning::Cancelled))
        };
        let before = || {
            let earlier = |row: &Row<'_>| row.stage.filter(|stage| *stage < index);
            (0..rows.len())
                .filter(|row| rows.get(*row).and_then(earlier).is_some())
                .max_by_key(|row| rows.get(*row).and_then(earlier))
        };
        let after = || {
            let later = |row: &Row<'_>| row.stage.filter(|stage| *stage > index);
            (0..rows.len())
                .filter(|row| rows.get(*row).and_then(later).is_some())
                .min_by_key(|row| rows.get(*row).and_then(later))
        };
        let taker = same.or_else(|| {
            if failed {
                ending()
            } else {
                before().or_else(after)
            }
        });
        if let Some(row) = taker.and_then(|row| rows.get_mut(row)) {
            row.accepts.push(index);
        }
    }
}

/// Where several statuses are written as one stage, the one that means it best comes back.
fn mark_reverse(rows: &mut [Row<'_>], meanings: &[Option<Meaning>]) {
    for (index, meaning) in meanings.iter().enumerate() {
        let written: Vec<usize> = (0..rows.len())
            .filter(|row| rows.get(*row).is_some_and(|row| row.stage == Some(index)))
            .collect();
        if written.len() > 1 {
            let exact = written
                .iter()
                .find(|row| rows.get(**row).is_some_and(|row| row.meaning == *meaning));
            let chosen = exact.or(written.first()).copied();
            if let Some(row) = chosen.and_then(|row| rows.get_mut(row)) {
                row.reverse = true;
            }
        }
    }
}

fn write_toml(shop: &ShopName, funnel: &Funnel, rows: &[Row<'_>]) -> String {
    let mut text = format!("# funnel {}: {}\n", funnel.id, plain(&funnel.name));
    let name = |index: &usize| funnel.stages.get(*index).map_or("", |stage| &stage.name);
    for row in rows {
        let title = plain(&row.status.name);
        let remark = match title.trim() {
            "" => String::new(),
            title => format!(" # {title}"),
        };
        let Some(stage) = row.stage.and_then(|index| funnel.stages.get(index)) else {
            let code = plain(&row.status.code);
            let _ = write!(
                text,
                "\n# {code} ({title}): no stage seems to mean this, choose one\n"
            );
            continue;
        };
        let _ = write!(
            text,
            "\n[[shops.{shop}.statuses]]\nstatus = {}{remark}\nstage = {} # {}\n",
            quoted(&row.status.code),
            quoted(&stage.stage.id),
            plain(&stage.name),
        );
        if !row.accepts.is_empty() {
            let ids: Vec<String> = row
                .accepts
                .iter()
                .filter_map(|i| funnel.stages.get(*i))
                .map(id)
                .collect();
            let names: Vec<String> = row.accepts.iter().map(|index| plain(name(index))).collect();
            let _ = writeln!(
                text,
                "accepts = [{}] # {}",
                ids.join(", "),
                names.join(", ")
            );
        }
        if row.reverse {
            text.push_str("reverse = true\n");
        }
    }
    text
}

fn id(stage: &PortalStage) -> String {
    quoted(&stage.stage.id)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Names come from people: in a comment no control character may end the line.
fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(80).map(visible).collect()
}
