//! The listener: connections in, requests to the router, and a stop that lets what runs finish.
//!
//! Only HTTP/1.1 is spoken. A connection that says nothing, or says it slowly, or does not take its
//! answer, is cut off; how many there are at once is bounded, of all and of one source, and so is
//! what the bodies of all requests take together.

use super::patient_stream::PatientStream;
use crate::process::doors::{self, Room, Source};
use axum::{Router, middleware};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;
use tower_http::add_extension::AddExtension;

/// How long a connection may take for the head of a request, or lie idle before one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest head of a request, in bytes: what a connection may hold before anything of it is
/// judged.
const LARGEST_HEAD: usize = 32 * 1024;
/// Most connections at once; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 2_048;
/// What the bodies of all requests take together unless the settings say otherwise, in bytes.
pub(in crate::http) const ROOM: usize = 96 * 1024 * 1024;
/// How long a stop waits for requests that run.
const GRACE: Duration = Duration::from_secs(25);
/// How long accepting rests when the process is out of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves until `stop`, then lets the requests that run finish, for a while.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    serve_within(listener, router, Arc::new(Room::new(ROOM)), stop).await
}

/// The same with bodies in this room. Its own accept loop: the ready-made one has no limit on how
/// slowly a head may come in.
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    room: Arc<Room>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut server = Builder::new(TokioExecutor::new()).http1_only();
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LARGEST_HEAD);
    let running = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let (door, within) = (Arc::clone(&room), room);
    let router = router.layer(middleware::from_fn(move |request, next| {
        doors::within(Arc::clone(&within), request, next)
    }));
    tracing::info!(address = %listener.local_addr()?, "listening");
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                accept_backoff(&error).await;
                continue;
            }
        };
        // Told by closing it: an answer would cost more than the connection.
        let Some(own) = door.place(peer.ip()) else {
            tracing::debug!(
                source = %peer.ip(),
                "a connection is refused: its source has as many as it may have"
            );
            continue;
        };
        let _ = stream.set_nodelay(true);
        let stream = PatientStream::new(stream);
        let service = AddExtension::new(router.clone(), Source(peer.ip()));
        let service = AddExtension::new(service, stream.flushes());
        let connection = server
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .into_owned();
        let connection = running.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke off");
            }
            drop((place, own));
        });
    }
    drop(listener);
    tokio::select! {
        () = running.shutdown() => {}
        () = sleep(GRACE) => tracing::warn!("requests were still running when the time to finish \
                                             was over"),
    }
    Ok(())
}

type AcceptedConnection = (
    tokio::net::TcpStream,
    std::net::SocketAddr,
    tokio::sync::OwnedSemaphorePermit,
);

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<AcceptedConnection> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// A client that left is its own affair; anything else passes when something is freed.
async fn accept_backoff(error: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
    ];
    if !gone.contains(&error.kind()) {
        tracing::error!(%error, "a connection cannot be accepted");
        sleep(REST).await;
    }
}
