//! Names of people and firms, and ways to reach them: phones, e-mail addresses, taxpayer numbers.

pub(super) mod email;
pub(super) mod person;
pub(super) mod phone;
pub(super) mod tax_id;
