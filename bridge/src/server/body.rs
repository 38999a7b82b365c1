//! A request's body as its guest reads it, the response's as its client gets it, and what is known of a request
//! meanwhile.

use super::{GuestFuture, ServedRequest, Shared};
use crate::error::{Code, Error};
use crate::ffi::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::WasiBody;

/// How often a client that is waited for is looked at.
pub(super) const CHECK: Duration = Duration::from_millis(250);

/// How long a client may hold up a guest while other requests wait for room.
pub(super) const PRESSED: Duration = Duration::from_secs(1);

/// What buys a client another second of waiting, in bytes of its body.
const RATE: u64 = 1 << 10;

/// The same while other requests wait for room.
const PRESSED_RATE: u64 = 8 << 10;

/// How long a client is waited for: waiting uses it up, bytes that arrive earn some back.
struct Patience {
    limit: Duration,
    left: Duration,
    rate: u64,
}

impl Patience {
    fn new(limit: Duration, rate: u64) -> Patience {
        Patience {
            limit,
            left: limit,
            rate,
        }
    }

    fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    fn earn(&mut self, bytes: usize) {
        let earned = Duration::from_micros(bytes as u64 * 1_000_000 / self.rate);
        self.left = self.limit.min(self.left + earned);
    }
}

/// How a client is waited for that sends a body.
struct Pace {
    shared: Arc<Shared>,
    usual: Patience,
    pressed: Patience,
    /// When the guest last found nothing there.
    waiting: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    armed: bool,
}

impl Pace {
    /// Uses up the time since the last look. A guest that does something else meanwhile does not look.
    fn spend(&mut self) {
        if let Some(since) = self.waiting.take() {
            let waited = since.elapsed().min(2 * CHECK);
            self.usual.spend(waited);
            self.pressed.spend(waited);
        }
    }

    /// Ready when the client was waited for long enough.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.spend();
            if self.usual.left.is_zero() || self.pressed.left.is_zero() && self.shared.is_pressed()
            {
                return Poll::Ready(());
            }
            self.waiting = Some(Instant::now());
            let next = CHECK.min(self.usual.left);
            if !self.armed {
                self.timer.as_mut().reset((Instant::now() + next).into());
                self.armed = true;
            }
            std::task::ready!(self.timer.as_mut().poll(context));
            self.armed = false;
        }
    }
}

/// A request's body. A client that is too slow with it ends its request.
pub(super) struct RequestBody {
    body: Incoming,
    /// None for no limit.
    pace: Option<Pace>,
    too_slow: Arc<AtomicBool>,
}

impl RequestBody {
    pub(super) fn new(
        shared: &Arc<Shared>,
        body: Incoming,
        too_slow: Arc<AtomicBool>,
    ) -> RequestBody {
        let limit = Duration::from_nanos(shared.options.body_timeout_nanoseconds);
        let pace = (!limit.is_zero() && !body.is_end_stream()).then(|| Pace {
            shared: shared.clone(),
            usual: Patience::new(limit, RATE),
            pressed: Patience::new(limit.min(PRESSED), PRESSED_RATE),
            waiting: None,
            timer: Box::pin(sleep(Duration::ZERO)),
            armed: false,
        });
        RequestBody {
            body,
            pace,
            too_slow,
        }
    }
}

impl Body for RequestBody {
    type Data = bytes::Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Self::Error>>> {
        let own = &mut *self;
        let frame = Pin::new(&mut own.body).poll_frame(context);
        let Some(pace) = &mut own.pace else {
            return frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)));
        };
        match frame {
            Poll::Ready(frame) => {
                pace.spend();
                if let Some(Ok(frame)) = &frame {
                    let size = frame.data_ref().map_or(0, bytes::Bytes::len);
                    pace.usual.earn(size);
                    pace.pressed.earn(size);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => pace.poll(context).map(|()| {
                own.too_slow.store(true, Relaxed);
                Some(Err(wasmtime_wasi_http::Error::ConnectionReadTimeout))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Polls a guest. If its client was too slow to send the request's body, that is how it ends, whatever it made of the
/// part that came.
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
        "the client was too slow to send the request's body",
    )))
}

/// What is known of a request. When it is dropped the request is over.
pub(super) struct Record {
    shared: Arc<Shared>,
    id: u64,
    pub(super) method: Method,
    uri: Uri,
    peer: SocketAddr,
    began: Instant,
    ended: Option<Instant>,
    status: StatusCode,
    body_bytes: u64,
    error: Option<Error>,
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

/// What is under way on a connection, one request after another: the guest, which is polled by the response's body as
/// it is sent, and by the connection where the body is not asked for because its client does not read.
pub(super) struct Exchange {
    guest: Option<GuestFuture>,
    record: Option<Record>,
    too_slow: Arc<AtomicBool>,
    /// The guest failed before the body was over.
    broken: bool,
    /// The guest was polled in this turn of the connection.
    polled: bool,
}

impl Exchange {
    /// Whether the guest ended.
    fn poll_guest(&mut self, context: &mut Context<'_>) -> bool {
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
    fn lock(&self) -> MutexGuard<'_, Option<Exchange>> {
        let exchange = self.0.exchange.lock();
        exchange.unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is there.
    pub(super) fn begin(&self) {
        self.0.busy.store(true, Relaxed);
    }

    /// A turn of the connection begins.
    pub(super) fn begin_turn(&self) {
        if let Some(exchange) = &mut *self.lock() {
            exchange.polled = false;
        }
    }

    /// Polls the guest if the body did not: whether the guest ended, so that the body has to be looked at.
    pub(super) fn end_turn(&self, context: &mut Context<'_>) -> bool {
        match &mut *self.lock() {
            Some(exchange) if !exchange.polled => exchange.poll_guest(context),
            _ => false,
        }
    }

    /// Whether a guest runs whose response is being sent.
    pub(super) fn has_guest(&self) -> bool {
        let exchange = self.lock();
        exchange.as_ref().is_some_and(|own| own.guest.is_some())
    }

    /// Whether a request is being handled.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.load(Relaxed)
    }

    /// Whether the client will never get the whole response.
    pub(super) fn is_broken(&self) -> bool {
        self.lock().as_ref().is_some_and(|own| own.broken)
    }
}

/// Why a response's body broke off.
fn why_broken(error: &wasmtime_wasi_http::Error) -> String {
    match error {
        wasmtime_wasi_http::Error::HttpProtocolError => {
            "the guest did not finish the response's body".to_owned()
        }
        error => format!("the response's body broke off: {error:?}"),
    }
}

/// A guest's response, and of its body what is there already.
pub(super) struct Begun {
    /// Without a body if there is nothing.
    response: Response<Option<WasiBody>>,
    first: Option<Frame<bytes::Bytes>>,
}

impl Begun {
    /// Whether nothing of the body is there.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

/// Looks at the body's beginning without waiting for it. A body that broke off before that is an error, so that the
/// client gets a whole response that says so.
pub(super) async fn begin(mut response: Response<WasiBody>) -> Result<Begun, Error> {
    let body = response.body_mut();
    let frame = poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await;
    let (first, rest) = match frame {
        Poll::Ready(Some(Err(error))) => return Err(Error::new(Code::Trap, why_broken(&error))),
        Poll::Ready(Some(Ok(frame))) => (Some(frame), true),
        Poll::Ready(None) => (None, false),
        Poll::Pending => (None, true),
    };
    let response = response.map(|body| rest.then_some(body));
    Ok(Begun { response, first })
}

/// A response's body.
pub(super) struct ServedBody {
    /// What comes before the rest.
    first: Option<Frame<bytes::Bytes>>,
    body: Option<WasiBody>,
    exchange: SharedExchange,
    ended: Option<oneshot::Sender<()>>,
    /// What the client waits for, where the length was announced.
    left: Option<u64>,
    /// Why the body broke off. The connection ends when it learns of it: what was written before is sent first.
    failure: Option<wasmtime_wasi_http::Error>,
}

impl ServedBody {
    /// The body broke off: the connection is told in its next turn.
    fn break_off<T>(
        &mut self,
        error: wasmtime_wasi_http::Error,
        context: &mut Context<'_>,
    ) -> Poll<T> {
        self.failure = Some(error);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for ServedBody {
    type Data = bytes::Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Self::Error>>> {
        let own = &mut *self;
        if let Some(error) = own.failure.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let shared = own.exchange.clone();
        let mut exchange = shared.lock();
        let Some(exchange) = &mut *exchange else {
            return Poll::Ready(None);
        };
        exchange.poll_guest(context);
        let frame = match (own.first.take(), &mut own.body) {
            (Some(first), _) => Some(Ok(first)),
            (None, None) => None,
            (None, Some(body)) => std::task::ready!(Pin::new(body).poll_frame(context)),
        };
        match frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(left) = &mut own.left {
                    *left = left.saturating_sub(size);
                }
                if let Some(record) = &mut exchange.record {
                    record.body_bytes += size;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                // The guest's own end says more, if it has one.
                exchange.poll_guest(context);
                exchange.broken = true;
                if let Some(record) = exchange.record.as_mut().filter(|own| own.error.is_none()) {
                    record.fail(Error::new(Code::Trap, why_broken(&error)));
                }
                own.break_off(error, context)
            }
            // A body whose guest is gone looks as if it were whole: the client has to learn that it is not.
            None if exchange.broken => {
                own.break_off(wasmtime_wasi_http::Error::HttpResponseIncomplete, context)
            }
            None => {
                own.left = Some(0);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.exchange.is_broken()
            && self.first.is_none()
            && self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(Frame::data_ref);
        let first = first.map_or(0, |data| data.len() as u64);
        let rest = match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        };
        let mut all = SizeHint::new();
        all.set_lower(rest.lower() + first);
        if let Some(upper) = rest.upper() {
            all.set_upper(upper + first);
        }
        all
    }
}

impl Drop for ServedBody {
    fn drop(&mut self) {
        let whole = self.left == Some(0) || self.is_end_stream();
        // A guest that still writes learns that nobody reads.
        self.first = None;
        self.body = None;
        self.ended = None;
        let exchange = self.exchange.lock().take();
        self.exchange.0.busy.store(false, Relaxed);
        let Some(Exchange {
            guest,
            record: Some(mut record),
            ..
        }) = exchange
        else {
            return;
        };
        record.ended = Some(Instant::now());
        let Some(mut guest) = guest else {
            return;
        };
        if !whole {
            // The client is gone: there is nobody to work for.
            record.error.get_or_insert_with(|| {
                Error::new(Code::Interrupted, "the client went away before the end")
            });
            return;
        }
        // Most often it has nothing left to do.
        let mut context = Context::from_waker(std::task::Waker::noop());
        match (
            guest.as_mut().poll(&mut context),
            tokio::runtime::Handle::try_current(),
        ) {
            (Poll::Ready(Ok(())), _) => {}
            (Poll::Ready(Err(error)), _) => record.fail(error),
            (Poll::Pending, Ok(runtime)) => {
                runtime.spawn(async move {
                    if let Err(error) = guest.await {
                        record.fail(error);
                    }
                });
            }
            (Poll::Pending, Err(_)) => {}
        }
    }
}

/// A guest's response.
pub(super) fn served(
    exchange: &SharedExchange,
    mut record: Record,
    begun: Begun,
    guest: Option<GuestFuture>,
    ended: Option<oneshot::Sender<()>>,
    too_slow: Arc<AtomicBool>,
) -> Response<ServedBody> {
    let Begun { response, first } = begun;
    record.status = response.status();
    // A response to HEAD announces a length that nobody waits for.
    let left = match record.method {
        Method::HEAD => Some(0),
        _ => response
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok()),
    };
    *exchange.lock() = Some(Exchange {
        guest,
        broken: record.error.is_some(),
        record: Some(record),
        too_slow,
        polled: true,
    });
    response.map(|body| ServedBody {
        first,
        body,
        exchange: exchange.clone(),
        ended,
        left,
        failure: None,
    })
}

/// A response of ours, with the id under which the request is in the log.
pub(super) fn text(
    exchange: &SharedExchange,
    mut record: Record,
    status: StatusCode,
    reason: &str,
) -> Response<ServedBody> {
    record.status = status;
    let id = format!("{:016x}", record.id);
    let body = Full::new(bytes::Bytes::from(format!("{reason} (request {id})\n")));
    *exchange.lock() = Some(Exchange {
        guest: None,
        record: Some(record),
        too_slow: Arc::default(),
        broken: false,
        polled: true,
    });
    let mut response = Response::new(ServedBody {
        first: None,
        body: Some(
            body.map_err(|never: Infallible| match never {})
                .boxed_unsync(),
        ),
        exchange: exchange.clone(),
        ended: None,
        left: None,
        failure: None,
    });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    if let Ok(id) = header::HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    response
}
