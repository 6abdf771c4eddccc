//! Settings are read again in all running processes, because a person asks for it.

use crate::{
    app::{Actor, Error, Operations},
    domain::happening::Act,
    storage::{journal, queue::processes},
};
use serde_json::json;

pub use crate::storage::queue::processes::ReloadAnswer;

impl Operations {
    /// Asks all processes to read their settings again; returns what their answers are found by.
    pub async fn ask_to_reload(&self, who: &Actor) -> Result<i64, Error> {
        let mut tx = self.db.begin().await?;
        let id = processes::ask_to_reload(&mut tx).await?;
        let act = &Act::SettingsReloaded;
        journal::audit(&mut tx, &who.0, act, "", &json!({})).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The last time that somebody asked for it.
    pub async fn last_reload(&self) -> Result<i64, Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::last_reload(&mut db).await?)
    }

    /// The last time that somebody asked for it before a process that has just begun read its
    /// settings. What is asked meanwhile it takes up.
    pub async fn earlier_reload(&self) -> Result<i64, Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::earlier_reload(&mut db).await?)
    }

    /// Stores what came of it in this process.
    pub async fn answer_reload(&self, reload: i64, answer: &ReloadAnswer) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::answer_reload(&mut db, reload, answer).await?)
    }

    /// What the processes have answered so far.
    pub async fn reload_answers(&self, reload: i64) -> Result<Vec<ReloadAnswer>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::reload_answers(&mut db, reload).await?)
    }

    /// All processes that answer to it.
    pub async fn answering(&self) -> Result<Vec<String>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::answering(&mut db).await?)
    }

    /// This process answers to it for so many seconds from now.
    pub async fn answers(&self, owner: &str, seconds: f64) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(processes::answers(&mut db, owner, seconds).await?)
    }
}
