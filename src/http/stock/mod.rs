//! Stock over HTTP: reservations, levels, and the feed of changed levels. One file per endpoint.

pub(super) mod extend;
pub(super) mod level_changes;
pub(super) mod levels;
pub(super) mod release;
pub(super) mod reservation;
pub(super) mod reserve;
mod shapes;
pub(super) mod ship;

use super::{
    Problem, State,
    layer::{auth::AnyCaller, responses},
};
use crate::{
    app::stock::{NotHeld, ReservationAnswer, Reserved},
    auth::Caller,
    domain::{ErrorCode, ShopName},
};
use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

/// The longest id, in characters.
const LONGEST_ID: usize = 128;

/// The reservation that a path names: of a shop that the caller sees.
pub(super) struct Named {
    /// The shop that the path names.
    shop: ShopName,
    /// The reservation's id there.
    id: String,
    caller: Caller,
}

/// The same, of a caller who may change it.
pub(super) struct Changed(Named);

responses::describe! {
    Named = NOT_FOUND "No such reservation of the caller",
}

impl FromRequestParts<State> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let AnyCaller(caller) = AnyCaller::from_request_parts(parts, state).await?;
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((shop, id)) = path.map_err(|_| Problem::not_found())?;
        let shop = ShopName::parse(&shop).map_err(|_| Problem::not_found())?;
        let known = state.app.registry().rules(&shop).is_some();
        let usable = !id.is_empty()
            && id.chars().count() <= LONGEST_ID
            && id.trim() == id
            && !id.chars().any(char::is_control);
        if !known || !usable || !caller.sees(Some(shop.as_str())) {
            return Err(Problem::not_found());
        }
        Ok(Self { shop, id, caller })
    }
}

impl FromRequestParts<State> for Changed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let named = Named::from_request_parts(parts, state).await?;
        named.caller.may_change()?;
        Ok(Self(named))
    }
}

/// The answer as HTTP says it.
fn answered(answer: ReservationAnswer) -> Result<Json<Reserved>, Problem> {
    match answer {
        ReservationAnswer::Reserved(reserved) => Ok(Json(reserved)),
        ReservationAnswer::Short(short) => Err(Problem::short(short)),
        ReservationAnswer::NotHeld(NotHeld(state)) => Err(Problem::new(
            ErrorCode::NotHeld,
            format!("the reservation is `{}`", state.as_str()),
        )),
        ReservationAnswer::Invalid { code, faults } => Err(Problem::faulty(code, faults)),
        ReservationAnswer::Unknown => Err(Problem::not_found()),
    }
}

/// The shop sells from no stock.
fn no_stock(shop: &ShopName) -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        format!("the shop `{shop}` sells from no stock: no `[stock.NAME] shops` names it"),
    )
}
