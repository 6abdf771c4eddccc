//! The wire format of the REST API: parameters in, envelopes out.

pub(super) mod decode;
pub(super) mod envelope;
pub(super) mod param_check;
