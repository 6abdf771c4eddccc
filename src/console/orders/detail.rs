//! `GET /console/orders/{shop}/{number}`: one order's whole life.

use super::{contents::contents, customer_cards, list, onec, retry};
use crate::{
    app::{
        ActivityState, ActivityView, ConflictFilter, ConflictView, DeadLetter, DeadLetters,
        LetterFilter, Operations, OrderState, OrderView, Sync, TimelineEntry, ToldStatus,
    },
    console::{
        StageNames, State,
        conflicts::list::decide,
        dead_letters::fields::{self, Refused},
        i18n::{locale::Lang, messages::Text},
        overview::{alerts::Alerts, cache::Overviews},
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            portal_names::PortalNames,
        },
    },
    domain::{ErrorCode, Place, ShopName},
};
use axum::extract::{FromRef, Path, Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    /// What an act on this page came to.
    #[serde(default)]
    done: String,
    /// `all`: its whole life is shown, not only the newest of it.
    #[serde(default)]
    life: String,
}

/// So many sentences of a life are shown at first: a page stays small, the rest is a click away.
const NEWEST: usize = 15;

/// `GET /console/orders/{shop}/{number}`: an order's whole life.
pub(in crate::console) async fn get(
    Extract(pages): Extract<OrderPages>,
    visitor: Viewer,
    Path((shop, number)): Path<(String, String)>,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let lang = visitor.lang;
    let shop = ShopName::parse(&shop).map_err(|_| ErrorPage::not_found(lang))?;
    if number.contains('\0') {
        return Err(ErrorPage::not_found(lang));
    }
    pages.page(&visitor, (&shop, number), &asked, None).await
}

/// What the page of an order is made of. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct OrderPages {
    operations: Operations,
    overviews: Overviews,
    dead_letters: DeadLetters,
    sync: Sync,
    names: PortalNames,
}

impl FromRef<State> for OrderPages {
    fn from_ref(state: &State) -> Self {
        Self {
            operations: FromRef::from_ref(state),
            overviews: FromRef::from_ref(state),
            dead_letters: FromRef::from_ref(state),
            sync: FromRef::from_ref(state),
            names: FromRef::from_ref(state),
        }
    }
}

impl OrderPages {
    /// The page, after an act that came to this; a correction that was refused stays as typed.
    pub(super) async fn page(
        &self,
        visitor: &Viewer,
        (shop, number): (&ShopName, String),
        asked: &PageQuery,
        refused: Option<&Refused<'_>>,
    ) -> Result<Markup, ErrorPage> {
        let lang = visitor.lang;
        let order = self.operations.order_view(shop, &number).await;
        let order = order.map_err(|error| ErrorPage::of(error, lang))?;
        let order = order.ok_or_else(|| ErrorPage::not_found(lang))?;
        let tried = self.dead_letters.still_tried(shop, &number).await;
        let tried = tried.map_err(|error| ErrorPage::of(error, lang))?;
        let filter = LetterFilter {
            shop: Some(shop.clone()),
            number: Some(number.clone()),
            ..LetterFilter::default()
        };
        let letters = self.dead_letters.dead_letters(&filter).await;
        let letters = letters.map_err(|error| ErrorPage::of(error, lang))?;
        let filter = ConflictFilter {
            shop: Some(shop.clone()),
            number: Some(number),
            ..ConflictFilter::default()
        };
        let conflicts = self.sync.conflicts(&filter).await;
        let conflicts = conflicts.map_err(|error| ErrorPage::of(error, lang))?;
        let waits = order.state == OrderState::OnItsWay;
        let hindered = if waits {
            let look = self.overviews.lately().await;
            let look = look.map_err(|error| ErrorPage::of(error, lang))?;
            Some(Alerts::of(visitor, &look).about(visitor, &order.portal, ""))
        } else {
            None
        };
        let title = format!("{} {}", visitor.text(Text::Order), order.number);
        let origin = self.names.origin(&order.portal);
        let origin = origin.as_deref();
        let names = self.names.stages(&order.portal);
        let content = html! {
            h1 { (title) " " (list::badge(visitor, order.state)) }
            (retry::notice(visitor, &asked.done))
            (facts(visitor, &order, origin, &names))
            @if let Some(told) = &order.told {
                (still_told(visitor, told, order.status.as_deref()))
            }
            // What hinders its portal hinders it.
            @if let Some(hindered) = &hindered { (hindered) }
            @if let Some(fault) = &order.fault {
                p.problem.words role="alert" { (lang.told(fault)) }
            }
            @for conflict in &conflicts.items { (open_conflict(visitor, conflict, &names)) }
            @if let Some(tried) = &tried { (retry::section(visitor, &order, tried, refused)) }
            @if !letters.items.is_empty() {
                h2 { (visitor.text(Text::ItsDeadLetters)) }
                @for (nth, letter) in letters.items.iter().enumerate() {
                    @let is_first = nth == 0 && tried.is_none();
                    (self.letter(visitor, letter, is_first))
                }
            }
            (contents(visitor, order.contents.as_ref()))
            (customer_cards::cards(visitor, &order, origin))
            (activities(visitor, &order, origin))
            (life(visitor, &order, &names, asked.life == "all"))
        };
        Ok(layout::page(visitor, Section::Orders, &title, content))
    }

    /// Why something of the order could not be delivered, and what can be done about it right here.
    /// The first of them has the form for the fields that are wrong.
    fn letter(&self, visitor: &Viewer, letter: &DeadLetter, is_first: bool) -> Markup {
        let page = format!("/console/dead-letters/{}", letter.id);
        let (retry, mend) = (format!("{page}/retry"), format!("{page}/mend"));
        let gone = letter.code == ErrorCode::DealGone.as_str();
        let mut fields = self.dead_letters.wrong_fields(letter);
        if !is_first {
            fields.clear();
        }
        let back = ("back", "order");
        html! {
            section.card.alarm {
                p { a href=(page) { "#" (letter.id) " " (letter.code) } }
                (components::explained(visitor, &letter.code, components::place_of(letter)))
                p.words { (visitor.lang.told(&letter.message)) }
                div.actions.second[!is_first || !fields.is_empty()] {
                    @if gone {
                        @let recreate = [("recreate", "yes"), back];
                        (components::button(
                            visitor, &retry, &recreate, visitor.text(Text::MakeNewDeal)
                        ))
                    }
                    (components::button(visitor, &retry, &[back], visitor.text(Text::Retry)))
                    a href=(page) { (visitor.text(Text::ToLetters)) }
                }
            }
            @if !fields.is_empty() {
                (fields::form(visitor, (&mend, None), (&fields, &letter.payload), None))
            }
        }
    }
}

/// A difference that waits for a person, with both answers.
fn open_conflict(visitor: &Viewer, conflict: &ConflictView, names: &StageNames) -> Markup {
    let page = format!("/console/conflicts/{}", conflict.id);
    let sentence = &conflict.sentence;
    html! {
        section.card.alarm {
            h2 { a href=(page) { (visitor.text(Text::Conflict)) " #" (conflict.id) } }
            p { (visitor.lang.happened(conflict.what.as_ref(), sentence, Some(names))) }
            (decide(visitor, conflict, names, "order"))
        }
    }
}

fn facts(visitor: &Viewer, order: &OrderView, origin: Option<&str>, names: &StageNames) -> Markup {
    let ids = [
        (Text::Deal, "deal", order.deal_id),
        (Text::Lead, "lead", order.lead_id),
        (Text::Contact, "contact", order.contact_id),
        (Text::Company, "company", order.company_id),
    ];
    html! {
        dl.facts {
            div { dt { (visitor.text(Text::Shop)) } dd { (order.shop) } }
            div {
                dt { (visitor.text(Text::Portal)) }
                dd { a href=(links::portal(&order.portal)) { (order.portal) } }
            }
            div {
                dt { (visitor.text(Text::Status)) } dd { (order.status.as_deref().unwrap_or("—")) }
            }
            div {
                dt { (visitor.text(Text::Stage)) }
                dd { (components::stage(names, order.stage.as_deref())) }
            }
            @for (text, kind, id) in ids { @if let Some(id) = id {
                div {
                    dt { (visitor.text(text)) }
                    dd { (components::entity(origin, kind, id)) }
                }
            } }
            @if let Some(onec) = &order.onec { (onec::standing(visitor, onec)) }
        }
    }
}

/// What the shop was told and has not said itself since: why an order may not be in sync though
/// nothing is wrong with it.
fn still_told(visitor: &Viewer, told: &ToldStatus, says: Option<&str>) -> Markup {
    let status = &told.status;
    let (first, then) = match (visitor.lang, told.taken_at.is_some(), told.given_up) {
        (Lang::En, true, _) => (
            format!("The shop was told {status} and took the message"),
            "it has not sent the order with it since",
        ),
        (Lang::En, false, true) => (
            format!("The shop was told {status} and did not take it"),
            "the message is not sent any more: see the dead letter",
        ),
        (Lang::En, false, false) => (
            format!("The shop is to have {status}"),
            "it has not taken the message yet, at its callback or from GET /v1/status-changes",
        ),
        (Lang::Ru, true, _) => (
            format!("Магазину сообщён статус {status}, и он это принял"),
            "но заказ с этим статусом он с тех пор не присылал",
        ),
        (Lang::Ru, false, true) => (
            format!("Магазину сообщали статус {status}, он его не принял"),
            "сообщение больше не отправляется: смотрите недоставленное",
        ),
        (Lang::Ru, false, false) => (
            format!("Магазин должен получить статус {status}"),
            "но сообщения об этом он ещё не принял ни у себя, ни из GET /v1/status-changes",
        ),
    };
    let says = says.filter(|says| says != status);
    html! {
        p.words {
            (first) " (" (components::moment(visitor, told.taken_at.unwrap_or(told.decided_at)))
            "); " (then)
            @if let Some(says) = says { "; " (match visitor.lang {
                Lang::En => format!("its own data say {says}"),
                Lang::Ru => format!("в его данных пока {says}"),
            }) }
            "."
        }
    }
}

/// What was said about the order.
fn activities(visitor: &Viewer, order: &OrderView, origin: Option<&str>) -> Markup {
    let state = |one: &ActivityView| match one.state {
        ActivityState::Waits => ("badge warn", Text::OnItsWay),
        ActivityState::Dead => ("badge bad", Text::IsDead),
        ActivityState::Done => ("badge good", Text::Delivered),
    };
    let card = |one: &ActivityView| {
        let deal = one.deal_id.map(|id| (Text::Deal, "deal", id));
        let lead = one.lead_id.map(|id| (Text::Lead, "lead", id));
        let contact = one.contact_id.map(|id| (Text::Contact, "contact", id));
        deal.or(lead).or(contact)
    };
    html! {
        @if !order.activities.is_empty() {
            h2 { (visitor.text(Text::Activities)) }
            ul { @for one in &order.activities {
                @let (class, text) = state(one);
                li {
                    (components::moment(visitor, one.at)) " " (one.title) " "
                    span class=(class) { (visitor.text(text)) }
                    @if let Some((text, kind, id)) = card(one) {
                        " " (visitor.text(text)) " " (components::entity(origin, kind, id))
                    }
                    @if let Some(code) = &one.code {
                        (components::explained(visitor, code, Place::shop(&order.shop)))
                    }
                    @if let Some(fault) = &one.fault {
                        p.quiet { (visitor.lang.told(fault)) }
                    }
                }
            } }
        }
    }
}

/// Its life, the newest first: all of it, or the newest sentences and the way to the others.
fn life(visitor: &Viewer, order: &OrderView, names: &StageNames, whole: bool) -> Markup {
    let all = order.timeline.len();
    let shown = if whole { all } else { NEWEST };
    let page = links::order(&order.shop, &order.number);
    html! {
        h2 id="life" { (visitor.text(Text::Timeline)) }
        @if order.timeline.is_empty() { p.empty { (visitor.text(Text::NoTimeline)) } }
        ol.timeline {
            @for entry in order.timeline.iter().rev().take(shown) {
                (moment(visitor, entry, names))
            }
        }
        @if all > shown {
            p {
                a href=(format!("{page}?life=all#life")) {
                    (visitor.text(Text::AllOfThem)) " (" (all) ")"
                }
            }
        }
    }
}

fn moment(visitor: &Viewer, entry: &TimelineEntry, names: &StageNames) -> Markup {
    let class = match entry.kind.as_str() {
        "dead" | "refused" | "gone" => "bad",
        "conflict" | "retried" | "discarded" => "warn",
        "written" | "told" => "good",
        _ => "plain",
    };
    html! {
        li class=(class) {
            div.when {
                (components::moment(visitor, entry.at)) " " span.kind {
                    (visitor.lang.word(&entry.kind))
                }
            }
            p { (visitor.lang.happened(entry.what.as_ref(), &entry.text, Some(names))) }
            @if let Some(detail) = &entry.detail {
                details {
                    summary { (visitor.text(Text::Clocks)) } pre { (components::pretty(detail)) }
                }
            }
        }
    }
}
