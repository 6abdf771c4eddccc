//! A connection whose other end has to take what it is sent.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, Sleep, sleep},
};

/// How long the other end may take nothing of what is sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection may take to tell that what it wrote was not read.
const GRACE: Duration = Duration::from_millis(150);

/// What a connection has seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// How often it has written all that it was given.
    flushes: u64,
    /// How often something was read.
    reads: u64,
    /// Reading failed: the other end left without having read all.
    broken: bool,
}

/// What became of what a connection was given.
#[derive(Debug, Clone)]
pub(in crate::http) struct Flushes(watch::Receiver<Seen>);

impl Flushes {
    /// How often it has written everything by now.
    pub(in crate::http) fn count(&self) -> u64 {
        self.0.borrow().flushes
    }

    /// Waits until it has done so once more than `before`, and for a while whether the other end
    /// leaves without having read it; false: it broke off.
    pub(in crate::http) async fn beyond(&mut self, before: u64) -> bool {
        let flushed = self.0.wait_for(|seen| seen.flushes > before).await;
        let Ok(reads) = flushed.map(|seen| seen.reads) else {
            return false;
        };
        let told = self.0.wait_for(|seen| seen.broken || seen.reads > reads);
        // A connection that ended in order was read to its end.
        let _ = tokio::time::timeout(GRACE, told).await;
        !self.0.borrow().broken
    }

    /// Waits until the other end leaves without having read all; false: it read on, or ended in
    /// order.
    pub(in crate::http) async fn breaks(mut self) -> bool {
        let reads = self.0.borrow().reads;
        let told = self
            .0
            .wait_for(|seen| seen.broken || seen.reads > reads)
            .await;
        told.is_ok_and(|seen| seen.broken)
    }
}

/// Fails where nothing could be written for a while.
#[derive(Debug)]
pub(in crate::http) struct PatientStream<S> {
    stream: S,
    seen: watch::Sender<Seen>,
    /// When patience is over, while something waits to be taken.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> PatientStream<S> {
    pub(in crate::http) fn new(stream: S) -> Self {
        Self {
            stream,
            seen: watch::Sender::default(),
            waits: None,
        }
    }

    /// A handle that tells when all that was written has been flushed.
    pub(in crate::http) fn flushes(&self) -> Flushes {
        Flushes(self.seen.subscribe())
    }

    /// The outcome of a write, or that it took too long.
    fn within<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = None;
            return written;
        }
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        if waits.deadline() <= Instant::now() || waits.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        let more = buffer.filled().len() > before;
        self.seen.send_if_modified(|seen| {
            seen.broken |= read.is_err();
            seen.reads += u64::from(more);
            more || seen.broken
        });
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        let flushed = self.within(cx, flushed);
        if let Poll::Ready(Ok(())) = &flushed {
            self.seen.send_modify(|seen| seen.flushes += 1);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_of_an_answer_is_cut_off_and_who_takes_it_slowly_is_not() {
        let (ours, theirs) = duplex(4);
        let _theirs = theirs;
        let error = PatientStream::new(ours).write_all(b"an answer").await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);

        let (ours, mut theirs) = duplex(1);
        let slow = tokio::spawn(async move {
            let mut taken = [0; 9];
            for byte in &mut taken {
                sleep(PATIENCE.mul_f32(0.9)).await;
                *byte = theirs.read_u8().await.unwrap();
            }
            taken
        });
        PatientStream::new(ours)
            .write_all(b"an answer")
            .await
            .unwrap();
        assert_eq!(&slow.await.unwrap(), b"an answer");
    }
}
