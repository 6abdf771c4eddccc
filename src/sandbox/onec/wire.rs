//! Requests of the base, and how it reads what comes back.

use super::{OneC, Trouble, trouble};
use encoding_rs::{UTF_8, WINDOWS_1251};
use reqwest::{Method, RequestBuilder, header};
use std::io::{Cursor, Write as _};
use zip::{ZipWriter, write::SimpleFileOptions};

/// What the base shows after `checkauth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Login, cookie and `sessid`, as 1C itself.
    Everything,
    /// Only the cookie: neither login nor `sessid`.
    Cookie,
    /// The cookie twice, as where the site sets it, too.
    CookieTwice,
    /// Login and `sessid`, no cookie.
    Sessid,
    /// Only the login: neither cookie nor `sessid`.
    Login,
}

/// The answer of a site to one request.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) charset: String,
}

impl OneC {
    fn request(
        &self,
        method: Method,
        kind: &str,
        mode: &str,
        more: &[(&str, &str)],
    ) -> RequestBuilder {
        let first = mode == "checkauth";
        let shows = self.exchange.shows;
        let mut query = vec![("type", kind), ("mode", mode)];
        query.extend_from_slice(more);
        let sessid = self.sessid.clone().unwrap_or_default();
        if !first && matches!(shows, Shows::Everything | Shows::Sessid) && !sessid.is_empty() {
            query.push(("sessid", &sessid));
        }
        let request = self
            .client
            .request(method, &self.exchange.address)
            .query(&query);
        let mut request = request.header(header::USER_AGENT, "1C+Enterprise/8.3");
        if first || matches!(shows, Shows::Everything | Shows::Sessid | Shows::Login) {
            let password = Some(&self.exchange.password);
            request = request.basic_auth(&self.exchange.login, password);
        }
        if let Some((name, value)) = &self.cookie {
            let cookie = format!("{name}={value}");
            request = match shows {
                _ if first => request,
                Shows::Everything | Shows::Cookie => request.header(header::COOKIE, cookie),
                Shows::CookieTwice => request.header(header::COOKIE, format!("{cookie}; {cookie}")),
                Shows::Sessid | Shows::Login => request,
            };
        }
        request
    }

    pub(super) async fn get(
        &self,
        kind: &str,
        mode: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, Trouble> {
        received(self.request(Method::GET, kind, mode, more)).await
    }

    async fn post(
        &self,
        kind: &str,
        mode: &str,
        more: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Trouble> {
        received(self.request(Method::POST, kind, mode, more).body(body)).await
    }

    /// Asks for orders, takes so many bytes of the answer, and drops the connection.
    pub async fn query_cut(&self, bytes: usize) -> Result<(), Trouble> {
        let failed = |error: reqwest::Error| Trouble(format!("Ошибка соединения: {error}"));
        let sent = self.request(Method::GET, "sale", "query", &[]).send().await;
        let mut response = sent.map_err(failed)?;
        let mut taken = 0;
        while taken < bytes {
            match response.chunk().await.map_err(failed)? {
                Some(chunk) => taken += chunk.len(),
                None => break,
            }
        }
        Ok(())
    }

    /// Sends a status for an order that the base has, as a trade configuration writes it; what the
    /// site says.
    pub async fn send_status(&self, number: &str, status: &str) -> Result<Vec<String>, Trouble> {
        let Some(order) = self.order(number) else {
            return trouble(format!("заказа {number} в базе нет"));
        };
        let file = super::orders::with_status(order, status);
        let name = "documents.xml";
        let said = self.send("sale", name, file.as_bytes()).await?;
        if self.exchange.version.is_none() || said.first().map(String::as_str) != Some("success") {
            return Ok(said);
        }
        Ok(self.import("sale", name).await?.1)
    }

    /// Asks and reads lines of text.
    pub async fn ask(
        &self,
        kind: &str,
        mode: &str,
        more: &[(&str, &str)],
    ) -> Result<Vec<String>, Trouble> {
        lines(&self.get(kind, mode, more).await?)
    }

    /// `checkauth`: what names the session stands in the lines.
    pub async fn sign_in(&mut self, kind: &str) -> Result<(), Trouble> {
        self.cookie = None;
        self.sessid = None;
        let lines = self.ask(kind, "checkauth", &[]).await?;
        expect(&lines, "success")?;
        let [_, name, value, ..] = lines.as_slice() else {
            return trouble("в ответе на checkauth нет имени и значения cookie");
        };
        self.cookie = Some((name.clone(), value.clone()));
        self.sessid = lines
            .iter()
            .find_map(|line| line.strip_prefix("sessid="))
            .map(str::to_owned);
        let hex = |text: &String| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !self.sessid.as_ref().is_some_and(hex) {
            return trouble("в ответе на checkauth нет sessid из 32 шестнадцатеричных цифр");
        }
        if kind == "catalog" && !lines.iter().any(|line| line.starts_with("timestamp=")) {
            return trouble("в ответе на checkauth нет timestamp");
        }
        Ok(())
    }

    /// `init`: how files are to be sent, and which version is spoken.
    pub async fn init(&mut self, kind: &str) -> Result<(), Trouble> {
        let version = self.exchange.version.clone();
        let newer = self.exchange.cml_version.clone();
        let mut more: Vec<(&str, &str)> = Vec::new();
        more.extend(version.as_deref().map(|version| ("version", version)));
        more.extend(newer.as_deref().map(|version| ("cmlVersion", version)));
        let lines = self.ask(kind, "init", &more).await?;
        let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
        self.zip = match value("zip=") {
            Some("yes") => true,
            Some("no") => false,
            _ => return trouble(format!("неизвестный ответ на init: {lines:?}")),
        };
        let limit = value("file_limit=").and_then(|limit| limit.parse().ok());
        let Some(limit) = limit else {
            return trouble("в ответе на init нет file_limit");
        };
        self.file_limit = limit;
        if version.is_some() {
            let spoken = value("version=");
            if spoken.is_none()
                || value("sessid=").is_none()
                    && self.sessid.is_some()
                    && self.exchange.shows != super::Shows::Login
            {
                return trouble("в ответе на init нет версии или sessid");
            }
        }
        Ok(())
    }

    /// `success`: the orders are taken in.
    pub async fn success(&self) -> Result<(), Trouble> {
        expect(&self.ask("sale", "success", &[]).await?, "success")
    }

    /// `info`: the names of the lists and of what is in them.
    pub async fn info(&self) -> Result<Vec<(String, Vec<(String, String)>)>, Trouble> {
        let answer = self.get("sale", "info", &[]).await?;
        let text = decoded(&answer)?;
        let read = roxmltree::Document::parse(&text);
        let document = read.map_err(|_| {
            Trouble("Не удалось прочитать данные, загруженные с сервера".to_owned())
        })?;
        let text_of = |node: roxmltree::Node<'_, '_>, name: &str| {
            let child = node.children().find(|child| child.has_tag_name(name));
            child
                .and_then(|child| child.text())
                .unwrap_or_default()
                .to_owned()
        };
        let lists = document
            .root_element()
            .children()
            .filter(roxmltree::Node::is_element);
        let list = |node: roxmltree::Node<'_, '_>| {
            let items = node.children().filter(|item| item.has_tag_name("Элемент"));
            let items = items.map(|item| (text_of(item, "Ид"), text_of(item, "Название")));
            (node.tag_name().name().to_owned(), items.collect())
        };
        Ok(lists.map(list).collect())
    }

    /// Sends a file in the pieces that the site asked for.
    pub async fn send(&self, kind: &str, name: &str, bytes: &[u8]) -> Result<Vec<String>, Trouble> {
        let mut said = vec!["success".to_owned()];
        for piece in bytes.chunks(self.file_limit.max(1)) {
            said = self.send_piece(kind, name, piece).await?;
            if said.first().map(String::as_str) != Some("success") {
                break;
            }
        }
        Ok(said)
    }

    /// Sends a file as the site likes it: in a zip, where it takes zips.
    pub(super) async fn send_packed(
        &self,
        kind: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<Vec<String>, Trouble> {
        if !self.zip {
            return self.send(kind, name, bytes).await;
        }
        let failed = |error: &dyn std::fmt::Display| Trouble(format!("Ошибка архива: {error}"));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(name, SimpleFileOptions::default())
            .map_err(|error| failed(&error))?;
        zip.write_all(bytes).map_err(|error| failed(&error))?;
        let packed = zip.finish().map_err(|error| failed(&error))?.into_inner();
        let id = uuid::Uuid::now_v7().simple().to_string();
        let (_, tail) = id.split_at(26);
        let (first, last) = tail.split_at(4);
        let name = format!("v8_{}_{last}.zip", first.to_uppercase());
        self.send(kind, &name, &packed).await
    }

    /// Sends one piece of a file.
    pub async fn send_piece(
        &self,
        kind: &str,
        name: &str,
        piece: &[u8],
    ) -> Result<Vec<String>, Trouble> {
        let more = [("filename", name)];
        lines(&self.post(kind, "file", &more, piece.to_vec()).await?)
    }

    /// Has a file taken in, as long as the site says `progress`; how often it was asked, and the
    /// last answer.
    pub async fn import(&self, kind: &str, name: &str) -> Result<(usize, Vec<String>), Trouble> {
        for nth in 1..10_000 {
            let said = self.ask(kind, "import", &[("filename", name)]).await?;
            match said.first().map(String::as_str) {
                Some("progress") => {}
                Some("success" | "failure") => return Ok((nth, said)),
                _ => return trouble(format!("Получен неизвестный статус импорта: {said:?}")),
            }
        }
        trouble("загрузка файла не кончается")
    }

    /// What the site said of files: whether they may be packed, and the largest piece.
    pub fn files(&self) -> (bool, usize) {
        (self.zip, self.file_limit)
    }
}

async fn received(request: RequestBuilder) -> Result<Answer, Trouble> {
    let failed = |error: reqwest::Error| Trouble(format!("Ошибка соединения: {error}"));
    let response = request.send().await.map_err(failed)?;
    if response.status() != 200 {
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        return trouble(format!("Сервер ответил {status}: {text}"));
    }
    if response.headers().contains_key(header::SET_COOKIE) {
        return trouble("сервер сам ставит cookie: она уйдёт дважды");
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let charset = kind
        .split("charset=")
        .nth(1)
        .unwrap_or_default()
        .to_lowercase();
    let bytes = response.bytes().await.map_err(failed)?.to_vec();
    if bytes.is_empty() {
        return trouble("Получен пустой ответ сервера");
    }
    Ok(Answer { bytes, charset })
}

/// The lines of a text.
fn lines(answer: &Answer) -> Result<Vec<String>, Trouble> {
    if answer.bytes.starts_with(b"\xEF\xBB\xBF") {
        return trouble("перед ответом стоит метка порядка байтов");
    }
    let text = in_charset(&answer.bytes, &answer.charset)?;
    Ok(text
        .trim_end()
        .split('\n')
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect())
}

fn expect(lines: &[String], word: &str) -> Result<(), Trouble> {
    if lines.first().map(String::as_str) == Some(word) {
        return Ok(());
    }
    trouble(lines.join(" | "))
}

/// The text of a file: the declaration, the header and the bytes must be of one mind.
pub(super) fn decoded(answer: &Answer) -> Result<String, Trouble> {
    let start: String = answer
        .bytes
        .iter()
        .take(200)
        .map(|byte| char::from(*byte))
        .collect();
    let declared = start
        .split("encoding=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let declared = declared.unwrap_or("utf-8").to_lowercase();
    if declared != answer.charset {
        let charset = &answer.charset;
        return trouble(format!(
            "в файле объявлено {declared}, а в заголовке {charset}"
        ));
    }
    let text = in_charset(&answer.bytes, &declared)?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The text of an answer, in the encoding that its header names.
pub(super) fn text(answer: &Answer) -> Result<String, Trouble> {
    in_charset(&answer.bytes, &answer.charset)
}

fn in_charset(bytes: &[u8], charset: &str) -> Result<String, Trouble> {
    let (text, _, wrong) = match charset {
        "utf-8" => UTF_8.decode(bytes),
        "windows-1251" => WINDOWS_1251.decode(bytes),
        other => return trouble(format!("неизвестная кодировка {other:?}")),
    };
    if wrong {
        return trouble("байты не в той кодировке, которая объявлена");
    }
    Ok(text.into_owned())
}
