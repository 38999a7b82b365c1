//! A request's record, and its guest while the response is sent.

use super::{GuestFuture, ServedRequest, Shared};
use crate::error::{Code, Error};
use crate::ffi::Bytes;
use http::{Method, Request, StatusCode, Uri};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

/// Polls a guest. If its client sent the request's body too slowly, this ends with that error, whatever the guest did
/// with the part that arrived.
pub(super) fn poll_guest(
    guest: &mut GuestFuture,
    context: &mut Context<'_>,
    too_slow: &AtomicBool,
    shared: &Shared,
) -> Poll<Result<(), Error>> {
    let result = guest.as_mut().poll(context);
    if !too_slow.load(Relaxed) {
        return result;
    }
    shared.counters.timed_out.fetch_add(1, Relaxed);
    Poll::Ready(Err(Error::new(
        Code::Interrupted,
        "the client sent the request body too slowly",
    )))
}

/// A request's data for counters and the log. Dropping it reports the request as finished.
pub(super) struct Record {
    shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) method: Method,
    uri: Uri,
    peer: SocketAddr,
    began: Instant,
    pub(super) ended: Option<Instant>,
    pub(super) status: StatusCode,
    pub(super) body_bytes: u64,
    pub(super) error: Option<Error>,
}

impl Record {
    pub(super) fn new(
        shared: &Arc<Shared>,
        request: &Request<Incoming>,
        peer: SocketAddr,
    ) -> Record {
        Record {
            shared: shared.clone(),
            id: shared.next_id.fetch_add(1, Relaxed),
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer,
            began: Instant::now(),
            ended: None,
            status: StatusCode::OK,
            body_bytes: 0,
            error: None,
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.shared.counters.failed.fetch_add(1, Relaxed);
        self.error.get_or_insert(error);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let class = usize::from(self.status.as_u16() / 100);
        if let Some(counter) = self.shared.counters.served.get(class) {
            counter.fetch_add(1, Relaxed);
        }
        let callbacks = &self.shared.callbacks.0;
        let Some(served) = callbacks.served else {
            return;
        };
        let peer = self.peer.to_string();
        let target = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let error = self.error.as_ref();
        let ended = self.ended.unwrap_or_else(Instant::now);
        let request = ServedRequest {
            id: self.id,
            method: Bytes::new(self.method.as_str().as_bytes()),
            target: Bytes::new(target.as_bytes()),
            peer: Bytes::new(peer.as_bytes()),
            error: Bytes::new(error.map_or(b"", |error| error.message().as_bytes())),
            backtrace: Bytes::new(error.map_or(b"", |error| error.backtrace().short.as_bytes())),
            full_backtrace: Bytes::new(
                error.map_or(b"", |error| error.backtrace().full.as_bytes()),
            ),
            body_bytes: self.body_bytes,
            nanoseconds: u64::try_from((ended - self.began).as_nanos()).unwrap_or(u64::MAX),
            status: self.status.as_u16(),
            error_code: error.map_or(0, |error| error.code() as u8),
        };
        served(callbacks.data, &raw const request);
    }
}

/// The request that a connection is working on. The response's body polls the guest while it is sent; the connection
/// polls it when the client does not read and the body is therefore not polled.
pub(super) struct Exchange {
    pub(super) guest: Option<GuestFuture>,
    pub(super) record: Option<Record>,
    pub(super) too_slow: Arc<AtomicBool>,
    /// The guest failed before the body was complete.
    pub(super) broken: bool,
    /// The guest was polled during this poll of the connection.
    pub(super) polled: bool,
}

impl Exchange {
    /// Polls the guest, and returns whether it ended.
    pub(super) fn poll_guest(&mut self, context: &mut Context<'_>) -> bool {
        let (Some(guest), Some(record)) = (&mut self.guest, &mut self.record) else {
            return false;
        };
        self.polled = true;
        let polled = poll_guest(guest, context, &self.too_slow, &record.shared);
        let Poll::Ready(result) = polled else {
            return false;
        };
        self.guest = None;
        if let Err(error) = result {
            record.fail(error);
            self.broken = true;
        }
        true
    }
}

#[derive(Default)]
struct State {
    /// From a request's head to the end of its response.
    busy: AtomicBool,
    /// From the response's head to its end.
    exchange: Mutex<Option<Exchange>>,
}

#[derive(Clone, Default)]
pub(super) struct SharedExchange(Arc<State>);

impl SharedExchange {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Exchange>> {
        let exchange = self.0.exchange.lock();
        exchange.unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the start of a request.
    pub(super) fn begin(&self) {
        self.0.busy.store(true, Relaxed);
    }

    /// Takes the exchange when its response has been sent or its client is gone.
    pub(super) fn end(&self) -> Option<Exchange> {
        let exchange = self.lock().take();
        self.0.busy.store(false, Relaxed);
        exchange
    }

    /// Marks the start of a poll of the connection.
    pub(super) fn begin_poll(&self) {
        if let Some(exchange) = &mut *self.lock() {
            exchange.polled = false;
        }
    }

    /// Polls the guest if the body did not. Returns whether the guest ended, and the body needs another poll.
    pub(super) fn end_poll(&self, context: &mut Context<'_>) -> bool {
        match &mut *self.lock() {
            Some(exchange) if !exchange.polled => exchange.poll_guest(context),
            _ => false,
        }
    }

    /// Whether the guest of the response that is being sent is still running.
    pub(super) fn has_guest(&self) -> bool {
        let exchange = self.lock();
        exchange.as_ref().is_some_and(|own| own.guest.is_some())
    }

    /// Whether a request is being handled.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.load(Relaxed)
    }

    /// Whether the response can never be completed.
    pub(super) fn is_broken(&self) -> bool {
        self.lock().as_ref().is_some_and(|own| own.broken)
    }
}
