//! Acts of people, by hand.

use super::{Card, Words};
use crate::domain::Side;

kinds! {
    /// An act of a person.
    Act {
        SignedIn
            "signed in at the console"
            "вход в пульт"
        SettingsReloaded
            "had the settings read again"
            "настройки прочитаны заново"
        LanePaused { lane: String }
            "paused the lane {lane}"
            "остановлена очередь {lane}"
        LaneResumed { lane: String }
            "let the lane {lane} go on"
            "снова запущена очередь {lane}"
        PortalAuthorized { portal: String, by: String }
            "asked for an authorisation of the portal {portal} ({by})"
            "запрошена авторизация портала {portal} ({by})"
        LetterRetried { letter: i64 }
            "tried the dead letter {letter} again"
            "недоставленное {letter} отправлено снова"
        LetterDiscarded { letter: i64, reason: Words }
            "discarded the dead letter {letter}: {reason}"
            "недоставленное {letter} закрыто без отправки: {reason}"
        LettersImported { taken: usize, known: usize, faulty: usize }
            "imported dead letters: {taken} taken, {known} known before, {faulty} faulty"
            "загружены недоставленные: принято {taken}, уже было {known}, с ошибками {faulty}"
        BulkStarted { job: i64, letters: i64 }
            "started the job {job} on {letters} dead letters"
            "начато задание {job}, записей: {letters}"
        BulkStopped { job: i64 }
            "stopped the job {job}"
            "прервано задание {job}"
        ConflictRuled { conflict: i64, right: Side }
            "decided the conflict {conflict}: {right} is right"
            "решено расхождение {conflict}: прав {right}"
        ShortageRuled { conflict: i64, reservation: String, shop: String }
            "decided the shortage {conflict}: the reservation {reservation} of {shop}"
            "решена нехватка {conflict}: резерв {reservation} магазина {shop}"
        StatusesApplied { shop: String, orders: usize }
            "applied the changed table of statuses of {shop} to {orders} orders"
            "применена новая таблица статусов магазина {shop}, заказов: {orders}"
        NotThisCustomer { shop: String, order: String, card: Card }
            "said that {card} is not the customer of the order {order} of {shop}"
            "{card}: не покупатель заказа {order} магазина {shop}"
        OnecResent { shop: String, order: String, base: String }
            "had the order {order} of {shop} sent to the 1C base {base} again"
            "заказ {order} магазина {shop} снова отправлен в базу 1С {base}"
        DocumentTriedAgain { document: i64 }
            "had the document {document} of 1C taken in once more"
            "документ 1С {document} принят к разбору ещё раз"
        FileTakenIn { base: String, file: String }
            "had the file {file} taken in for the 1C base {base}"
            "принят файл {file} для базы 1С {base}"
        CatalogueSent { shop: String, products: u64 }
            "had all {products} products of {shop} sent again"
            "снова отправлены товары магазина {shop}: {products}"
        GoodsApplied { stock: String, orders: usize }
            "had the goods of {orders} orders follow the changed settings of the stock {stock}"
            "к товару заказов применены новые настройки склада {stock}, заказов: {orders}"
        GoodsCounted { stock: String, lines: usize }
            "counted {lines} products of the stock {stock}"
            "пересчёт остатков {stock}, товаров: {lines}"
        ReservationReleased { shop: String, reservation: String }
            "set the reservation {reservation} of {shop} free"
            "снят резерв {reservation} магазина {shop}"
        FormRestored { form: i64 }
            "had the submission {form} of a form sent again"
            "снова отправлена заявка {form}"
    }
}

impl Act {
    /// The word by which acts of its kind are filtered. A kind keeps it for ever: rows of it are
    /// stored.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::SignedIn => "session.open",
            Self::SettingsReloaded => "settings.reload",
            Self::LanePaused { .. } => "portal.pause",
            Self::LaneResumed { .. } => "portal.resume",
            Self::PortalAuthorized { .. } => "portal.authorize",
            Self::LetterRetried { .. } => "letter.retry",
            Self::LetterDiscarded { .. } => "letter.discard",
            Self::LettersImported { .. } => "letters.import",
            Self::BulkStarted { .. } => "bulk.start",
            Self::BulkStopped { .. } => "bulk.stop",
            Self::ConflictRuled { .. } | Self::ShortageRuled { .. } => "conflict.resolve",
            Self::StatusesApplied { .. } => "statuses.apply",
            Self::NotThisCustomer { .. } => "order.not_customer",
            Self::OnecResent { .. } => "onec.resend",
            Self::DocumentTriedAgain { .. } => "onec.again",
            Self::FileTakenIn { .. } => "onec.import",
            Self::CatalogueSent { .. } => "catalogue.sync",
            Self::GoodsApplied { .. } => "stock.apply",
            Self::GoodsCounted { .. } => "stock.count",
            Self::ReservationReleased { .. } => "stock.release",
            Self::FormRestored { .. } => "form.restore",
        }
    }
}
