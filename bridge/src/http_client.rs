//! HTTP/1.1 for registries: one request, one answer, over `reqwest` with rustls.
//!
//! Redirects, retries and credentials are C++'s (`src/oci`): nothing of them happens here. All waiting
//! is done on the caller's thread, which drives the client's connections while it is in here; no thread
//! of our own runs but for name look-ups.

use crate::error::{Code, Error};
use crate::ffi::{Bytes, free, give, guard, guard_or};
use crate::sigpipe;
use crate::tls;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::ffi::c_void;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout_at;

/// Where an exchange failed. Mirrors `tairitsu::oci::TransportFault`; C++ asserts that the two agree.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpFault {
    Request,
    Source,
    Connect,
    Tls,
    Timeout,
    CutOff,
}

/// What a client trusts and how it connects. C++ writes it as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// A PEM file of certificates to trust beside the others.
    ca_file: Option<String>,
    /// Whether the roots of Mozilla's program and those of the machine are trusted.
    public_roots: bool,
    connect_ms: u64,
    /// Whether `HTTPS_PROXY` and its like count; for loopback hosts they never do.
    proxy: bool,
}

/// Connections to servers. Any thread may use it, several at once.
pub struct HttpClient(Arc<Inner>);

struct Inner {
    // Before the runtime that their connections live on.
    direct: reqwest::Client,
    proxied: reqwest::Client,
    runtime: Runtime,
    last_use: Mutex<Instant>,
}

/// An answer whose body is still to be read. One thread at a time; it keeps its client's connections.
pub struct HttpAnswer {
    response: reqwest::Response,
    /// Names and values, each followed by a zero byte.
    headers: Vec<u8>,
    /// What came and was not read yet.
    rest: bytes::Bytes,
    idle: Duration,
    end: Instant,
    client: Arc<Inner>,
}

type SourceRead = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize;

/// A request. Borrowed for the call that sends it.
#[repr(C)]
pub struct HttpCall {
    pub method: Bytes,
    pub url: Bytes,
    /// Names and values, each followed by a zero byte.
    pub headers: Bytes,
    /// The body, where there is no source.
    pub body: Bytes,
    /// Gives the next bytes of the body: how many were written to `to`, 0 at the end, less on failure.
    /// Null for none.
    pub source:
        Option<unsafe extern "C" fn(context: *mut c_void, to: *mut u8, size: usize) -> isize>,
    pub source_context: *mut c_void,
    pub source_size: u64,
    pub idle_ms: u64,
    pub total_ms: u64,
}

struct Failure {
    fault: HttpFault,
    message: String,
}

impl Failure {
    fn new(fault: HttpFault, message: impl Into<String>) -> Failure {
        Failure {
            fault,
            message: message.into(),
        }
    }
}

/// A C++ source, until it is taken away: connections outlive the call that lends it.
#[derive(Clone)]
struct Source(Arc<Mutex<SourceState>>);

struct SourceState {
    read: Option<SourceRead>,
    context: *mut c_void,
    failed: bool,
    moved: Instant,
}

// SAFETY: C++ promises that any thread may read its source, one at a time, which the mutex sees to.
unsafe impl Send for SourceState {}

impl Source {
    fn lock(&self) -> std::sync::MutexGuard<'_, SourceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the source away when the call ends, however it does.
struct Lent(Source);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.lock().read = None;
    }
}

/// A request's body out of a source.
struct SourceBody {
    source: Source,
    left: u64,
}

impl http_body::Body for SourceBody {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>> {
        const PIECE: u64 = 64 << 10;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; self.left.min(PIECE) as usize];
        let count = {
            let mut state = self.source.lock();
            let count = match state.read {
                // SAFETY: the source is lent for as long as `read` is there, and the lock is held.
                Some(read) => unsafe { read(state.context, piece.as_mut_ptr(), piece.len()) },
                None => -1,
            };
            state.moved = Instant::now();
            state.failed = count <= 0 || count as usize > piece.len();
            if state.failed {
                return Poll::Ready(Some(Err(std::io::Error::other("the source failed"))));
            }
            count as usize
        };
        piece.truncate(count);
        self.left -= count as u64;
        Poll::Ready(Some(Ok(http_body::Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left)
    }
}

impl Inner {
    fn new(options: &Options) -> Result<Inner, Error> {
        let internal =
            |error: &dyn std::error::Error| Error::new(Code::Internal, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_start(sigpipe::block)
            .enable_all()
            .build()
            .map_err(|error| internal(&error))?;
        let tls = tls_config(options)?;
        let build = |proxied: bool| {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(Duration::from_millis(options.connect_ms));
            let builder = if proxied { builder } else { builder.no_proxy() };
            builder.build().map_err(|error| internal(&error))
        };
        Ok(Inner {
            direct: build(false)?,
            proxied: build(options.proxy)?,
            runtime,
            last_use: Mutex::new(Instant::now()),
        })
    }

    fn send(self: &Arc<Inner>, call: &Request) -> Result<HttpAnswer, Failure> {
        let client = match call.url.host_str() {
            Some(host) if is_loopback(host) => &self.direct,
            _ => &self.proxied,
        };
        let mut builder = client
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone());
        let source = Source(Arc::new(Mutex::new(SourceState {
            read: call.source.map(|source| source.0),
            context: call.source.map_or(std::ptr::null_mut(), |source| source.1),
            failed: false,
            moved: Instant::now(),
        })));
        let _lent = Lent(source.clone());
        builder = match call.source {
            Some((_, _, size)) => builder.body(reqwest::Body::wrap(SourceBody {
                source: source.clone(),
                left: size,
            })),
            None => builder.body(call.body.to_vec()),
        };
        let request = builder
            .build()
            .map_err(|error| Failure::new(HttpFault::Request, words_of(&error)))?;

        let end = Instant::now() + call.total;
        // The connections belong to `reqwest`, which writes to them in here.
        let _blocked = sigpipe::Blocked::new();
        let outcome = self.runtime.block_on(async {
            self.notice_closed_connections().await;
            let mut sending = std::pin::pin!(client.execute(request));
            loop {
                let idle_end = source.lock().moved + call.idle;
                let until = idle_end.min(end);
                if let Ok(outcome) = timeout_at(until.into(), &mut sending).await {
                    return outcome.map_err(|error| failure_of(&error));
                }
                let now = Instant::now();
                if now >= end || now >= source.lock().moved + call.idle {
                    return Err(Failure::new(HttpFault::Timeout, "no answer came"));
                }
            }
        });
        let response = match outcome {
            Ok(response) => response,
            Err(_) if source.lock().failed => {
                return Err(Failure::new(HttpFault::Source, "it failed"));
            }
            Err(failure) => return Err(failure),
        };
        let mut headers = Vec::new();
        for (name, value) in response.headers() {
            headers.extend_from_slice(name.as_str().as_bytes());
            headers.push(0);
            headers.extend_from_slice(value.as_bytes());
            headers.push(0);
        }
        Ok(HttpAnswer {
            response,
            headers,
            rest: bytes::Bytes::new(),
            idle: call.idle,
            end,
            client: Arc::clone(self),
        })
    }

    /// Between two calls nobody looks at connections: one that its server has closed meanwhile would be
    /// used once more, and fail.
    async fn notice_closed_connections(&self) {
        let unwatched = {
            let mut last_use = self.last_use.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last_use, Instant::now()).elapsed()
        };
        if unwatched > Duration::from_millis(200) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl HttpAnswer {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        let _blocked = sigpipe::Blocked::new();
        while self.rest.is_empty() {
            let until = (Instant::now() + self.idle).min(self.end);
            let response = &mut self.response;
            let piece = self
                .client
                .runtime
                .block_on(async { timeout_at(until.into(), response.chunk()).await });
            *self
                .client
                .last_use
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Instant::now();
            match piece {
                Err(_) => return Err(Failure::new(HttpFault::Timeout, "the rest did not come")),
                Ok(Err(error)) => return Err(failure_of(&error)),
                Ok(Ok(None)) => return Ok(0),
                Ok(Ok(Some(piece))) => self.rest = piece,
            }
        }
        let count = self.rest.len().min(to.len());
        to[..count].copy_from_slice(&self.rest[..count]);
        let _ = self.rest.split_to(count);
        Ok(count)
    }
}

fn tls_config(options: &Options) -> Result<rustls::ClientConfig, Error> {
    let mut roots = rustls::RootCertStore::empty();
    if options.public_roots {
        tls::add_built_in_roots(&mut roots);
        tls::add_system_roots(&mut roots);
    }
    if let Some(path) = &options.ca_file {
        let unusable = |message: String| Error::new(Code::Io, message);
        let certificates = tls::read_certificates(path).map_err(unusable)?;
        if certificates.is_empty() {
            return Err(unusable(format!("{path}: has no certificate")));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| unusable(format!("{path}: {error}")))?;
        }
    }
    let mut config =
        tls::client_config(roots).map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Calls `see` with an error and its causes, from the outside in.
fn each_cause(
    error: &(dyn std::error::Error + 'static),
    see: &mut dyn FnMut(&(dyn std::error::Error + 'static)),
) {
    see(error);
    // An I/O error is not the source of the error that it holds, but holds it.
    let held = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match held {
        Some(held) => each_cause(held, see),
        None => {
            if let Some(cause) = error.source() {
                each_cause(cause, see);
            }
        }
    }
}

/// What the causes say, without those that only repeat one before or say that there is another.
fn words_of(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    each_cause(error, &mut |cause| {
        let text = cause.to_string();
        let is_shell =
            cause.is::<reqwest::Error>() || cause.is::<hyper_util::client::legacy::Error>();
        if !is_shell && words.last().is_none_or(|last| !last.ends_with(&text)) {
            words.push(text);
        }
    });
    if words.is_empty() {
        return error.to_string();
    }
    words.join(": ")
}

fn failure_of(error: &reqwest::Error) -> Failure {
    let mut tls = false;
    each_cause(error, &mut |cause| {
        // A server that hangs up on a handshake is most often one that does not speak TLS.
        tls |= cause.is::<rustls::Error>()
            || cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof);
    });
    let fault = if error.is_timeout() {
        HttpFault::Timeout
    } else if error.is_builder() {
        HttpFault::Request
    } else if !error.is_connect() {
        HttpFault::CutOff
    } else if tls {
        HttpFault::Tls
    } else {
        HttpFault::Connect
    };
    Failure::new(fault, words_of(error))
}

/// A call, read and checked.
struct Request<'a> {
    method: reqwest::Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: &'a [u8],
    source: Option<(SourceRead, *mut c_void, u64)>,
    idle: Duration,
    total: Duration,
}

impl<'a> Request<'a> {
    /// # Safety
    /// What `call` points at lives as long as `'a`.
    unsafe fn read(call: &HttpCall) -> Result<Request<'a>, Failure> {
        let wrong = |what: &str| Failure::new(HttpFault::Request, format!("{what} is not usable"));
        // SAFETY: the caller's promise, for all of them.
        let (method, url, headers, body) = unsafe {
            (
                call.method.as_slice(),
                call.url.as_str(),
                call.headers.as_slice(),
                call.body.as_slice(),
            )
        };
        let url = url.map_err(|_| wrong("the URL"))?;
        let mut request = Request {
            method: reqwest::Method::from_bytes(method).map_err(|_| wrong("the method"))?,
            url: reqwest::Url::parse(url).map_err(|_| wrong("the URL"))?,
            headers: HeaderMap::new(),
            body,
            source: call
                .source
                .map(|read| (read, call.source_context, call.source_size)),
            idle: Duration::from_millis(call.idle_ms),
            // More than a year would overflow an instant on some machines.
            total: Duration::from_millis(call.total_ms.min(365 * 86_400_000)),
        };
        let mut parts = headers.split(|byte| *byte == 0);
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            let name = HeaderName::from_bytes(name).map_err(|_| wrong("a header's name"))?;
            let mut value =
                HeaderValue::from_bytes(value).map_err(|_| wrong("a header's value"))?;
            value.set_sensitive(name == reqwest::header::AUTHORIZATION);
            request.headers.append(name, value);
        }
        Ok(request)
    }
}

/// Makes a client; `options` are JSON. Fails with `Io` for a file of certificates that cannot be used.
///
/// # Safety
/// `options` is readable and `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_client_new(
    options: Bytes,
    out: *mut *mut HttpClient,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let options = unsafe { options.as_slice() };
        let options: Options = serde_json::from_slice(options)
            .map_err(|error| Error::new(Code::InvalidArgument, error.to_string()))?;
        let client = HttpClient(Arc::new(Inner::new(&options)?));
        // SAFETY: the caller's promise.
        unsafe { give(out, client) };
        Ok(())
    })
}

/// Its answers may still be read.
///
/// # Safety
/// `client` is null or a live client, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_client_free(client: *mut HttpClient) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller's promise.
    unsafe { free(client) }
}

/// Sends a request and waits for the head of its answer. Where it fails, `fault` says where.
///
/// # Safety
/// `client` is a live client, what `call` points at is readable, its source may be called from any thread
/// until this returns, and `fault` and `out` are valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_send(
    client: *const HttpClient,
    call: *const HttpCall,
    fault: *mut HttpFault,
    out: *mut *mut HttpAnswer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (client, call) = unsafe { (&*client, &*call) };
        // SAFETY: the caller's promise: all of it lives until this returns.
        let answer = unsafe { Request::read(call) }.and_then(|call| client.0.send(&call));
        match answer {
            Ok(answer) => {
                // SAFETY: the caller's promise.
                unsafe { give(out, answer) };
                Ok(())
            }
            // SAFETY: the caller's promise.
            Err(failure) => Err(unsafe { told(failure, fault) }),
        }
    })
}

/// # Safety
/// `fault` is valid for a write.
unsafe fn told(failure: Failure, fault: *mut HttpFault) -> Error {
    // SAFETY: the caller's promise.
    unsafe { fault.write(failure.fault) };
    Error::new(Code::Network, failure.message)
}

/// The status of an answer: 200 and so on.
///
/// # Safety
/// `answer` is a live answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_answer_status(answer: *const HttpAnswer) -> u16 {
    // SAFETY: the caller's promise.
    unsafe { (*answer).response.status().as_u16() }
}

/// Names in lower case and values, each followed by a zero byte. Valid until the answer is freed.
///
/// # Safety
/// `answer` is a live answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_answer_headers(answer: *const HttpAnswer) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { &(*answer).headers })
}

/// Reads the next bytes of the body into `to`; `count` is how many, 0 at the end. Where it fails, `fault`
/// says how.
///
/// # Safety
/// `answer` is a live answer that no other thread uses, `to` points at `size` writable bytes, and `fault`
/// and `count` are valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_answer_read(
    answer: *mut HttpAnswer,
    to: *mut u8,
    size: usize,
    fault: *mut HttpFault,
    count: *mut usize,
) -> *mut Error {
    guard(|| {
        if size == 0 {
            return Err(Error::new(Code::InvalidArgument, "no room to read into"));
        }
        // SAFETY: the caller's promise; `to` holds plain bytes.
        let (answer, to) = unsafe { (&mut *answer, std::slice::from_raw_parts_mut(to, size)) };
        match answer.read(to) {
            Ok(read) => {
                // SAFETY: the caller's promise.
                unsafe { count.write(read) };
                Ok(())
            }
            // SAFETY: the caller's promise.
            Err(failure) => Err(unsafe { told(failure, fault) }),
        }
    })
}

/// Gives up what was not read.
///
/// # Safety
/// `answer` is null or a live answer, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_answer_free(answer: *mut HttpAnswer) {
    if answer.is_null() {
        return;
    }
    // SAFETY: the caller's promise: this is the box that `give` made.
    let answer = unsafe { Box::from_raw(answer) };
    let client = Arc::clone(&answer.client);
    guard_or((), || {
        let _blocked = sigpipe::Blocked::new();
        // A connection's end is a matter of its runtime.
        let _entered = client.runtime.enter();
        drop(answer);
    });
}
