//! A server of HTTP: each request goes to a guest that exports `wasi:http`, 0.2 or 0.3.
//!
//! A connection is one task. The guest's own work is a future in that task: it is polled until there is a
//! response, and from then on by the response's body, so that nothing is handed from thread to thread. Only
//! a guest that goes on after its response gets a task of its own. A guest that computes yields at each tick
//! of the epoch, so that it does not keep a thread from the others.

mod body;
mod connections;
mod statistics;
mod turns;

use crate::account::Charged;
use crate::engine::{Engine, Stores};
use crate::error::{Code, Error, coded};
use crate::ffi::{Bytes, free, give, guard, guard_or};
use crate::linker::InstancePre;
use crate::shape::Shape;
use crate::sigpipe;
use crate::store::{Data, StoreConfig, failed};
use crate::wasi::{Policy, WasiState};
use body::{Record, RequestBody, ServedBody, SharedExchange, begin, poll_guest, served, text};
use connections::{Client, ClientStream, Connections, Waits, accept_each, share};
use futures::future::select;
use http::uri::Authority;
use http::{Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use statistics::Counters;
pub use statistics::ServerStatistics;
use std::convert::Infallible;
use std::ffi::c_void;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use turns::{InTurns, Slice};
use wasmtime::UpdateDeadline;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};
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
    /// 0 for the usual share.
    max_connections_per_address: usize,
    max_requests_per_address: usize,
    max_head_bytes: usize,
    /// 0 for no limit, as for the next two.
    header_timeout_nanoseconds: u64,
    body_timeout_nanoseconds: u64,
    write_timeout_nanoseconds: u64,
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
    pub full_backtrace: Bytes,
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
    slice: Arc<Slice>,
    context: HostContext,
}

struct Shared {
    engine: Stores,
    pre: Pre,
    shape: Shape,
    config: StoreConfig,
    policy: Arc<Policy>,
    options: Options,
    callbacks: Callbacks,
    room: Arc<Semaphore>,
    /// For guests that compute: as many as there are threads.
    turns: Arc<Semaphore>,
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

/// A guest that handles a request, to its very end.
type GuestFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A guest's response, and what tells it that the body is over, where it wants to know.
type Answer = Result<(Response<WasiBody>, Option<oneshot::Sender<()>>), String>;

/// The right to be in a guest: the server's, and the client's share of it.
struct Admission {
    _permits: [OwnedSemaphorePermit; 2],
    _counted: Counted,
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
                if self.engine.fuel {
                    let set = instance.store.set_fuel(self.config.fuel());
                    set.map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
                }
                return Ok(instance);
            }
        }
        self.counters.instances.fetch_add(1, Relaxed);
        let context = HostContext::new(self.clone())?;
        let grant = self.config.grant(&self.engine);
        let wasi = WasiState::for_component(&self.policy, &grant)?;
        let mut store = self
            .config
            .make(&self.engine, context.context, &grant, Some(wasi))?;
        let slice = Arc::new(Slice::default());
        if self.engine.epochs {
            let slice = slice.clone();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| {
                Ok(match slice.is_used_up() {
                    true => UpdateDeadline::Yield(1),
                    false => UpdateDeadline::Continue(1),
                })
            });
        }
        Ok(Instance {
            store,
            proxy: None,
            served: 0,
            slice,
            context,
        })
    }

    /// One request in one instance, to its very end.
    async fn run(
        self: Arc<Self>,
        request: Request<RequestBody>,
        answer: oneshot::Sender<Answer>,
        admission: Admission,
    ) -> Result<(), Error> {
        let mut instance = self.instance()?;
        let slice = instance.slice.clone();
        let account = instance.store.data().account().cloned();
        let work = Charged::new(account, async {
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
        });
        let work = InTurns::new(work, self.turns.clone(), slice);
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
        let finished = finished_bodies(&mut instance.store);
        if finished
            && instance.served < self.options.requests_per_instance
            && !*self.draining.borrow()
        {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(instance);
        }
        drop(admission);
        Ok(())
    }

    /// Waits for room in the queue, if there is some. A client waits for its own share first, so that its requests
    /// are not in the way of others.
    async fn admit(self: &Arc<Self>, client: &Arc<Client>) -> Option<Admission> {
        let at_once = || {
            let own = client.room.clone().try_acquire_owned().ok()?;
            Some([own, self.room.clone().try_acquire_owned().ok()?])
        };
        let permits = match at_once() {
            Some(permits) => permits,
            None => {
                let _queued = Counted::new(self, |counters| &counters.queued);
                let _own = Queued::new(client);
                let most = self.options.max_queued_requests;
                if self.counters.queued.load(Relaxed) > most
                    || client.queued.load(Relaxed) > share(most, 0)
                {
                    return None;
                }
                let own = client.room.clone().acquire_owned().await.ok()?;
                [own, self.room.clone().acquire_owned().await.ok()?]
            }
        };
        Some(Admission {
            _permits: permits,
            _counted: Counted::new(self, |counters| &counters.requests),
        })
    }

    /// Whether requests wait for room.
    fn is_pressed(&self) -> bool {
        self.counters.queued.load(Relaxed) != 0
    }

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        client: Arc<Client>,
        exchange: SharedExchange,
    ) -> Response<ServedBody> {
        let mut record = Record::new(&self, &request, peer);
        let authority = match authority_of(&request) {
            Ok(authority) => authority,
            Err(reason) => return text(&exchange, record, StatusCode::BAD_REQUEST, reason),
        };
        let Some(admission) = self.admit(&client).await else {
            self.counters.rejected.fetch_add(1, Relaxed);
            let unavailable = StatusCode::SERVICE_UNAVAILABLE;
            let mut response = text(&exchange, record, unavailable, "too many requests");
            let soon = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
            return response;
        };
        let too_slow_flag = Arc::new(AtomicBool::new(false));
        let request = request.map(|body| RequestBody::new(&self, body, too_slow_flag.clone()));
        let request = with_authority(request, authority);
        let (sender, mut answered) = oneshot::channel();
        let mut guest: GuestFuture = Box::pin(self.clone().run(request, sender, admission));
        let mut closed = false;
        let (answer, result) = poll_fn(|context| {
            // The guest first: it is what answers.
            let result = poll_guest(&mut guest, context, &too_slow_flag, &self);
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
            (_, Some(Err(error))) if too_slow_flag.load(Relaxed) => error,
            (Some(Ok((response, ended))), result) => {
                let failed = result.and_then(Result::err);
                match (begin(response).await, failed) {
                    // Nothing of the response is lost where there was nothing but its head.
                    (Ok(begun), Some(error)) if begun.is_empty() => error,
                    (Ok(begun), failed) => {
                        if let Some(error) = failed {
                            record.fail(error);
                        }
                        return served(&exchange, record, begun, guest, ended, too_slow_flag);
                    }
                    // The guest's own end says more, if it has one.
                    (Err(error), failed) => failed.unwrap_or(error),
                }
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
            _ if too_slow_flag.load(Relaxed) => (
                StatusCode::REQUEST_TIMEOUT,
                "the request's body came too slowly",
            ),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "the guest failed"),
        };
        record.fail(error);
        text(&exchange, record, status, reason)
    }
}

/// Counts a request among those of its client that wait.
struct Queued(Arc<Client>);

impl Queued {
    fn new(client: &Arc<Client>) -> Queued {
        client.queued.fetch_add(1, Relaxed);
        Queued(client.clone())
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Relaxed);
    }
}

fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let port = match authority.as_str().rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':'),
        None => authority.as_str().split_once(':').map(|(_, port)| port),
    };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    (!authority.as_str().contains('@') && !authority.host().is_empty() && port.is_none_or(is_port))
        .then_some(authority)
}

/// Whom a request is for; otherwise why it is not one.
fn authority_of<B>(request: &Request<B>) -> Result<Authority, &'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err("the request names several hosts"),
        (None, None) => None,
        (Some(host), None) => Some(
            host.to_str()
                .ok()
                .and_then(authority)
                .ok_or("the request's host is invalid")?,
        ),
    };
    match request.uri().authority() {
        Some(own) => authority(own.as_str()).ok_or("the request's host is invalid"),
        None => host.ok_or("the request names no host"),
    }
}

/// A guest sees its scheme and its authority, which a client writes into the target for a proxy only.
fn with_authority<B>(mut request: Request<B>, authority: Authority) -> Request<B> {
    let mut parts = request.uri().clone().into_parts();
    parts.scheme.get_or_insert(http::uri::Scheme::HTTP);
    parts.authority = Some(authority);
    // What has no path, as for CONNECT, stays as it is.
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Breaks off bodies that the guest left unfinished, which look as if they were whole otherwise: whether there were
/// none.
fn finished_bodies(store: &mut wasmtime::Store<Data>) -> bool {
    let mut finished = true;
    for entry in store.data_mut().http().table.iter_mut() {
        if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
            let (empty, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
            std::mem::replace(body, empty).abort();
            finished = false;
        }
    }
    finished
}

/// `wasi:http/incoming-handler`, 0.2.
async fn handle_sync(
    store: &mut wasmtime::Store<Data>,
    proxy: &p2::bindings::Proxy,
    request: Request<RequestBody>,
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
    request: Request<RequestBody>,
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

/// Serves requests, one after another, for as long as the client likes.
async fn serve_connection(shared: Arc<Shared>, mut stream: ClientStream, peer: SocketAddr) {
    let _connection = Counted::new(&shared, |counters| &counters.connections);
    let own = stream.connection.clone();
    let exchange = SharedExchange::default();
    stream.pressure = Some((shared.clone(), exchange.clone()));
    let mut draining = shared.draining.subscribe();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .max_header_size(shared.options.max_head_bytes)
        .header_read_timeout(limit(shared.options.header_timeout_nanoseconds));
    let service = service_fn(|request| {
        own.works();
        exchange.begin();
        let handled = shared
            .clone()
            .handle(request, peer, own.client.clone(), exchange.clone());
        async move { Ok::<_, Infallible>(handled.await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut draining = pin!(async { drop(draining.wait_for(|draining| *draining).await) });
    let mut drains = false;
    // What goes wrong with a connection is the client's affair.
    poll_fn(|context| {
        if !drains && draining.as_mut().poll(context).is_ready() {
            drains = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            exchange.begin_turn();
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // A guest whose client does not read has a deadline all the same.
            if !exchange.end_turn(context) {
                break;
            }
        }
        if !exchange.is_busy() && own.is_at_work() {
            own.waits(Waits::Next);
        }
        Poll::Pending
    })
    .await;
}

fn limit(nanoseconds: u64) -> Option<Duration> {
    (nanoseconds != 0).then(|| Duration::from_nanos(nanoseconds))
}

/// Serves clients until the server drains.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let mut draining = shared.draining.subscribe();
    let options = &shared.options;
    let connections = Connections::new(
        options.max_connections,
        share(options.max_connections, options.max_connections_per_address),
        share(
            options.max_concurrent_requests,
            options.max_requests_per_address,
        ),
    );
    let accepting = accept_each(
        listener,
        connections,
        Duration::from_nanos(options.write_timeout_nanoseconds),
        || {
            shared.counters.refused.fetch_add(1, Relaxed);
        },
        |stream, peer| serve_connection(shared.clone(), stream, peer),
    );
    select(
        pin!(accepting),
        pin!(draining.wait_for(|draining| *draining)),
    )
    .await;
}

/// Answers on the admin address, to the very end of the server.
async fn administer(shared: Arc<Shared>, listener: TcpListener) {
    const CONNECTIONS: usize = 64;
    const LIMIT: Duration = Duration::from_secs(5);
    let connections = Connections::new(CONNECTIONS, CONNECTIONS, 0);
    accept_each(
        listener,
        connections,
        LIMIT,
        || (),
        |stream, _| {
            let shared = shared.clone();
            async move {
                let own = stream.connection.clone();
                let service = service_fn(|request| {
                    let response = shared.administer(&request);
                    own.waits(Waits::Next);
                    async move { Ok::<_, Infallible>(response) }
                });
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .max_header_size(8 << 10)
                    .header_read_timeout(LIMIT);
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            }
        },
    )
    .await;
}

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    /// There until the server is freed.
    runtime: Option<Runtime>,
    /// The operator's address has a thread of its own: guests and their clients do not hold it up.
    admin_runtime: Option<Runtime>,
    address: String,
    admin_address: String,
}

fn start_threads(name: &str, count: usize) -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name(name)
        .on_thread_start(sigpipe::block)
        // Clients are looked at this often while guests compute, each for a tick of the epoch.
        .event_interval(16)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Io, format!("the server's threads: {e}")))
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
                    "the component serves no HTTP: it exports neither wasi:http/incoming-handler of 0.2 nor \
                     wasi:http/handler of 0.3",
                ));
            }
        };
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let runtime = start_threads("tairitsu-http", threads)?;
        let (listener, address) = runtime.block_on(listen(&options.address))?;
        let admin = match &options.admin_address {
            Some(address) => {
                let own = start_threads("tairitsu-admin", 1)?;
                let (listener, address) = own.block_on(listen(address))?;
                Some((own, listener, address))
            }
            None => None,
        };
        let shared = Arc::new(Shared {
            engine: engine.stores.clone(),
            pre,
            shape,
            config: StoreConfig {
                context: std::ptr::null_mut(),
                wasi: std::ptr::null(),
                ..*config
            },
            policy,
            room: Arc::new(Semaphore::new(options.max_concurrent_requests)),
            turns: Arc::new(Semaphore::new(threads)),
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
        let admin_runtime = admin.map(|(own, listener, address)| {
            admin_address = address;
            own.spawn(administer(shared.clone(), listener));
            own
        });
        Ok(Server {
            shared,
            runtime: Some(runtime),
            admin_runtime,
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
        if let Some(runtime) = self.admin_runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
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
