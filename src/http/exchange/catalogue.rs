//! `type=get_catalog`: 1C loads the shops' products, query by query.
//!
//! As sites answer: words for whoever waits at 1C, and right behind them a file; behind the last
//! file `finished=yes`.

use super::{Exchange, Refused};
use crate::{
    app::onec::{CatalogueAnswer, ExchangeKind},
    domain::ErrorCode,
    formats::commerceml::Encoding,
};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use encoding_rs::WINDOWS_1251;

/// What ends the queries.
const FINISHED: &str = "finished=yes\n";

impl Exchange<'_> {
    pub(super) async fn catalogue(&self) -> Result<(&'static str, Response), Refused> {
        let session = self.session().await?;
        let answer = self.with.onec.onec_catalogue(&session).await;
        match answer.map_err(|error| self.failed(error))? {
            CatalogueAnswer::Part {
                given,
                total,
                offers,
                file,
            } => {
                let of = if offers {
                    "предложений"
                } else {
                    "товаров"
                };
                let words = format!("С сайта выгружено {given} из {total} {of}.");
                Ok(("catalogue", self.text(&words, file)))
            }
            CatalogueAnswer::Over => Ok(("success", self.text(FINISHED, Vec::new()))),
            CatalogueAnswer::NoProducts => {
                let detail = "магазины этой базы не сообщают мосту своих товаров: настройте \
                              [shops.NAME.catalogue], если они их присылают";
                Err(self.refuse(ErrorCode::OneCRequest, detail))
            }
            CatalogueAnswer::Overtaken => {
                let detail = "на этот запрос уже ответили, или изменились настройки: начните \
                              выгрузку товаров заново";
                Err(self.refuse(ErrorCode::OneCSession, detail))
            }
        }
    }

    /// Refuses what asks for products in packages that 1C numbers: they are given in steps.
    pub(super) fn steps_alone(&self) -> Result<(), Refused> {
        if self.kind == ExchangeKind::GetCatalog
            && self.request.output.as_deref() == Some("package")
        {
            let detail = "outputType=package: товары выгружаются только по шагам";
            return Err(self.refuse(ErrorCode::OneCRequest, detail));
        }
        Ok(())
    }

    /// Words, and a file behind them, in the base's encoding.
    fn text(&self, words: &str, file: Vec<u8>) -> Response {
        let (kind, mut bytes) = if self.base().encoding == Encoding::Windows1251 {
            let bytes = WINDOWS_1251.encode(words).0.into_owned();
            ("text/html; charset=windows-1251", bytes)
        } else {
            ("text/html; charset=utf-8", words.as_bytes().to_vec())
        };
        bytes.extend(file);
        let kind = HeaderValue::from_static(kind);
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    }
}
