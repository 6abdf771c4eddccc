//! People of the sandbox base act, and people of the portal and the shop beside them.

mod acts;
mod story;
