//! `POST /v1/conflicts/{id}/resolve`: a person says who is right.

use super::get;
use crate::{
    app::{ConflictItem, Conflicts, Stock, Sync, stock::ShortageRuling},
    domain::{Fault, Side},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody, path::PathParam},
    },
};
use axum::{Json, extract::State as Extract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person's word: `winner` about statuses; about a shortage `drop`, or `move` with `store`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Resolve {
    /// Who is right: `shop` or `portal`.
    #[schema(value_type = Option<String>)]
    winner: Option<Side>,
    /// The reservation that is lost.
    drop: Option<String>,
    /// The reservation that is held in another store from now on.
    r#move: Option<String>,
    /// The store that `move` goes to, by its name; needed with it, and only then.
    store: Option<String>,
    /// The reservation's shop; needed only where several shops have one of that id.
    shop: Option<String>,
}

impl Resolve {
    fn winner(self) -> Result<Side, Problem> {
        match self {
            Self {
                winner: Some(winner),
                drop: None,
                r#move: None,
                store: None,
                shop: None,
            } => Ok(winner),
            _ => Err(wrong("/winner", "say who is right: `winner` alone")),
        }
    }

    fn ruling(self) -> Result<ShortageRuling, Problem> {
        let Self {
            winner,
            drop,
            r#move: carried,
            store,
            shop,
        } = self;
        match (winner, drop, carried, store) {
            (None, Some(id), None, None) => Ok(ShortageRuling { id, shop, to: None }),
            (None, None, Some(id), Some(to)) => {
                let to = Some(to);
                Ok(ShortageRuling { id, shop, to })
            }
            _ => Err(wrong(
                "/drop",
                "about a shortage, say which reservation is lost, `drop`, or held elsewhere, \
                 `move` and `store`",
            )),
        }
    }
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    let fault = Fault {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    crate::app::Error::Invalid(vec![fault]).into()
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResolveOutcome)]
pub(in crate::http) struct Outcome {
    /// `resolved`: the portal's lane carries it out, or, of a shortage, it is done.
    result: &'static str,
}

/// Says who is right in a conflict; put on record and carried out by the portal's lane. Of a
/// shortage it says who loses the goods or is served from another store: that is done at once, and
/// the shortage closes when there is enough for the others.
#[utoipa::path(
    post, path = "/v1/conflicts/{id}/resolve", tag = "conflicts", security(("key" = [])),
    params(("id" = i64, Path, description = "The conflict")),
    request_body = Resolve,
    responses(
        (status = 200, description = "It is on record", body = Outcome),
        MayChange,
        (
            status = 404, description = "No such conflict of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 409, description = "Decided already, or vanished", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "A word that cannot be carried out", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_resolve(
    Extract(conflicts): Extract<Conflicts>,
    Extract(sync): Extract<Sync>,
    Extract(stock): Extract<Stock>,
    MayChange(caller): MayChange,
    PathParam(id): PathParam,
    sent: SentBody,
) -> Result<Json<Outcome>, Problem> {
    let item = get::find(&conflicts, &caller, &id).await?;
    let resolve: Resolve = sent.json().await?;
    let actor = caller.actor();
    match item {
        ConflictItem::Status(conflict) => {
            let winner = resolve.winner()?;
            sync.resolve(conflict.id, winner, &actor).await?;
        }
        ConflictItem::Shortage(shortage) => {
            let mut ruling = resolve.ruling()?;
            if let Some(own) = caller.only() {
                ruling.shop = Some(own.as_str().to_owned());
            }
            stock.rule_shortage(shortage.id, &ruling, &actor).await?;
        }
    }
    Ok(Json(Outcome { result: "resolved" }))
}
