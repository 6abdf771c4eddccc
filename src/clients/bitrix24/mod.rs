//! A client for one Bitrix24 portal that keeps within its limits and tells what happened to every
//! command.
//!
//! It owns the transport, the request limit, the operating-time gauges, the tokens, and the reading
//! of every shape of answer a portal gives. It refuses to guess: what was sent and not answered is
//! said to be in doubt, and it never repeats a call that may have run. Waiting and trying again
//! belong to the caller, but for two things that are certainly safe: an expired token is renewed
//! once and the call repeated, and a call that a renamed portal sent elsewhere is repeated there.
//!
//! ```no_run
//! use b24_bridge::clients::{
//!     bitrix24::{Client, Command, Credentials, Options, Priority, Rate},
//!     connections::Connections,
//! };
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let portal = Credentials::webhook("https://example.bitrix24.ru/rest/1/secret/")?;
//! let options = Options { rate: Rate::STANDARD, ..Options::default() };
//! let client = Client::new(portal, &Connections::new()?, &options);
//! let command = Command {
//!     key: "deal".to_owned(),
//!     method: "crm.deal.get".to_owned(),
//!     params: serde_json::json!({"id": 7}),
//! };
//! let answers = client.batch(&[command], Priority::Live).await?;
//! println!("{:?}", answers["deal"]);
//! # Ok(())
//! # }
//! ```
//!
//! To add a method: nothing here; the planner names it. To add an error of the portal: its code in
//! the classes of `error`, with what may be tried again.

mod batch;
mod client;
mod credentials;
mod endpoint;
mod error;
mod limit;
mod oauth;
mod observer;
pub mod php_form;
mod portal_address;
mod response;
mod server_time;
mod transport;

pub use batch::Command;
pub use client::{Client, Options};
pub use credentials::{Access, Credentials, Pending, TokenSource};
pub use error::{Blocked, Class, Error};
pub use limit::call_gate::{CallGate, GatePass};
pub use limit::limiter::{Priority, Rate};
pub use limit::operating_time::Operating;
pub use oauth::{GrantedTokens, OAuth, OAuthApp, OAuthError, Tokens};
pub use observer::{CallObserver, CallRecord};
pub use response::{BatchResponse, CommandError, Response};
pub use server_time::ServerTime;
