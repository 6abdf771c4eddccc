//! The portal: its client, its installations, and the sandbox that stands for it.

pub(super) mod bitrix24;
pub(super) mod oauth;
pub(super) mod sandbox;
