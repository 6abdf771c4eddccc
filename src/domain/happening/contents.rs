//! What is other in an order's contents than before: lines, prices, the sum.

use super::{Language, Tell, Voice};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most lines that are told; so many more are counted.
const MOST: usize = 8;
/// The longest name of a line, in characters.
const NAME: usize = 60;
/// By what a price may differ for being rounded.
const KOPECK: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// A line of an order, as it is compared: goods, the delivery, or a discount below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentLine {
    /// What is the same before and after; lines of one key count together.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// How many units.
    pub quantity: Decimal,
    /// What the line comes to, in the order's currency.
    pub sum: Decimal,
}

/// A figure that is other than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Before.
    pub from: String,
    /// Now.
    pub to: String,
}

/// One line that is other than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum LineChange {
    /// It was not there.
    Added {
        /// What it is called.
        name: String,
        /// How many units.
        quantity: String,
        /// The price of one.
        price: String,
    },
    /// It is there no more.
    Removed {
        /// What it was called.
        name: String,
        /// How many units there were.
        quantity: String,
    },
    /// It has another quantity, or another price, or both.
    Other {
        /// What it is called.
        name: String,
        /// How many units, where that is other.
        quantity: Option<Figures>,
        /// The price of one, where that is other.
        price: Option<Figures>,
    },
}

/// What is other in an order's contents: bounded, whatever the order holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContentChanges {
    /// The first lines that are other.
    pub lines: Vec<LineChange>,
    /// How many more there are.
    pub more: usize,
    /// What the order comes to, where that is other.
    pub total: Option<Figures>,
}

impl ContentChanges {
    /// What is other now; `None`: nothing that can be told.
    pub fn between(
        before: &[ContentLine],
        now: &[ContentLine],
        (was, is): (Decimal, Decimal),
    ) -> Option<Self> {
        let (before, now) = (together(before), together(now));
        let had = |key: &str| before.iter().find(|line| line.key == key);
        let has = |key: &str| now.iter().any(|line| line.key == key);
        let mut lines: Vec<LineChange> = now
            .iter()
            .filter_map(|line| match had(&line.key) {
                Some(before) => other(before, line),
                None => Some(LineChange::Added {
                    name: named(&line.name),
                    quantity: figure(line.quantity),
                    price: figure(price(line)),
                }),
            })
            .collect();
        let gone = before.iter().filter(|line| !has(&line.key));
        lines.extend(gone.map(|line| LineChange::Removed {
            name: named(&line.name),
            quantity: figure(line.quantity),
        }));
        let more = lines.len().saturating_sub(MOST);
        lines.truncate(MOST);
        let total = figures(was, is);
        let is_any = total.is_some() || !lines.is_empty();
        is_any.then_some(Self { lines, more, total })
    }
}

/// Lines of one key as one, in the order of the first.
fn together(lines: &[ContentLine]) -> Vec<ContentLine> {
    let mut all: Vec<ContentLine> = Vec::new();
    for line in lines {
        match all.iter_mut().find(|one| one.key == line.key) {
            Some(one) => {
                one.quantity = one.quantity.saturating_add(line.quantity);
                one.sum = one.sum.saturating_add(line.sum);
            }
            None => all.push(line.clone()),
        }
    }
    all
}

fn other(before: &ContentLine, now: &ContentLine) -> Option<LineChange> {
    let quantity = figures(before.quantity, now.quantity);
    let (was, is) = (price(before), price(now));
    let is_other = was.saturating_sub(is).abs() > KOPECK;
    let price = is_other.then(|| figures(was, is)).flatten();
    (quantity.is_some() || price.is_some()).then(|| LineChange::Other {
        name: named(&now.name),
        quantity,
        price,
    })
}

/// The price of one unit, to the kopeck.
fn price(line: &ContentLine) -> Decimal {
    let one = line.sum.checked_div(line.quantity);
    one.unwrap_or(line.sum).round_dp(2)
}

fn figures(from: Decimal, to: Decimal) -> Option<Figures> {
    (from != to).then(|| Figures {
        from: figure(from),
        to: figure(to),
    })
}

fn figure(value: Decimal) -> String {
    value.normalize().to_string()
}

fn named(name: &str) -> String {
    name.chars().take(NAME).collect()
}

impl Tell for ContentChanges {
    fn tell(&self, voice: Voice<'_>) -> String {
        let russian = voice.language == Language::Ru;
        let mut parts: Vec<String> = self.lines.iter().map(|one| one.tell(voice)).collect();
        if self.more > 0 {
            parts.push(match voice.language {
                Language::En => format!("and {} more lines", self.more),
                Language::Ru => format!("и ещё строк: {}", self.more),
            });
        }
        if let Some(Figures { from, to }) = &self.total {
            let word = if russian { "итог" } else { "total" };
            parts.push(format!("{word} {from} → {to}"));
        }
        parts.join("; ")
    }
}

impl Tell for LineChange {
    fn tell(&self, voice: Voice<'_>) -> String {
        let russian = voice.language == Language::Ru;
        match self {
            Self::Added {
                name,
                quantity,
                price,
            } if russian => format!("добавлено: {name} ({quantity} по {price})"),
            Self::Added {
                name,
                quantity,
                price,
            } => format!("added: {name} ({quantity} at {price})"),
            Self::Removed { name, quantity } if russian => format!("убрано: {name} ({quantity})"),
            Self::Removed { name, quantity } => format!("removed: {name} ({quantity})"),
            Self::Other {
                name,
                quantity,
                price,
            } => {
                let words = if russian {
                    ["количество", "цена"]
                } else {
                    ["quantity", "price"]
                };
                let figures = words.into_iter().zip([quantity, price]);
                let told = figures.filter_map(|(word, figures)| {
                    let Figures { from, to } = figures.as_ref()?;
                    Some(format!("{word} {from} → {to}"))
                });
                format!("{name}: {}", told.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, quantity: i64, sum: i64) -> ContentLine {
        ContentLine {
            key: name.to_owned(),
            name: name.to_owned(),
            quantity: quantity.into(),
            sum: sum.into(),
        }
    }

    fn told(before: &[ContentLine], now: &[ContentLine]) -> Option<[String; 2]> {
        let sum = |lines: &[ContentLine]| lines.iter().map(|line| line.sum).sum();
        let changes = ContentChanges::between(before, now, (sum(before), sum(now)))?;
        let russian = Voice {
            language: Language::Ru,
            ..Voice::ENGLISH
        };
        Some([changes.sentence(), changes.tell(russian)])
    }

    #[test]
    fn lines_that_came_went_or_have_other_figures_are_told_with_the_sum() {
        let before = [line("Tea", 1, 100), line("Cup", 2, 50), line("Spoon", 3, 9)];
        let now = [
            line("Tea", 2, 180),
            line("Spoon", 3, 9),
            line("Pot", 1, 500),
        ];
        assert_eq!(
            told(&before, &now).unwrap(),
            [
                "Tea: quantity 1 → 2, price 100 → 90; added: Pot (1 at 500); removed: Cup (2); \
                 total 159 → 689",
                "Tea: количество 1 → 2, цена 100 → 90; добавлено: Pot (1 по 500); убрано: Cup (2); \
                 итог 159 → 689",
            ]
        );
        assert_eq!(told(&before, &before), None);
    }

    #[test]
    fn one_line_in_two_rows_for_its_kopecks_is_one() {
        let rows = [line("Tea", 2, 666), line("Tea", 1, 334)];
        assert_eq!(told(&[line("Tea", 3, 1_000)], &rows), None);
    }

    #[test]
    fn of_many_lines_the_first_are_told_and_the_others_counted() {
        let many: Vec<ContentLine> = (0..1_000)
            .map(|nth| line(&format!("{nth} {}", "long ".repeat(50)), 1, 1))
            .collect();
        let [english, russian] = told(&[], &many).unwrap();
        assert!(
            english.contains("and 992 more lines; total 0 → 1000"),
            "{english}"
        );
        assert!(
            russian.contains("и ещё строк: 992; итог 0 → 1000"),
            "{russian}"
        );
        assert!(english.chars().count() < 1_000, "{english}");
    }
}
