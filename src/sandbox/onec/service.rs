//! An HTTP service of the base, as a 1C developer writes one: it takes one order a request.
//!
//! It asks for a login, reads the order as strictly as a file of an exchange, and answers in UTF-8
//! with a byte order mark, as `УстановитьТелоИзСтроки` does. Faults can be switched on, each for
//! one request.

use super::{Exchange, Kept, OneC, Trouble, orders, trouble, wire};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::any,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::stream;
use parking_lot::Mutex;
use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushFault {
    /// The order is taken in, and the answer never arrives.
    LosesAnswer,
    /// The service answers only after this time; the order is taken in before.
    Slow(Duration),
    /// The service's module refuses the order with these words.
    Failure(String),
    /// The login is not taken.
    Unauthorized,
    /// An exception in the handler.
    Exception(String),
    /// A page of a gateway in place of an answer; the order does not arrive.
    Page,
    /// Closed for an update.
    Closed,
}

/// A running HTTP service, and the base behind it.
#[derive(Debug)]
pub struct Service {
    url: String,
    state: Arc<Mutex<Behind>>,
    serving: JoinHandle<()>,
}

/// The base behind the service.
#[derive(Debug)]
struct Behind {
    base: OneC,
    password: String,
    version: String,
    faults: VecDeque<PushFault>,
    requests: usize,
    log: Vec<Trouble>,
    told: mpsc::UnboundedSender<Result<Kept, Trouble>>,
}

/// What becomes of each order that is brought to a service.
pub type Pushed = mpsc::UnboundedReceiver<Result<Kept, Trouble>>;

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Service {
    /// A service for this login, which reads orders in this version, at a port that is free.
    pub async fn start(login: &str, password: &str, version: &str) -> Result<Self, Trouble> {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let (service, _) = Self::listen(free, (login, password), version).await?;
        Ok(service)
    }

    /// The same at this address; and what becomes of each order that is brought there.
    pub async fn listen(
        address: SocketAddr,
        (login, password): (&str, &str),
        version: &str,
    ) -> Result<(Self, Pushed), Trouble> {
        let failed = |error: io::Error| Trouble(error.to_string());
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (told, brought) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(Behind {
            base: OneC::new(Exchange::new("", login, password))?,
            password: password.to_owned(),
            version: version.to_owned(),
            faults: VecDeque::new(),
            requests: 0,
            log: Vec::new(),
            told,
        }));
        let router = Router::new()
            .route("/ut/hs/orders", any(take))
            .with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move {
            // Ends with the service.
            let _ = axum::serve(listener, router).await;
        });
        let service = Self {
            url: format!("http://{address}/ut/hs/orders"),
            state,
            serving,
        };
        Ok((service, brought))
    }

    /// The address that the bridge is to post orders to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next request meets this; what was switched on before goes first.
    pub fn meets(&self, fault: PushFault) {
        self.state.lock().faults.push_back(fault);
    }

    /// From now on this password is asked for.
    pub fn set_password(&self, password: &str) {
        password.clone_into(&mut self.state.lock().password);
    }

    /// Requests that came so far.
    pub fn requests(&self) -> usize {
        self.state.lock().requests
    }

    /// The order of this number, if the base has it.
    pub fn order(&self, number: &str) -> Option<Kept> {
        self.state.lock().base.order(number).cloned()
    }

    /// Orders that the base has.
    pub fn orders(&self) -> usize {
        self.state.lock().base.orders.len()
    }

    /// What the base's log says of orders that it could not take in.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.state.lock().log.clone()
    }
}

async fn take(
    State(state): State<Arc<Mutex<Behind>>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // The platform asks for the login before it looks for a method of the service.
    if method != Method::POST {
        return if state.lock().knows(&headers) {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        } else {
            unauthorized()
        };
    }
    let fault = {
        let mut behind = state.lock();
        behind.requests += 1;
        behind.faults.pop_front()
    };
    match &fault {
        Some(PushFault::Unauthorized) => return unauthorized(),
        Some(PushFault::Exception(words)) => {
            return said(StatusCode::INTERNAL_SERVER_ERROR, words);
        }
        Some(PushFault::Page) => {
            let page = "<html><body>Вход в сеть</body></html>";
            return ([(header::CONTENT_TYPE, "text/html")], page).into_response();
        }
        Some(PushFault::Closed) => {
            return said(StatusCode::SERVICE_UNAVAILABLE, "Идёт обновление базы");
        }
        Some(PushFault::Failure(words)) => {
            return said(StatusCode::OK, &format!("failure\r\n{words}"));
        }
        _ => {}
    }
    if !state.lock().knows(&headers) {
        return unauthorized();
    }
    let taken = state.lock().take(&headers, &body);
    if let Err(why) = taken {
        let words = format!("failure\r\n{why}");
        let mut behind = state.lock();
        // Nobody may be looking.
        let _ = behind.told.send(Err(why.clone()));
        behind.log.push(why);
        return said(StatusCode::OK, &words);
    }
    match fault {
        Some(PushFault::LosesAnswer) => {
            let broken = stream::iter([Err::<Bytes, _>(io::Error::other("lost"))]);
            Body::from_stream(broken).into_response()
        }
        Some(PushFault::Slow(time)) => {
            tokio::time::sleep(time).await;
            said(StatusCode::OK, "success")
        }
        _ => said(StatusCode::OK, "success"),
    }
}

fn unauthorized() -> Response {
    let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"1C\"")];
    (StatusCode::UNAUTHORIZED, ask).into_response()
}

fn said(status: StatusCode, words: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, format!("\u{feff}{words}")).into_response()
}

impl Behind {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let login = format!("{}:{}", self.base.exchange.login, self.password);
        let basic = format!("Basic {}", STANDARD.encode(login));
        let shown = headers.get(header::AUTHORIZATION);
        shown.is_some_and(|shown| shown.as_bytes() == basic.as_bytes())
    }

    fn take(&mut self, headers: &HeaderMap, body: &Bytes) -> Result<(), Trouble> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Some(charset) = kind.strip_prefix("application/xml; charset=") else {
            return trouble(format!("тело не XML, а {kind:?}"));
        };
        let file = wire::decoded(&wire::Answer {
            bytes: body.to_vec(),
            charset: charset.to_owned(),
        })?;
        let read = orders::read(&file, Some(&self.version), false)?;
        let [order] = <[Kept; 1]>::try_from(read)
            .map_err(|many| Trouble(format!("в запросе {} заказов вместо одного", many.len())))?;
        let id = order.id.clone();
        self.base.keep(order)?;
        if let Some(kept) = self.base.orders.get(&id) {
            // Nobody may be looking.
            let _ = self.told.send(Ok(kept.clone()));
        }
        Ok(())
    }
}
