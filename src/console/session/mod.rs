//! Operators' sessions: signing in, the viewer of a page, and forms that carry the session's token.

pub(super) mod cookies;
pub(super) mod form;
pub(super) mod sign_in;
pub(super) mod viewer;
