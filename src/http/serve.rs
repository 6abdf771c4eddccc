//! The listener: connections in, requests to the router, and a stop that lets what runs finish.

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{io, time::Duration};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

/// How long a connection may take for the head of a request, or lie idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a stop waits for requests that run.
const GRACE: Duration = Duration::from_secs(25);
/// How long accepting rests when the process is out of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves until `stop`, then lets the requests that run finish, for a while. Its own accept loop: the ready-made one has no
/// limit on how slowly a head may come in.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let running = GracefulShutdown::new();
    let service = TowerToHyperService::new(router);
    tracing::info!(address = %listener.local_addr()?, "listening");
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, _) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest(&error).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let connection = server
            .serve_connection(TokioIo::new(stream), service.clone())
            .into_owned();
        let connection = running.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke off");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = running.shutdown() => {}
        () = sleep(GRACE) => tracing::warn!("requests were still running when the time to finish was over"),
    }
    Ok(())
}

/// A client that left is its own affair; anything else passes when something is freed.
async fn rest(error: &io::Error) {
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
