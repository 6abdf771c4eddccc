//! The routes, and their description: one list for both.

pub(super) mod openapi;

use super::{
    Problem, State, conflicts, dead_letters, events, exchange,
    feed::{shop_messages, status_changes},
    forms, layer,
    ops::{audit, health, metrics, portals, status},
    orders::{self, list, not_customer, tries},
    stock::{extend, level_changes, levels, release, reservation, reserve, ship},
    webhooks::{bitrix24, evotor, install, moysklad, oauth_callback, woocommerce},
};
use axum::{
    Router,
    handler::Handler,
    middleware,
    routing::{MethodFilter, MethodRouter, any, get, on, post},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{OpenApi, Path, openapi::HttpMethod};

macro_rules! endpoints {
    ($($($module:ident)::+ => $function:ident $marker:ident)*) => {
        #[derive(OpenApi)]
        #[openapi(
            info(title = "b24-bridge", description = "Carries an online store's orders into \
                                                      Bitrix24 CRM."),
            paths($($($module)::+::$function),*),
            components(schemas(Problem))
        )]
        struct ApiDoc;

        fn endpoints() -> Router<State> {
            Router::new()$(
                .route(
                    &$($module)::+::$marker::path(), at::<$($module)::+::$marker, _,
                    _>($($module)::+::$function)
                )
            )*
        }
    };
}

endpoints! {
    events => post_events __path_post_events
    woocommerce => post_delivery __path_post_delivery
    evotor => post_evotor __path_post_evotor
    moysklad => post_moysklad __path_post_moysklad
    forms => post_form __path_post_form
    forms => get_form __path_get_form
    forms => options_form __path_options_form
    list => get_orders __path_get_orders
    orders => get_order __path_get_order
    not_customer => post_not_customer __path_post_not_customer
    tries => post_mend __path_post_mend
    tries => post_give_up __path_post_give_up
    dead_letters::list => get_dead_letters __path_get_dead_letters
    dead_letters::counts => get_counts __path_get_counts
    dead_letters::export => get_export __path_get_export
    dead_letters::import => post_import __path_post_import
    dead_letters::jobs => post_job __path_post_job
    dead_letters::jobs => get_jobs __path_get_jobs
    dead_letters::jobs => get_job __path_get_job
    dead_letters::jobs => post_stop __path_post_stop
    audit => get_audit __path_get_audit
    dead_letters::get => get_dead_letter __path_get_dead_letter
    dead_letters::retry => post_retry __path_post_retry
    dead_letters::discard => post_discard __path_post_discard
    status => get_status __path_get_status
    portals => post_pause __path_post_pause
    portals => post_resume __path_post_resume
    bitrix24 => post_notification __path_post_notification
    status_changes => get_status_changes __path_get_status_changes
    shop_messages => get_messages __path_get_messages
    reserve => put_reservation __path_put_reservation
    reservation => get_reservation __path_get_reservation
    release => delete_reservation __path_delete_reservation
    ship => post_ship __path_post_ship
    extend => post_extend __path_post_extend
    levels => get_stock __path_get_stock
    level_changes => get_stock_changes __path_get_stock_changes
    conflicts::list => get_conflicts __path_get_conflicts
    conflicts::get => get_conflict __path_get_conflict
    conflicts::resolve => post_resolve __path_post_resolve
    health => get_healthz __path_get_healthz
    health => get_readyz __path_get_readyz
    install => post_install __path_post_install
    oauth_callback => get_oauth __path_get_oauth
    metrics => get_metrics __path_get_metrics
    openapi => get_openapi __path_get_openapi
}

/// The handler at the methods that its description names.
fn at<P, H, T>(handler: H) -> MethodRouter<State>
where
    P: Path,
    H: Handler<T, State>,
    T: 'static,
{
    let filters = P::methods().into_iter().map(|method| match method {
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Trace => MethodFilter::TRACE,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Get => MethodFilter::GET,
    });
    filters
        .reduce(MethodFilter::or)
        .map_or_else(MethodRouter::new, |methods| on(methods, handler))
}

/// The whole API with its layers: every route but those of the console.
pub fn router(state: State) -> Router {
    exchange(endpoints(), &state)
        .fallback(layer::middleware::not_found)
        .method_not_allowed_fallback(layer::middleware::wrong_method)
        .layer(CatchPanicLayer::custom(layer::middleware::panicked))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            layer::middleware::common_layer,
        ))
        .with_state(state)
}

/// What is at addresses of others' making: the exchange with 1C, at every address that a base has
/// (`deploy/1c.md`), and the older paths of Evotor's cloud (`deploy/tills.md`).
fn exchange(router: Router<State>, state: &State) -> Router<State> {
    let further = state.config.onec.values().flat_map(|onec| &onec.also_at);
    let router = router
        .route(exchange::PATH, any(exchange::exchange))
        .route(evotor::BELOW, post(evotor::below).put(evotor::below));
    further.fold(router, |router, path| {
        router.route(path, any(exchange::exchange))
    })
}

/// Health and meters alone, for a process that takes no requests of others.
pub fn watch_router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(health::get_healthz))
        .route("/readyz", get(health::get_readyz))
        .route("/metrics", get(metrics::shown))
        .fallback(layer::middleware::not_found)
        .layer(CatchPanicLayer::custom(layer::middleware::panicked))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            layer::middleware::common_layer,
        ))
        .with_state(state)
}
