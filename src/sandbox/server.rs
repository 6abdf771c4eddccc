//! A running portal: its routes, and how the same process looks at it and drives it.

use super::{
    Call, CatalogRights, Fault, Faults, Gate, Options, Order, Plan, Portal, PortalState, Robot,
    Sight, Stats,
    crm::fields::Entity,
    oauth,
    transport::{
        self,
        faulty_socket::{Peer, Tap},
    },
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get, post},
};
use parking_lot::Mutex;
use serde_json::Value;
use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const LARGEST_BODY: usize = 64 * 1024 * 1024;
const FAREWELL: Duration = Duration::from_secs(2);
const HANDLER_PATIENCE: Duration = Duration::from_secs(5);

/// Why a sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that is taken, or not ours.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The client for notifications could not be made.
    #[error("cannot make the client that sends notifications")]
    Client(#[source] reqwest::Error),
}

/// A running portal. Dropping it stops it.
pub struct Sandbox {
    portal: Arc<Portal>,
    address: SocketAddr,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts a portal; it answers as soon as this returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let failed = |source| Error::Listen {
            address: options.listen,
            source,
        };
        let listener = tokio::net::TcpListener::bind(options.listen)
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // The provider may have been chosen already; either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(HANDLER_PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Bitrix24 Webhook Engine")
            .build()
            .map_err(|error| Error::Client(error.without_url()))?;
        let world = Mutex::new(PortalState::new(options, address.to_string()));
        let stop = CancellationToken::new();
        let portal = Arc::new(Portal {
            world,
            client,
            stop: stop.clone(),
        });
        let service = routes(Arc::clone(&portal)).into_make_service_with_connect_info::<Peer>();
        let server = tokio::spawn(async move {
            let serving = axum::serve(Tap(listener), service);
            // Only a broken listener could end this early, and then there is nothing left to serve.
            let _ = serving.with_graceful_shutdown(stop.cancelled_owned()).await;
        });
        Ok(Self {
            portal,
            address,
            server: Some(server),
        })
    }

    /// Waits until the portal is stopped.
    pub async fn wait(mut self) {
        if let Some(server) = self.server.take() {
            let _ = server.await;
        }
    }

    /// Stops listening, closes the connections and forgets everything.
    pub async fn stop(mut self) {
        self.portal.stop.cancel();
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(FAREWELL, &mut server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.portal.stop.cancel();
        }
    }
}

fn routes(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/", get(transport::page::index))
        .route("/sandbox/app.js", get(transport::page::script))
        .route("/sandbox/style.css", get(transport::page::style))
        .route("/sandbox/state", get(transport::control::state))
        .route("/sandbox/stats", get(transport::control::stats))
        .route("/sandbox/calls", get(transport::control::calls))
        .route(
            "/sandbox/faults",
            get(transport::control::faults).post(transport::control::set_faults),
        )
        .route("/sandbox/faults/next", post(transport::control::fail_next))
        .route("/sandbox/gate", post(transport::control::set_gate))
        .route("/sandbox/deals/{id}", get(transport::control::deal))
        .route(
            "/sandbox/deals/{id}/move",
            post(transport::control::move_deal),
        )
        .route(
            "/sandbox/deals/{id}/delete",
            post(transport::control::delete_deal),
        )
        .route(
            "/sandbox/deals/{id}/edit",
            post(transport::control::edit_deal),
        )
        .route(
            "/sandbox/leads/{id}/convert",
            post(transport::control::convert_lead),
        )
        .route(
            "/sandbox/contacts/merge",
            post(transport::control::merge_contacts),
        )
        .route(
            "/sandbox/robots",
            get(transport::control::robots).post(transport::control::set_robots),
        )
        .route("/sandbox/webhooks", post(transport::control::add_webhook))
        .route("/sandbox/switch", post(transport::control::switch))
        .route(
            "/sandbox/install/{client}",
            post(transport::control::install),
        )
        .route("/sandbox/backup", post(transport::control::back_up))
        .route("/sandbox/restore", post(transport::control::restore))
        .route("/sandbox/replace", post(transport::control::replace))
        .route("/sandbox/reset", post(transport::control::reset))
        .route("/oauth/authorize/", get(oauth::authorize))
        .route("/oauth/authorize", get(oauth::authorize))
        .route("/oauth/token/", any(oauth::token))
        .route("/oauth/token", any(oauth::token))
        .route("/rest/", any(transport::endpoint::handle))
        .route("/rest/{*path}", any(transport::endpoint::handle))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(portal)
}

/// Looking at the portal, and driving it, from the same process.
impl Sandbox {
    /// The incoming webhook's address, with a slash at its end.
    pub fn url(&self) -> String {
        self.portal.with(|world| {
            let (user, secret) = (world.options.webhook_user, &world.options.webhook_secret);
            format!("http://{}/rest/{user}/{secret}/", self.address)
        })
    }

    /// Where the portal listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    fn cards(&self, entity: Entity) -> Vec<Value> {
        self.portal.with(|world| {
            world
                .crm
                .items(entity)
                .map(|item| world.card(entity, item))
                .collect()
        })
    }

    /// All deals, as `crm.deal.get` shows them.
    pub fn deals(&self) -> Vec<Value> {
        self.cards(Entity::Deal)
    }

    /// One deal, if it exists.
    pub fn deal(&self, id: u64) -> Option<Value> {
        self.portal.with(|world| {
            world
                .crm
                .item(Entity::Deal, id)
                .map(|item| world.card(Entity::Deal, item))
        })
    }

    /// All contacts, as `crm.contact.get` shows them.
    pub fn contacts(&self) -> Vec<Value> {
        self.cards(Entity::Contact)
    }

    /// All companies, as `crm.company.get` shows them.
    pub fn companies(&self) -> Vec<Value> {
        self.cards(Entity::Company)
    }

    /// All leads, as `crm.lead.get` shows them.
    pub fn leads(&self) -> Vec<Value> {
        self.cards(Entity::Lead)
    }

    /// The product rows of a deal, as `crm.deal.productrows.get` shows them.
    pub fn rows(&self, deal: u64) -> Vec<Value> {
        self.portal.with(|world| {
            let item = world.crm.item(Entity::Deal, deal);
            let rows = item.map_or(&[][..], |item| &item.rows);
            rows.iter().map(|row| row.classic("D", deal)).collect()
        })
    }

    /// Comments on all cards, as `crm.timeline.comment.get` shows them.
    pub fn comments(&self) -> Vec<Value> {
        self.portal
            .with(|world| world.crm.timeline.comments().to_vec())
    }

    /// Activities and to-dos of all cards, as `crm.activity.list` knows them.
    pub fn activities(&self) -> Vec<Value> {
        self.portal
            .with(|world| world.crm.activities.rows().to_vec())
    }

    /// How many mails the portal has sent to customers.
    pub fn mails(&self) -> usize {
        self.portal.with(|world| world.crm.activities.mails())
    }

    /// Products, parents, variations and services, as `get` shows them.
    pub fn products(&self) -> Vec<Value> {
        self.portal.with(|world| world.crm.catalogue.shown())
    }

    /// Pictures of products, as `catalog.productImage.get` shows them, with what is in each file.
    pub fn pictures(&self) -> Vec<(Value, Vec<u8>)> {
        self.portal.with(|world| world.crm.catalogue.pictures())
    }

    /// Every request so far, oldest first; the log keeps the last fifty thousand.
    pub fn calls(&self) -> Vec<Call> {
        self.portal
            .with(|world| world.log.iter().cloned().collect())
    }

    /// What has happened so far, in numbers.
    pub fn stats(&self) -> Stats {
        self.portal.with(|world| world.stats.clone())
    }

    /// Keeps the CRM as it is, for [`Sandbox::restore`].
    pub fn back_up(&self) {
        self.portal.with(PortalState::back_up);
    }

    /// Puts the CRM back to what was kept, as from an older backup. False where nothing was kept.
    pub fn restore(&self) -> bool {
        self.portal.with(PortalState::restore)
    }

    /// Lets another account, an empty one, answer at this address.
    pub fn replace(&self) {
        self.portal.with(PortalState::replace);
    }

    /// Puts something before the portal that does not let everything pass; none lets everything
    /// pass.
    pub fn set_gate(&self, gate: Option<Gate>) {
        self.portal.with(|world| world.gate = gate);
    }

    /// Moves a deal to another stage of its funnel, as a manager does by hand. False when that
    /// cannot be.
    pub fn move_deal(&self, id: u64, stage: &str) -> bool {
        self.drive(|world| transport::control::shift(world, id, None, stage))
    }

    /// Moves a deal to a stage of another funnel, as a manager does by hand.
    pub fn move_to_category(&self, id: u64, category: u64, stage: &str) -> bool {
        self.drive(|world| transport::control::shift(world, id, Some(category), stage))
    }

    /// Edits a deal by classic names, as a manager does by hand.
    pub fn edit_deal(&self, id: u64, fields: &Value) -> bool {
        self.drive(|world| transport::control::edit(world, id, fields))
    }

    /// Deletes a deal, as a manager does by hand.
    pub fn delete_deal(&self, id: u64) -> bool {
        self.drive(|world| {
            world
                .remove(&transport::control::manager(), Entity::Deal, id)
                .is_ok()
        })
    }

    /// Turns a lead into a contact and a deal behind everybody's back. False when it cannot be.
    pub fn convert_lead(&self, id: u64) -> bool {
        self.drive(|world| world.convert(id))
    }

    /// Switches leads on or off, as an administrator does in the settings.
    pub fn set_leads(&self, on: bool) {
        self.portal.with(|world| world.options.leads = on);
    }

    /// Gives the incoming webhook's user other rights to the catalogue.
    pub fn set_catalog_rights(&self, rights: CatalogRights) {
        self.portal
            .with(|world| world.options.catalog_rights = rights);
    }

    /// Lets the incoming webhook's user, and every application's, see that much of the CRM.
    pub fn set_sight(&self, sight: Sight) {
        self.portal.with(|world| world.options.sight = sight);
    }

    /// Takes the right for these methods, and for no others, from every user: each call of one is
    /// answered by "Access denied".
    pub fn deny(&self, methods: &[&str]) {
        self.portal.with(|world| {
            world.denied = methods.iter().map(|method| (*method).to_owned()).collect();
        });
    }

    /// Takes a stage of deals away, as an administrator does in the settings.
    pub fn lose_stage(&self, id: &str) {
        self.portal.with(|world| world.crm.book.lose(id));
    }

    /// Merges contacts into the first of them; the ids of the others are returned.
    pub fn merge_contacts(&self, ids: &[u64]) -> Vec<u64> {
        self.drive(|world| world.merge(&transport::control::manager(), Entity::Contact, ids))
    }

    fn drive<T>(&self, act: impl FnOnce(&mut PortalState) -> T) -> T {
        let done = self.portal.with(act);
        self.portal.deliver();
        done
    }

    /// Replaces the shares of the faults.
    pub fn set_faults(&self, faults: Faults) {
        self.portal.with(|world| world.fault_plan.shares = faults);
    }

    /// Orders a fault for the next so many requests, or for those that carry a method.
    pub fn fail_next(&self, fault: Fault, times: u32, method: Option<&str>) {
        let method = method.map(str::to_owned);
        self.portal.with(|world| {
            world.fault_plan.order(Order {
                fault,
                times,
                method,
            });
        });
    }

    /// Replaces the rules of the portal's automation.
    pub fn set_robots(&self, robots: Vec<Robot>) {
        self.portal.with(|world| world.crm.robots = robots);
    }

    /// Adds an outgoing webhook that gets every event a webhook can get.
    pub fn add_webhook(&self, url: &str, application_token: &str) {
        self.portal
            .with(|world| world.events.add_webhook(url, application_token, Vec::new()));
    }

    /// Takes the incoming webhook's rights away.
    pub fn revoke_webhook(&self) {
        self.portal.with(|world| world.webhook_revoked = true);
    }

    /// Ends the life of every access token.
    pub fn expire_tokens(&self) {
        self.portal.with(|world| world.tokens.expire());
    }

    /// Answers every REST request with a redirect to another host; `None` ends that.
    pub fn rename_portal(&self, new_address: Option<&str>) {
        self.portal
            .with(|world| world.moved_to = new_address.map(str::to_owned));
    }

    /// Blocks the REST interface as the vendor's support does, or unblocks it.
    pub fn overload(&self, on: bool) {
        self.portal.with(|world| world.overloaded = on);
    }

    /// Posts ONAPPINSTALL to an application. False when it has no place for that.
    pub fn install_app(&self, client_id: &str) -> bool {
        let message = self.portal.with(|world| world.installation(client_id));
        message.map(|message| self.portal.send(message)).is_some()
    }

    /// Installs a new version of an application: its handlers are gone, and its notifications come
    /// with this token.
    pub fn update_app(&self, client_id: &str, application_token: &str) {
        let messages = self
            .portal
            .with(|world| world.new_version(client_id, application_token));
        for message in messages {
            self.portal.send(message);
        }
    }

    /// Changes the plan while running.
    pub fn set_plan(&self, plan: Plan) {
        self.portal.with(|world| world.options.plan = plan);
    }
}
