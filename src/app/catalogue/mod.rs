//! Products of shops: their newest states are taken in, and brought to the portal's catalogue.

mod intake;
mod onec_goods;
mod picture_plan;
mod pictures;
mod queue;
mod sync;

pub(in crate::app) use intake::ReadProduct;
pub use picture_plan::{PictureAction, PicturePlan};
pub use queue::MOST_IN_A_WAVE;
pub use sync::ProductPage;

use super::{LaneWaker, Registry, Shared, Stock, Traps};
use crate::process::telemetry::Metrics;
use parking_lot::Mutex;
use sqlx::PgPool;
use std::{collections::HashMap, sync::Arc};

/// Products of shops are kept in step with the portal's catalogue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalogue {
    db: PgPool,
    traps: Traps,
    waker: LaneWaker,
    metrics: Metrics,
    registry: Arc<Registry>,
    stock: Arc<Stock>,
    /// The last of 1C's products that was looked at, by base: each is come to in turn.
    goods_after: Arc<Mutex<HashMap<String, String>>>,
}

impl Catalogue {
    pub(super) fn new(shared: &Shared, stock: &Arc<Stock>) -> Self {
        Self {
            db: shared.db.clone(),
            traps: shared.traps.clone(),
            waker: shared.waker.clone(),
            metrics: shared.metrics.clone(),
            registry: Arc::clone(&shared.registry),
            stock: Arc::clone(stock),
            goods_after: Arc::default(),
        }
    }
}
