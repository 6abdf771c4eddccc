//! A router whose routes can be replaced while it serves: newer settings have newer keys.

use axum::{Router, extract::Request};
use parking_lot::RwLock;
use std::sync::Arc;
use tower_service::Service as _;

/// A router that can be replaced. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReplaceableRouter(Arc<RwLock<Router>>);

impl ReplaceableRouter {
    /// Answers by these routes at first.
    pub fn new(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }

    /// Requests that come from now on are answered by these routes.
    pub fn replace(&self, router: Router) {
        *self.0.write() = router;
    }

    /// What is to be served.
    pub fn router(&self) -> Router {
        let current = Arc::clone(&self.0);
        Router::new().fallback(move |request: Request| {
            let mut router = current.read().clone();
            async move { router.call(request).await }
        })
    }
}
