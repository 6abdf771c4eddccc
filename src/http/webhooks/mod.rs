//! Webhooks that portals and shops' systems send by themselves: one file per sender.

pub(super) mod bitrix24;
pub(super) mod evotor;
pub(super) mod install;
pub(super) mod moysklad;
pub(super) mod oauth_callback;
pub(super) mod woocommerce;
