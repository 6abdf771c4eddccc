//! b24-bridge carries an online store's orders into Bitrix24 CRM.

pub mod bitrix24;
pub mod domain;
pub mod planner;
pub mod sandbox;
