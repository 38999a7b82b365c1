//! The HTTP server: passes each request to a guest that exports `wasi:http` 0.2 or 0.3.
//!
//! Each connection is one task. The guest runs as a future in that task: the request handler polls it until
//! there is a response, then the response's body polls it, so that no work moves between threads. Only a guest
//! that continues after its response gets a separate task. A guest that computes yields at each epoch tick, so
//! that it does not monopolise a thread.

mod admission;
mod callbacks;
mod connections;
mod exchange;
mod instance;
mod listeners;
mod request;
mod request_body;
mod response_body;
mod statistics;
mod turns;

use crate::engine::{Engine, Stores};
use crate::error::{Code, Error};
use crate::ffi::{Bytes, free, give, guard, guard_or};
use crate::linker::InstancePre;
use crate::shape::Shape;
use crate::sigpipe;
use crate::store::StoreConfig;
use crate::wasi::Policy;
use callbacks::Callbacks;
pub use callbacks::{ServedRequest, ServerCallbacks};
use http::Response;
use instance::{Instance, Pre};
use listeners::{accept, administer, listen};
use serde::Deserialize;
use statistics::Counters;
pub use statistics::ServerStatistics;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use wasmtime_wasi_http::{WasiBody, p2, p3};

/// Mirrors `tairitsu::HttpServerOptions`; C++ writes it as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    address: String,
    admin_address: Option<String>,
    /// 0 uses one thread per core.
    threads: usize,
    max_connections: usize,
    max_concurrent_requests: usize,
    max_queued_requests: usize,
    requests_per_instance: u32,
    /// 0 uses the default share.
    max_connections_per_address: usize,
    max_requests_per_address: usize,
    max_head_bytes: usize,
    /// 0 means no limit, also for the next two.
    header_timeout_nanoseconds: u64,
    body_timeout_nanoseconds: u64,
    write_timeout_nanoseconds: u64,
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
    /// One permit per thread, for guests that compute.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Instance>>,
    counters: Counters,
    next_id: AtomicU64,
    draining: watch::Sender<bool>,
    /// Signalled when a connection or a request ends.
    ended: Notify,
}

// SAFETY: the pointers in `config` are null, and its other fields are numbers.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Increments a counter, and decrements it when dropped.
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

/// A guest that handles a request, until the guest is done with it.
type GuestFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A guest's response, and the sender that tells the guest that the body is over, if the guest waits for that.
type GuestResponse = Result<(Response<WasiBody>, Option<oneshot::Sender<()>>), String>;

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    /// `None` only while the server is dropped.
    runtime: Option<Runtime>,
    /// The admin address has a separate thread, so that guests and their clients cannot delay it.
    admin_runtime: Option<Runtime>,
    address: String,
    admin_address: String,
}

fn start_threads(name: &str, count: usize) -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name(name)
        .on_thread_start(sigpipe::block)
        // While guests compute, each for one epoch tick, I/O events are polled this often.
        .event_interval(16)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Io, format!("starting the server's threads: {e}")))
}

impl Server {
    fn start(
        engine: &Engine,
        pre: &InstancePre,
        config: &StoreConfig,
        options: Options,
        callbacks: Callbacks,
    ) -> Result<Server, Error> {
        // SAFETY: the caller promises that it is null or live.
        let policy = match unsafe { config.wasi.as_ref() } {
            Some(policy) => policy.0.clone(),
            None => Arc::new(Policy::default()),
        };
        // Prefer 0.3 if the component exports both: the 0.2 export may be a shim.
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
                    "not an HTTP component: it exports neither wasi:http/incoming-handler@0.2 nor \
                     wasi:http/handler@0.3",
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
            // Random, so that two servers do not use the same ids.
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

    /// Stops accepting connections and waits for those that are open. Returns whether all ended in time.
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
                    // The timeout covers an end between the check and the wait.
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
            // Tasks that are still running then continue detached, and keep what they use alive.
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

/// Starts a server for `pre`, which listens when this returns. The callbacks' `release` is also called if this
/// fails.
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
        let options = serde_json::from_str(unsafe { options.as_str()? }).map_err(|error| {
            Error::new(
                Code::Internal,
                format!("parsing the server options: {error}"),
            )
        })?;
        // SAFETY: the caller's promise.
        let (engine, pre, config) = unsafe { (&*engine, &*pre, &*config) };
        let server = Server::start(engine, pre, config, options, callbacks)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, server) };
        Ok(())
    })
}

/// Returns the address that the server listens on, as `ADDRESS:PORT`, or with `admin` its admin address, which is
/// empty if it has none. Valid until the server is freed.
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

/// Stops accepting connections and waits until the open ones have ended, for at most `nanoseconds`. Returns whether
/// they have. Any thread except the server's own may call this.
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

/// Returns the server's counters.
///
/// # Safety
/// `server` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_statistics(
    server: *const Server,
) -> ServerStatistics {
    // SAFETY: the caller's promise.
    unsafe { (*server).shared.statistics() }
}

/// Stops and frees the server: interrupts what is running, and waits at most a few seconds for it to end.
///
/// # Safety
/// `server` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_server_free(server: *mut Server) {
    // SAFETY: the caller's promise.
    unsafe { free(server) }
}
