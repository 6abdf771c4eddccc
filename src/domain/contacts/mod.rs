//! How people and firms are named and reached: names, phones, emails, taxpayer numbers.

pub(super) mod email;
pub(super) mod person;
pub(super) mod phone;
pub(super) mod tax_id;
