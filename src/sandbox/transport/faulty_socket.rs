//! Connections that can be cut on purpose, before or in the middle of an answer.

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

const UNCUT: i64 = -1;

/// The other end of a connection, and the knife.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    allowance: Arc<AtomicI64>,
}

impl Peer {
    /// Lets so many more bytes through and then cuts the connection.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.allowance
            .store(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

/// A TCP stream that stops writing once its allowance is used up.
#[derive(Debug)]
pub(crate) struct FaultySocket {
    stream: TcpStream,
    peer: Peer,
}

/// Accepts connections as [`FaultySocket`]s.
#[derive(Debug)]
pub(crate) struct Tap(pub(crate) TcpListener);

impl Listener for Tap {
    type Io = FaultySocket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FaultySocket, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    let _ = stream.set_nodelay(true);
                    let peer = Peer {
                        address,
                        allowance: Arc::new(AtomicI64::new(UNCUT)),
                    };
                    return (FaultySocket { stream, peer }, address);
                }
                // Out of descriptors, or a peer that left while it waited: neither ends the portal.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Tap>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Tap>) -> Self {
        stream.io().peer.clone()
    }
}

impl AsyncRead for FaultySocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FaultySocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowance = self.peer.allowance.load(Ordering::SeqCst);
        if allowance == UNCUT {
            return Pin::new(&mut self.stream).poll_write(cx, data);
        }
        let left = usize::try_from(allowance).unwrap_or(0).min(data.len());
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, &data[..left]);
        if let Poll::Ready(Ok(n)) = &written {
            let rest = allowance - i64::try_from(*n).unwrap_or(allowance);
            self.peer.allowance.store(rest.max(0), Ordering::SeqCst);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
