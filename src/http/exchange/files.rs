//! `file`, `import`, `deactivate`: what 1C sends.

use super::{Answer, Exchange, LISTEN, Refused};
use crate::{
    app::onec::{ExchangeKind, Session, Step, Stored},
    domain::{
        ErrorCode,
        happening::{FileNote, Tell as _, Voice},
    },
    http::layer::body::SentBody,
};
use axum::response::Response;
use tokio::time::Instant;

/// What is told of a file, as 1C's user reads it.
fn lines(notes: &[FileNote]) -> Vec<String> {
    let told = notes.iter().map(|note| note.tell(Voice::FOR_1C));
    told.collect()
}

impl Exchange<'_> {
    /// A piece of a file. In the old protocol a file of orders is taken in once it is whole.
    pub(super) async fn file(&self, sent: SentBody) -> Result<(&'static str, Response), Refused> {
        // Whoever sends a body is known before it is read.
        let session = self.session().await?;
        let name = self.request.filename.as_deref().unwrap_or_default();
        let limit = usize::try_from(self.base().file_limit).unwrap_or(usize::MAX);
        // Not every client keeps to the pieces that it was told.
        let most = limit.max(self.with.config.http.max_body_bytes);
        let read = sent.within(most).bytes().await;
        let piece = read.map_err(|problem| match problem.code() {
            ErrorCode::TooLarge => {
                let detail = format!("часть файла больше {most} байт: отправляйте по {limit}");
                self.refuse(ErrorCode::OneCFile, &detail)
            }
            code => self.refuse(code, ""),
        })?;
        if piece.is_empty() {
            return Err(self.refuse(ErrorCode::OneCFile, "часть файла пуста"));
        }
        let kind = self.kind;
        let stored = self
            .with
            .onec
            .store_onec_piece(&session, kind, name, &piece)
            .await;
        match stored.map_err(|error| self.failed(error))? {
            Stored::Name => {
                let detail = format!("имя файла {name:.80} недопустимо");
                Err(self.refuse(ErrorCode::OneCFile, &detail))
            }
            Stored::TooMuch => {
                let most = self.base().max_upload;
                let detail = format!(
                    "за сеанс прислано больше {most} байт (max_upload_bytes) или больше 50 000 \
                     файлов"
                );
                Err(self.refuse(ErrorCode::OneCFile, &detail))
            }
            Stored::Kept { name, whole }
                if whole && kind == ExchangeKind::Sale && session.version.is_none() =>
            {
                self.take_in_at_once(&session, &name).await
            }
            Stored::Kept { .. } => Ok(self.success()),
        }
    }

    /// Takes a file in, in as many steps as there is time for: in the old protocol 1C knows no
    /// `progress`, and would take it for a failure.
    async fn take_in_at_once(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<(&'static str, Response), Refused> {
        let (begun, step) = (Instant::now(), self.base().step);
        loop {
            let (result, response) = self.take_in(session, name).await?;
            let is_time = begun.elapsed() + step <= step.max(LISTEN);
            if result != "progress" || !is_time {
                return Ok((result, response));
            }
        }
    }

    /// A step of taking a file in.
    pub(super) async fn import(&self) -> Result<(&'static str, Response), Refused> {
        let session = self.session().await?;
        let name = self.request.filename.as_deref().unwrap_or_default();
        self.take_in(&session, name).await
    }

    async fn take_in(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<(&'static str, Response), Refused> {
        let step = self.with.onec.import_onec(session, name).await;
        match step.map_err(|error| self.failed(error))? {
            Step::Success(notes) => {
                let told = Answer::success_with(lines(&notes));
                Ok(("success", self.say(&told)))
            }
            Step::Progress(items) => {
                let lines = vec!["progress".to_owned(), format!("обработано: {items}")];
                Ok(("progress", self.say(&Answer::lines(lines))))
            }
            Step::Refused { code, notes } => {
                let shown = Answer::failure_with(code, lines(&notes));
                Err(Refused::from(self.say(&shown)))
            }
        }
    }

    /// `mode=deactivate`: a full exchange of goods has ended; what it did not name is withdrawn.
    pub(super) async fn deactivate(&self) -> Result<(&'static str, Response), Refused> {
        let session = self.session().await?;
        let ended = self
            .with
            .onec
            .end_onec_catalogue(&session, self.request.timestamp)
            .await;
        if ended.map_err(|error| self.failed(error))?.is_some() {
            return Ok(self.success());
        }
        let detail = "не все файлы этого сеанса приняты: полный обмен не завершён";
        Err(self.refuse(ErrorCode::OneCFile, detail))
    }
}
