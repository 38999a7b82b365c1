//! A server of HTTP: each request goes to a guest that exports `wasi:http`, 0.2 or 0.3.
//!
//! A connection is one task. The guest's own work is a future in that task: it is polled until there is a
//! response, and from then on by the response's body, so that nothing is handed from thread to thread. Only
//! a guest that goes on after its response gets a task of its own. A guest that computes yields at each tick
//! of the epoch, so that it does not keep a thread from the others.

use crate::engine::Engine;
use crate::error::{Code, Error, coded};
use crate::ffi::{Bytes, free, give, guard, guard_or};
use crate::linker::InstancePre;
use crate::shape::Shape;
use crate::store::{Data, StoreConfig, failed};
use crate::wasi::{Policy, WasiState};
use futures::future::{Either, select};
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use std::convert::Infallible;
use std::ffi::c_void;
use std::fmt::Write;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use wasmtime_wasi_http::{WasiBody, WasiHttpView, p2, p3};

/// Mirrors `tairitsu::HttpServerOptions`; C++ writes it as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    address: String,
    admin_address: Option<String>,
    /// 0 for as many as there are cores.
    threads: usize,
    max_connections: usize,
    max_concurrent_requests: usize,
    max_queued_requests: usize,
    requests_per_instance: u32,
    header_timeout_nanoseconds: u64,
}

/// A request that is over. The texts are valid during the call.
#[repr(C)]
pub struct ServedRequest {
    pub id: u64,
    pub method: Bytes,
    /// The path with its query.
    pub target: Bytes,
    pub peer: Bytes,
    pub error: Bytes,
    pub backtrace: Bytes,
    pub body_bytes: u64,
    pub nanoseconds: u64,
    pub status: u16,
    /// A value of `tairitsu::ErrorCode`, where `error` is not empty.
    pub error_code: u8,
}

/// What the server asks C++ for. All may be called from several threads at a time, until `release` is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ServerCallbacks {
    pub data: *mut c_void,
    /// Told of each request when it is over. Null where nobody wants to know.
    pub served: Option<extern "C" fn(data: *mut c_void, request: *const ServedRequest)>,
    /// Makes what the host's functions find in a store, for one instance; null where that fails. Not there
    /// where the component imports none of the host's functions.
    pub make_context: Option<extern "C" fn(data: *mut c_void) -> *mut c_void>,
    /// Frees it, after its store.
    pub free_context: Option<extern "C" fn(data: *mut c_void, context: *mut c_void)>,
    /// What a host function said that failed in the context's instance; empty where none did. Valid until the
    /// context is used again. There where `make_context` is.
    pub explain: Option<extern "C" fn(data: *mut c_void, context: *mut c_void) -> Bytes>,
    /// Called once, when nothing calls the others any more.
    pub release: extern "C" fn(data: *mut c_void),
}

struct Callbacks(ServerCallbacks);

// SAFETY: C++ promises that the callbacks may be called from any thread.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Drop for Callbacks {
    fn drop(&mut self) {
        (self.0.release)(self.0.data);
    }
}

/// What the host's functions find in a store.
struct HostContext {
    shared: Arc<Shared>,
    context: *mut c_void,
}

// SAFETY: C++ promises that a context may be used from whatever thread runs its instance.
unsafe impl Send for HostContext {}

impl HostContext {
    fn new(shared: Arc<Shared>) -> Result<HostContext, Error> {
        let callbacks = &shared.callbacks.0;
        let context = match callbacks.make_context {
            Some(make) => make(callbacks.data),
            None => std::ptr::null_mut(),
        };
        if context.is_null() && callbacks.make_context.is_some() {
            let message = "the host state of an instance could not be made";
            return Err(Error::new(Code::Internal, message));
        }
        Ok(HostContext { shared, context })
    }

    /// What C++ knows of its own failure is more than our word that there was one.
    fn explain(&self, error: Error) -> Error {
        let callbacks = &self.shared.callbacks.0;
        let (Some(explain), false) = (callbacks.explain, self.context.is_null()) else {
            return error;
        };
        if !matches!(error.code(), Code::HostFunction | Code::InvalidValue) {
            return error;
        }
        let message = explain(callbacks.data, self.context);
        // SAFETY: valid until the context is used again, which is not in this function.
        match String::from_utf8_lossy(unsafe { message.as_slice() }) {
            message if message.is_empty() => error,
            message => error.explained(message.into_owned()),
        }
    }
}

impl Drop for HostContext {
    fn drop(&mut self) {
        let callbacks = &self.shared.callbacks.0;
        if let (Some(free), false) = (callbacks.free_context, self.context.is_null()) {
            free(callbacks.data, self.context);
        }
    }
}

enum Pre {
    Sync(p2::bindings::ProxyPre<Data>),
    Async(p3::bindings::ServicePre<Data>),
}

enum Proxy {
    Sync(p2::bindings::Proxy),
    Async(p3::bindings::Service),
}

/// An instance of the guest. The store is dropped before what it points to.
struct Instance {
    store: wasmtime::Store<Data>,
    proxy: Option<Proxy>,
    served: u32,
    context: HostContext,
}

#[derive(Default)]
struct Counters {
    connections: AtomicUsize,
    requests: AtomicUsize,
    queued: AtomicUsize,
    /// By the first digit of their status.
    served: [AtomicU64; 6],
    rejected: AtomicU64,
    failed: AtomicU64,
    instances: AtomicU64,
}

/// Mirrors `tairitsu::HttpServerStatistics`.
#[repr(C)]
pub struct ServerStatistics {
    pub connections: u64,
    /// In a guest now.
    pub requests: u64,
    pub queued: u64,
    pub served: u64,
    /// For want of room.
    pub rejected: u64,
    /// By a guest that trapped, ran out of something or gave no answer.
    pub failed: u64,
    pub instances: u64,
}

struct Shared {
    engine: wasmtime::Engine,
    epochs: bool,
    fuel: bool,
    pre: Pre,
    shape: Shape,
    config: StoreConfig,
    policy: Arc<Policy>,
    options: Options,
    callbacks: Callbacks,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Instance>>,
    counters: Counters,
    next_id: AtomicU64,
    draining: watch::Sender<bool>,
    /// A connection or a request ended.
    ended: Notify,
}

// SAFETY: of `config` only numbers are used: its pointers are null.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Counts up, and down again when it is dropped.
struct Counted {
    shared: Arc<Shared>,
    counter: fn(&Counters) -> &AtomicUsize,
}

impl Counted {
    fn new(shared: &Arc<Shared>, counter: fn(&Counters) -> &AtomicUsize) -> Counted {
        counter(&shared.counters).fetch_add(1, Relaxed);
        Counted {
            shared: shared.clone(),
            counter,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.shared.counters).fetch_sub(1, Relaxed);
        if *self.shared.draining.borrow() {
            self.shared.ended.notify_waiters();
        }
    }
}

/// The right to be in a guest.
struct Admission {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// What is known of a request. When it is dropped the request is over.
struct Record {
    shared: Arc<Shared>,
    id: u64,
    method: Method,
    uri: Uri,
    peer: SocketAddr,
    began: Instant,
    ended: Option<Instant>,
    status: StatusCode,
    body_bytes: u64,
    error: Option<Error>,
}

impl Record {
    fn new(shared: &Arc<Shared>, request: &Request<Incoming>, peer: SocketAddr) -> Record {
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

    fn fail(&mut self, error: Error) {
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
            backtrace: Bytes::new(error.map_or(b"", |error| error.backtrace().as_bytes())),
            body_bytes: self.body_bytes,
            nanoseconds: u64::try_from((ended - self.began).as_nanos()).unwrap_or(u64::MAX),
            status: self.status.as_u16(),
            error_code: error.map_or(0, |error| error.code() as u8),
        };
        served(callbacks.data, &raw const request);
    }
}

type GuestFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A guest's response, and what tells it that the body is over, where it wants to know.
type Answer = Result<(Response<WasiBody>, Option<oneshot::Sender<()>>), String>;

/// A response's body, which carries the guest that makes it.
struct ServedBody {
    body: Option<WasiBody>,
    guest: Option<GuestFuture>,
    ended: Option<oneshot::Sender<()>>,
    record: Option<Record>,
    /// What the client waits for, where the length was announced.
    left: Option<u64>,
    /// The guest failed before the body was over.
    broken: bool,
}

impl ServedBody {
    /// The guest is polled with its response: it is what fills it.
    fn poll_guest(&mut self, context: &mut Context<'_>) {
        let Some(guest) = &mut self.guest else {
            return;
        };
        if let Poll::Ready(result) = guest.as_mut().poll(context) {
            self.guest = None;
            if let (Err(error), Some(record)) = (result, &mut self.record) {
                record.fail(error);
                self.broken = true;
            }
        }
    }
}

impl Body for ServedBody {
    type Data = bytes::Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Self::Error>>> {
        self.poll_guest(context);
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(size);
                }
                if let Some(record) = &mut self.record {
                    record.body_bytes += size;
                }
            }
            Some(Err(error)) => {
                // The guest's own end says more, if it has one.
                let message = format!("the response's body broke off: {error:?}");
                self.poll_guest(context);
                if let Some(record) = self.record.as_mut().filter(|own| own.error.is_none()) {
                    record.fail(Error::new(Code::Trap, message));
                }
            }
            // A body whose guest is gone looks as if it were whole: the client has to learn that it is not.
            None if self.broken => {
                return Poll::Ready(Some(Err(wasmtime_wasi_http::Error::HttpResponseIncomplete)));
            }
            None => self.left = Some(0),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        !self.broken && self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for ServedBody {
    fn drop(&mut self) {
        let whole = self.left == Some(0) || self.is_end_stream();
        // A guest that still writes learns that nobody reads.
        self.body = None;
        self.ended = None;
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.ended = Some(Instant::now());
        let Some(mut guest) = self.guest.take() else {
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

impl Shared {
    fn instance(self: &Arc<Self>) -> Result<Instance, Error> {
        if self.options.requests_per_instance > 1 {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            if let Some(mut instance) = idle {
                if self.fuel {
                    let set = instance.store.set_fuel(self.config.fuel());
                    set.map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
                }
                return Ok(instance);
            }
        }
        self.counters.instances.fetch_add(1, Relaxed);
        let context = HostContext::new(self.clone())?;
        let wasi = WasiState::for_component(&self.policy)?;
        let mut store = self
            .config
            .make(&self.engine, self.fuel, context.context, Some(wasi))?;
        if self.epochs {
            store.set_epoch_deadline(1);
            store.epoch_deadline_async_yield_and_update(1);
        }
        Ok(Instance {
            store,
            proxy: None,
            served: 0,
            context,
        })
    }

    /// One request in one instance, to its very end.
    async fn run(
        self: Arc<Self>,
        request: Request<Incoming>,
        answer: oneshot::Sender<Answer>,
        admission: Admission,
    ) -> Result<(), Error> {
        let mut instance = self.instance()?;
        let work = async {
            if instance.proxy.is_none() {
                instance.store.data().admit(&self.shape)?;
                instance.proxy = Some(match &self.pre {
                    Pre::Sync(pre) => {
                        Proxy::Sync(pre.instantiate_async(&mut instance.store).await?)
                    }
                    Pre::Async(pre) => {
                        Proxy::Async(pre.instantiate_async(&mut instance.store).await?)
                    }
                });
            }
            match &instance.proxy {
                Some(Proxy::Sync(proxy)) => {
                    handle_sync(&mut instance.store, proxy, request, answer).await
                }
                Some(Proxy::Async(service)) => {
                    handle_async(&mut instance.store, service, request, answer).await
                }
                None => Ok(()),
            }
        };
        let ended = match self.config.deadline() {
            None => work.await,
            Some(deadline) => match tokio::time::timeout(deadline, work).await {
                Ok(ended) => ended,
                Err(_) => {
                    let message = "the request took longer than the server's deadline";
                    Err(coded(Code::DeadlineExceeded, message))
                }
            },
        };
        ended.map_err(|error| {
            let error = failed(&mut instance.store, &error);
            instance.context.explain(error)
        })?;
        instance.served += 1;
        if instance.served < self.options.requests_per_instance && !*self.draining.borrow() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(instance);
        }
        drop(admission);
        Ok(())
    }

    /// Waits for room in the queue, if there is some.
    async fn admit(self: &Arc<Self>) -> Option<Admission> {
        let permit = match self.room.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let queued = Counted::new(self, |counters| &counters.queued);
                if self.counters.queued.load(Relaxed) > self.options.max_queued_requests {
                    return None;
                }
                let waited = self.room.clone().acquire_owned().await.ok()?;
                drop(queued);
                waited
            }
        };
        Some(Admission {
            _permit: permit,
            _counted: Counted::new(self, |counters| &counters.requests),
        })
    }

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<ServedBody> {
        let mut record = Record::new(&self, &request, peer);
        if request.uri().authority().is_none() && !request.headers().contains_key(header::HOST) {
            return text(record, StatusCode::BAD_REQUEST, "the request names no host");
        }
        let Some(admission) = self.admit().await else {
            self.counters.rejected.fetch_add(1, Relaxed);
            let mut response = text(record, StatusCode::SERVICE_UNAVAILABLE, "too many requests");
            let soon = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
            return response;
        };
        let (sender, mut answered) = oneshot::channel();
        let mut guest: GuestFuture = Box::pin(self.clone().run(request, sender, admission));
        let mut closed = false;
        let (answer, result) = poll_fn(|context| {
            // The guest first: it is what answers.
            let result = guest.as_mut().poll(context);
            let answer = match closed {
                true => Poll::Pending,
                false => Pin::new(&mut answered).poll(context),
            };
            match (answer, result) {
                (Poll::Ready(Ok(answer)), Poll::Ready(result)) => {
                    Poll::Ready((Some(answer), Some(result)))
                }
                (Poll::Ready(Ok(answer)), Poll::Pending) => Poll::Ready((Some(answer), None)),
                (_, Poll::Ready(result)) => Poll::Ready((None, Some(result))),
                (Poll::Ready(Err(_)), Poll::Pending) => {
                    closed = true; // It will say why it does not answer.
                    Poll::Pending
                }
                (Poll::Pending, Poll::Pending) => Poll::Pending,
            }
        })
        .await;
        let guest = result.is_none().then_some(guest);
        let error = match (answer, result) {
            (Some(Ok((response, ended))), result) => {
                if let Some(Err(error)) = result {
                    record.fail(error);
                }
                return served(record, response, guest, ended);
            }
            (Some(Err(answer)), _) => {
                Error::new(Code::Trap, format!("the guest answered an error: {answer}"))
            }
            (None, Some(Err(error))) => error,
            (None, _) => Error::new(Code::Trap, "the guest ended without a response"),
        };
        let (status, reason) = match error.code() {
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "the guest took too long"),
            Code::PoolExhausted => (
                StatusCode::SERVICE_UNAVAILABLE,
                "there is no room for another guest",
            ),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "the guest failed"),
        };
        record.fail(error);
        text(record, status, reason)
    }
}

/// A guest's response.
fn served(
    mut record: Record,
    response: Response<WasiBody>,
    guest: Option<GuestFuture>,
    ended: Option<oneshot::Sender<()>>,
) -> Response<ServedBody> {
    record.status = response.status();
    let broken = record.error.is_some();
    // A response to HEAD announces a length that nobody waits for.
    let left = match record.method {
        Method::HEAD => Some(0),
        _ => response
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok()),
    };
    response.map(|body| ServedBody {
        body: Some(body),
        guest,
        ended,
        record: Some(record),
        left,
        broken,
    })
}

/// A response of ours, with the id under which the request is in the log.
fn text(mut record: Record, status: StatusCode, reason: &str) -> Response<ServedBody> {
    record.status = status;
    let id = format!("{:016x}", record.id);
    let body = Full::new(bytes::Bytes::from(format!("{reason} (request {id})\n")));
    let mut response = Response::new(ServedBody {
        body: Some(
            body.map_err(|never: Infallible| match never {})
                .boxed_unsync(),
        ),
        guest: None,
        ended: None,
        record: Some(record),
        left: None,
        broken: false,
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

/// `wasi:http/incoming-handler`, 0.2.
async fn handle_sync(
    store: &mut wasmtime::Store<Data>,
    proxy: &p2::bindings::Proxy,
    request: Request<Incoming>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()> {
    let scheme = p2::bindings::http::types::Scheme::Http;
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(scheme, request)?;
    let out = store
        .data_mut()
        .http()
        .new_response_outparam_from_callback(move |response| {
            // Whoever waits for it may be gone.
            let _ = answer.send(match response {
                Ok(response) => Ok((response, None)),
                Err(code) => Err(format!("{code:?}")),
            });
        })?;
    let handler = proxy.wasi_http_incoming_handler();
    handler.call_handle(store, request, out).await
}

/// `wasi:http/handler`, 0.3.
async fn handle_async(
    store: &mut wasmtime::Store<Data>,
    service: &p3::bindings::Service,
    request: Request<Incoming>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()> {
    let (request, sent) = p3::Request::from_http(store.data_mut().http().hooks, request);
    store
        .run_concurrent(async |accessor| {
            let response = match service.handle(accessor, request).await? {
                Ok(response) => response,
                Err(code) => {
                    let _ = answer.send(Err(format!("{code:?}")));
                    return Ok(());
                }
            };
            let response = accessor.with(|mut store| response.into_http(&mut store, sent))?;
            let (ended, end) = oneshot::channel();
            if answer.send(Ok((response, Some(ended)))).is_ok() {
                // The body is filled from in here.
                let _ = end.await;
            }
            Ok(())
        })
        .await?
}

async fn serve_connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let _connection = Counted::new(&shared, |counters| &counters.connections);
    let mut draining = shared.draining.subscribe();
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    if shared.options.header_timeout_nanoseconds != 0 {
        let limit = Duration::from_nanos(shared.options.header_timeout_nanoseconds);
        builder.header_read_timeout(limit);
    }
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.handle(request, peer).await) }
    });
    let connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // What goes wrong with a connection is the client's affair.
    let draining = async { drop(draining.wait_for(|draining| *draining).await) };
    if let Either::Right(((), mut connection)) = select(connection, pin!(draining)).await {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

/// Takes connections for ever, so many at a time, and gives each a task.
async fn accept_each<F>(
    listener: TcpListener,
    most: usize,
    serve: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = Arc::new(Semaphore::new(most));
    loop {
        // Past that clients wait in the listener's queue.
        let Ok(permit) = connections.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and are waited for.
                let _ = stream.set_nodelay(true);
                let serving = serve(stream, peer);
                tokio::spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            // The process is out of descriptors, or the client is gone already.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Serves clients until the server drains.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut draining = shared.draining.subscribe();
    let accepting = accept_each(listener, shared.options.max_connections, |stream, peer| {
        serve_connection(shared.clone(), stream, peer)
    });
    select(
        pin!(accepting),
        pin!(draining.wait_for(|draining| *draining)),
    )
    .await;
}

impl Shared {
    fn statistics(&self) -> ServerStatistics {
        let counters = &self.counters;
        ServerStatistics {
            connections: counters.connections.load(Relaxed) as u64,
            requests: counters.requests.load(Relaxed) as u64,
            queued: counters.queued.load(Relaxed) as u64,
            served: counters
                .served
                .iter()
                .map(|count| count.load(Relaxed))
                .sum(),
            rejected: counters.rejected.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            instances: counters.instances.load(Relaxed),
        }
    }

    /// The counters in the text format of Prometheus.
    fn metrics(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, values: &[(&str, u64)]| {
            let _ = writeln!(text, "# TYPE tairitsu_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "tairitsu_{name}{labels} {value}");
            }
        };
        let numbers = self.statistics();
        let served = |class: usize| self.counters.served[class].load(Relaxed);
        add(
            "http_requests_total",
            "counter",
            &[
                ("{code=\"1xx\"}", served(1)),
                ("{code=\"2xx\"}", served(2)),
                ("{code=\"3xx\"}", served(3)),
                ("{code=\"4xx\"}", served(4)),
                ("{code=\"5xx\"}", served(5)),
            ],
        );
        add(
            "http_requests_rejected_total",
            "counter",
            &[("", numbers.rejected)],
        );
        add(
            "http_requests_failed_total",
            "counter",
            &[("", numbers.failed)],
        );
        add("http_requests_running", "gauge", &[("", numbers.requests)]);
        add("http_requests_queued", "gauge", &[("", numbers.queued)]);
        add("http_connections", "gauge", &[("", numbers.connections)]);
        add("instances_total", "counter", &[("", numbers.instances)]);
        text
    }

    fn administer(&self, request: &Request<Incoming>) -> Response<Full<bytes::Bytes>> {
        let (status, text) = match request.uri().path() {
            "/healthz" if *self.draining.borrow() => {
                (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
            }
            "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
            "/metrics" => (StatusCode::OK, self.metrics()),
            _ => {
                let known = "there are /healthz and /metrics\n".to_owned();
                (StatusCode::NOT_FOUND, known)
            }
        };
        let mut response = Response::new(Full::new(bytes::Bytes::from(text)));
        *response.status_mut() = status;
        response
    }
}

/// Answers on the admin address, to the very end of the server.
async fn administer(shared: Arc<Shared>, listener: TcpListener) {
    accept_each(listener, 64, |stream, _| {
        let shared = shared.clone();
        async move {
            let service = service_fn(|request| {
                let response = shared.administer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut builder = http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(30));
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        }
    })
    .await;
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    /// There until the server is freed.
    runtime: Option<Runtime>,
    address: String,
    admin_address: String,
}

async fn listen(address: &str) -> Result<(TcpListener, String), Error> {
    let io = |error: std::io::Error| Error::new(Code::Io, format!("listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(io)?;
    let own = listener.local_addr().map_err(io)?;
    Ok((listener, own.to_string()))
}

impl Server {
    fn start(
        engine: &Engine,
        pre: &InstancePre,
        config: &StoreConfig,
        options: Options,
        callbacks: Callbacks,
    ) -> Result<Server, Error> {
        // SAFETY: null or live, the caller's promise.
        let policy = match unsafe { config.wasi.as_ref() } {
            Some(policy) => policy.0.clone(),
            None => Arc::new(Policy::default()),
        };
        // The newest version if there are both: that of 0.2 may be a shim.
        let shape = pre.shape;
        let pre = match (
            p3::bindings::ServicePre::new(pre.pre.clone()),
            p2::bindings::ProxyPre::new(pre.pre.clone()),
        ) {
            (Ok(service), _) => Pre::Async(service),
            (_, Ok(proxy)) => Pre::Sync(proxy),
            _ => {
                return Err(Error::new(
                    Code::UnsupportedType,
                    "the component serves no HTTP, for it exports neither wasi:http/incoming-handler of 0.2 nor \
                     wasi:http/handler of 0.3",
                ));
            }
        };
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if options.threads != 0 {
            builder.worker_threads(options.threads);
        }
        let runtime = builder
            .thread_name("tairitsu-http")
            .enable_all()
            .build()
            .map_err(|e| Error::new(Code::Io, format!("the server's threads: {e}")))?;
        let (listener, address) = runtime.block_on(listen(&options.address))?;
        let admin = match &options.admin_address {
            Some(address) => Some(runtime.block_on(listen(address))?),
            None => None,
        };
        let shared = Arc::new(Shared {
            engine: engine.engine.clone(),
            epochs: engine.epochs,
            fuel: engine.fuel,
            pre,
            shape,
            config: StoreConfig {
                context: std::ptr::null_mut(),
                wasi: std::ptr::null(),
                ..*config
            },
            policy,
            room: Arc::new(Semaphore::new(options.max_concurrent_requests)),
            options,
            callbacks,
            idle: Mutex::default(),
            counters: Counters::default(),
            // So that the ids of two servers are not the same.
            next_id: AtomicU64::new(rand::random::<u64>() << 20),
            draining: watch::Sender::new(false),
            ended: Notify::new(),
        });
        runtime.spawn(accept(shared.clone(), listener));
        let mut admin_address = String::new();
        if let Some((listener, address)) = admin {
            admin_address = address;
            runtime.spawn(administer(shared.clone(), listener));
        }
        Ok(Server {
            shared,
            runtime: Some(runtime),
            address,
            admin_address,
        })
    }

    /// Takes no more connections, and waits for what runs.
    fn drain(&self, grace: Duration) -> bool {
        self.shared.draining.send_replace(true);
        let Some(runtime) = &self.runtime else {
            return true;
        };
        let over = || {
            let counters = &self.shared.counters;
            counters.connections.load(Relaxed) == 0 && counters.requests.load(Relaxed) == 0
        };
        runtime.block_on(async {
            let waited = tokio::time::timeout(grace, async {
                while !over() {
                    // Bounded, for what ends between the look and the wait.
                    let ended = self.shared.ended.notified();
                    let _ = tokio::time::timeout(Duration::from_millis(50), ended).await;
                }
            });
            waited.await.is_ok()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.draining.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            // What does not end by then goes on without us, and keeps what it uses.
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        let idle = std::mem::take(
            &mut *self
                .shared
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        drop(idle);
    }
}

/// Starts a server for `pre`: it listens when this returns. The callbacks' `release` is called where this
/// fails, too.
///
/// # Safety
/// `engine` and `pre` are live, of one engine, and `pre` was linked for an interruptible store; `config` is
/// readable, its `wasi` null or live, its `context` unused; `options` and `callbacks` are readable, `out` is
/// valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_start(
    engine: *const Engine,
    pre: *const InstancePre,
    config: *const StoreConfig,
    options: Bytes,
    callbacks: *const ServerCallbacks,
    out: *mut *mut Server,
) -> *mut Error {
    // SAFETY: the caller's promise.
    let callbacks = Callbacks(unsafe { *callbacks });
    guard(|| {
        // SAFETY: the caller's promise.
        let options = serde_json::from_str(unsafe { options.as_str()? })
            .map_err(|error| Error::new(Code::Internal, format!("server options: {error}")))?;
        // SAFETY: the caller's promise.
        let (engine, pre, config) = unsafe { (&*engine, &*pre, &*config) };
        let server = Server::start(engine, pre, config, options, callbacks)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, server) };
        Ok(())
    })
}

/// Where the server listens, as `ADDRESS:PORT`; with `admin` where it answers for its operator, empty for
/// nowhere. Valid until the server is freed.
///
/// # Safety
/// `server` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_address(
    server: *const Server,
    admin: bool,
) -> Bytes {
    // SAFETY: the caller's promise.
    let server = unsafe { &*server };
    Bytes::new(match admin {
        true => server.admin_address.as_bytes(),
        false => server.address.as_bytes(),
    })
}

/// Takes no more connections and waits until those that are there have ended, but no longer than `nanoseconds`:
/// whether they did. Any thread but the server's own.
///
/// # Safety
/// `server` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_drain(
    server: *const Server,
    nanoseconds: u64,
) -> bool {
    // SAFETY: the caller's promise.
    guard_or(false, || unsafe {
        (*server).drain(Duration::from_nanos(nanoseconds))
    })
}

/// # Safety
/// `server` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_statistics(
    server: *const Server,
) -> ServerStatistics {
    // SAFETY: the caller's promise.
    unsafe { (*server).shared.statistics() }
}

/// Cuts off what runs, after waiting for it for some seconds at most.
///
/// # Safety
/// `server` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_free(server: *mut Server) {
    // SAFETY: the caller's promise.
    unsafe { free(server) }
}
