//! HTTP/1.1 for registries: sends one request and returns its response, with `reqwest` and rustls.
//!
//! Redirects, retries and credentials are handled in C++ (`src/oci`), not here. All waiting happens on the
//! caller's thread, which drives the client's connections during the call; other threads run only for name
//! lookups.

use crate::error::{Code, Error};
use crate::ffi::{Bytes, free, give, guard, guard_or};
use crate::sigpipe;
use crate::tls;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::ffi::c_void;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout_at;

/// Where an exchange failed. Mirrors `tairitsu::detail::TransportFault`; C++ asserts that the two match.
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

/// What a client trusts and how it connects. C++ passes it as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// A PEM file of certificates to trust in addition to the public roots.
    ca_file: Option<String>,
    /// Whether to trust Mozilla's roots and those of the machine.
    public_roots: bool,
    connect_ms: u64,
    /// Whether to use `HTTPS_PROXY` and similar variables. Loopback hosts never use a proxy.
    proxy: bool,
}

/// A pool of connections to servers. Several threads may use it concurrently.
pub struct HttpClient(Arc<Inner>);

struct Inner {
    // Dropped before the runtime that their connections live on.
    direct: reqwest::Client,
    proxied: reqwest::Client,
    runtime: Runtime,
    last_use: Mutex<Instant>,
}

/// A response whose body has not been read yet. Only one thread may use it at a time. It keeps its client's connections
/// alive.
pub struct HttpResponse {
    response: reqwest::Response,
    /// Names and values, each followed by a zero byte.
    headers: Vec<u8>,
    /// Received bytes that have not been read yet.
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
    /// The body, if there is no source.
    pub body: Bytes,
    /// Writes the next bytes of the body to `to` and returns their number, 0 at the end, negative on failure.
    /// May be null.
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

/// A C++ source, usable until it is revoked: connections outlive the call that lends it.
#[derive(Clone)]
struct Source(Arc<Mutex<SourceState>>);

struct SourceState {
    read: Option<SourceRead>,
    context: *mut c_void,
    failed: bool,
    last_progress: Instant,
}

// SAFETY: C++ promises that any thread may read its source, one at a time, which the mutex ensures.
unsafe impl Send for SourceState {}

impl Source {
    fn lock(&self) -> std::sync::MutexGuard<'_, SourceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Revokes the source when the call ends, however it ends.
struct Loan(Source);

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.lock().read = None;
    }
}

/// A request body that is read from a source.
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
        const CHUNK: u64 = 64 << 10;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut chunk = vec![0; self.left.min(CHUNK) as usize];
        let count = {
            let mut state = self.source.lock();
            let count = match state.read {
                // SAFETY: the source is valid while `read` is set, and the lock is held.
                Some(read) => unsafe { read(state.context, chunk.as_mut_ptr(), chunk.len()) },
                None => -1,
            };
            state.last_progress = Instant::now();
            state.failed = count <= 0 || count as usize > chunk.len();
            if state.failed {
                return Poll::Ready(Some(Err(std::io::Error::other("the source failed"))));
            }
            count as usize
        };
        chunk.truncate(count);
        self.left -= count as u64;
        Poll::Ready(Some(Ok(http_body::Frame::data(chunk.into()))))
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

    fn send(self: &Arc<Inner>, call: &Request) -> Result<HttpResponse, Failure> {
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
            last_progress: Instant::now(),
        })));
        let _loan = Loan(source.clone());
        builder = match call.source {
            Some((_, _, size)) => builder.body(reqwest::Body::wrap(SourceBody {
                source: source.clone(),
                left: size,
            })),
            None => builder.body(call.body.to_vec()),
        };
        let request = builder
            .build()
            .map_err(|error| Failure::new(HttpFault::Request, message_of(&error)))?;

        let end = Instant::now() + call.total;
        // `reqwest` owns the connections, and writes to them in this call, which may raise SIGPIPE.
        let _blocked = sigpipe::Blocked::new();
        let outcome = self.runtime.block_on(async {
            self.notice_closed_connections().await;
            let mut sending = std::pin::pin!(client.execute(request));
            loop {
                let idle_end = source.lock().last_progress + call.idle;
                let until = idle_end.min(end);
                if let Ok(outcome) = timeout_at(until.into(), &mut sending).await {
                    return outcome.map_err(|error| failure_of(&error));
                }
                let now = Instant::now();
                if now >= end || now >= source.lock().last_progress + call.idle {
                    return Err(Failure::new(
                        HttpFault::Timeout,
                        "timed out waiting for a response",
                    ));
                }
            }
        });
        let response = match outcome {
            Ok(response) => response,
            Err(_) if source.lock().failed => {
                return Err(Failure::new(HttpFault::Source, "the source failed"));
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
        Ok(HttpResponse {
            response,
            headers,
            rest: bytes::Bytes::new(),
            idle: call.idle,
            end,
            client: Arc::clone(self),
        })
    }

    /// Lets the runtime notice connections that their servers closed since the last call, when nothing polled them.
    /// Otherwise such a connection would be used again, and fail.
    async fn notice_closed_connections(&self) {
        let unpolled = {
            let mut last_use = self.last_use.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last_use, Instant::now()).elapsed()
        };
        if unpolled > Duration::from_millis(200) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl HttpResponse {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        let _blocked = sigpipe::Blocked::new();
        while self.rest.is_empty() {
            let until = (Instant::now() + self.idle).min(self.end);
            let response = &mut self.response;
            let chunk = self
                .client
                .runtime
                .block_on(async { timeout_at(until.into(), response.chunk()).await });
            *self
                .client
                .last_use
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Instant::now();
            match chunk {
                Err(_) => {
                    return Err(Failure::new(
                        HttpFault::Timeout,
                        "timed out waiting for the rest of the body",
                    ));
                }
                Ok(Err(error)) => return Err(failure_of(&error)),
                Ok(Ok(None)) => return Ok(0),
                Ok(Ok(Some(chunk))) => self.rest = chunk,
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
        let invalid_file = |message: String| Error::new(Code::Io, message);
        let certificates = tls::read_certificates(path).map_err(invalid_file)?;
        if certificates.is_empty() {
            return Err(invalid_file(format!(
                "reading '{path}': no certificate found"
            )));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| invalid_file(format!("reading '{path}': {error}")))?;
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
    // An I/O error returns the source of the error that it wraps, not that error.
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match inner {
        Some(inner) => each_cause(inner, see),
        None => {
            if let Some(cause) = error.source() {
                each_cause(cause, see);
            }
        }
    }
}

/// Joins the messages of the causes, without wrappers and repetitions.
fn message_of(error: &reqwest::Error) -> String {
    let mut messages: Vec<String> = Vec::new();
    each_cause(error, &mut |cause| {
        let text = cause.to_string();
        let is_wrapper =
            cause.is::<reqwest::Error>() || cause.is::<hyper_util::client::legacy::Error>();
        if !is_wrapper && messages.last().is_none_or(|last| !last.ends_with(&text)) {
            messages.push(text);
        }
    });
    if messages.is_empty() {
        return error.to_string();
    }
    messages.join(": ")
}

fn failure_of(error: &reqwest::Error) -> Failure {
    let mut tls = false;
    each_cause(error, &mut |cause| {
        // A server that hangs up during the handshake usually does not support TLS.
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
    Failure::new(fault, message_of(error))
}

/// Parses a URL that C++ has already parsed, to decide about redirects and credentials. Fails if the two parsers
/// disagree about the host or the port: `http://127.1/`, for example, has a name there and an address here.
fn parse_url(text: &str) -> Result<reqwest::Url, Failure> {
    let invalid = |why: &str| Failure::new(HttpFault::Request, format!("invalid URL: {why}"));
    let url = reqwest::Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("the scheme is neither http nor https"));
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, has_same_port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().ok() == url.port_or_known_default())
        }
        _ => (authority, url.port().is_none()),
    };
    let address = |host: &str| -> Option<Ipv6Addr> {
        let inner = host.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok()
    };
    let parsed = url.host_str().unwrap_or_default();
    let has_same_host = host.eq_ignore_ascii_case(parsed)
        || address(host).is_some_and(|own| address(parsed) == Some(own));
    if !has_same_host {
        return Err(invalid(&format!(
            "ambiguous host '{host}': it means '{parsed}'"
        )));
    }
    if !has_same_port {
        return Err(invalid("ambiguous port"));
    }
    Ok(url)
}

/// A validated call.
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
    /// Everything that `call` points to lives as long as `'a`.
    unsafe fn read(call: &HttpCall) -> Result<Request<'a>, Failure> {
        let invalid = |what: &str| Failure::new(HttpFault::Request, format!("invalid {what}"));
        // SAFETY: the caller's promise for all of them.
        let (method, url, headers, body) = unsafe {
            (
                call.method.as_slice(),
                call.url.as_str(),
                call.headers.as_slice(),
                call.body.as_slice(),
            )
        };
        let url = url.map_err(|_| invalid("URL"))?;
        let mut request = Request {
            method: reqwest::Method::from_bytes(method).map_err(|_| invalid("method"))?,
            url: parse_url(url)?,
            headers: HeaderMap::new(),
            body,
            source: call
                .source
                .map(|read| (read, call.source_context, call.source_size)),
            idle: Duration::from_millis(call.idle_ms),
            // On some machines adding more than a year would overflow an instant.
            total: Duration::from_millis(call.total_ms.min(365 * 86_400_000)),
        };
        let mut parts = headers.split(|byte| *byte == 0);
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            let name = HeaderName::from_bytes(name).map_err(|_| invalid("header name"))?;
            let mut value = HeaderValue::from_bytes(value).map_err(|_| invalid("header value"))?;
            value.set_sensitive(name == reqwest::header::AUTHORIZATION);
            request.headers.append(name, value);
        }
        Ok(request)
    }
}

/// Creates a client; `options` is JSON. Fails with `Io` if the certificate file cannot be used.
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

/// Frees a client. Its responses can still be read.
///
/// # Safety
/// `client` is null or a live client, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_client_free(client: *mut HttpClient) {
    let _blocked = sigpipe::Blocked::new();
    // SAFETY: the caller's promise.
    unsafe { free(client) }
}

/// Sends a request and waits for the head of the response. On failure sets `fault`.
///
/// # Safety
/// `client` is a live client, everything that `call` points to is readable, its source may be called from any
/// thread until this returns, and `fault` and `out` are valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_send(
    client: *const HttpClient,
    call: *const HttpCall,
    fault: *mut HttpFault,
    out: *mut *mut HttpResponse,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (client, call) = unsafe { (&*client, &*call) };
        // SAFETY: the caller promises that all of it lives until this returns.
        let response = unsafe { Request::read(call) }.and_then(|call| client.0.send(&call));
        match response {
            Ok(response) => {
                // SAFETY: the caller's promise.
                unsafe { give(out, response) };
                Ok(())
            }
            // SAFETY: the caller's promise.
            Err(failure) => Err(unsafe { report(failure, fault) }),
        }
    })
}

/// # Safety
/// `fault` is valid for a write.
unsafe fn report(failure: Failure, fault: *mut HttpFault) -> Error {
    // SAFETY: the caller's promise.
    unsafe { fault.write(failure.fault) };
    Error::new(Code::Network, failure.message)
}

/// Returns the status code of a response, such as 200.
///
/// # Safety
/// `response` is a live response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_response_status(
    response: *const HttpResponse,
) -> u16 {
    // SAFETY: the caller's promise.
    unsafe { (*response).response.status().as_u16() }
}

/// Returns the headers: names in lower case and values, each followed by a zero byte. Valid until the response is
/// freed.
///
/// # Safety
/// `response` is a live response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_response_headers(
    response: *const HttpResponse,
) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { &(*response).headers })
}

/// Reads the next bytes of the body into `to` and sets `count` to their number, 0 at the end. On failure sets
/// `fault`.
///
/// # Safety
/// `response` is a live response that no other thread uses, `to` points to `size` writable bytes, and `fault`
/// and `count` are valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_response_read(
    response: *mut HttpResponse,
    to: *mut u8,
    size: usize,
    fault: *mut HttpFault,
    count: *mut usize,
) -> *mut Error {
    guard(|| {
        if size == 0 {
            return Err(Error::new(Code::InvalidArgument, "the buffer is empty"));
        }
        // SAFETY: the caller's promise; `to` holds plain bytes.
        let (response, to) = unsafe { (&mut *response, std::slice::from_raw_parts_mut(to, size)) };
        match response.read(to) {
            Ok(read) => {
                // SAFETY: the caller's promise.
                unsafe { count.write(read) };
                Ok(())
            }
            // SAFETY: the caller's promise.
            Err(failure) => Err(unsafe { report(failure, fault) }),
        }
    })
}

/// Frees a response and drops the rest of its body.
///
/// # Safety
/// `response` is null or a live response, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_http_response_free(response: *mut HttpResponse) {
    if response.is_null() {
        return;
    }
    // SAFETY: the caller promises that this is the box that `give` created.
    let response = unsafe { Box::from_raw(response) };
    let client = Arc::clone(&response.client);
    guard_or((), || {
        let _blocked = sigpipe::Blocked::new();
        // A connection must be dropped inside its runtime.
        let _entered = client.runtime.enter();
        drop(response);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_urls_that_both_parsers_read_alike() {
        for text in [
            "https://ghcr.io/",
            "https://GHCR.io/v2/",
            "https://ghcr.io:443/v2/?a='b'",
            "http://localhost:5000/",
            "http://127.0.0.1:5000/",
            "https://[::1]:5000/",
            "https://[2001:DB8:0::0001]/",
            "https://a_b.example?x=https://y:1/",
        ] {
            assert!(parse_url(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn rejects_urls_with_an_ambiguous_host_or_port() {
        for text in [
            "",
            "no url",
            "ftp://a/",
            "http://",
            "http:/a/",
            "http:///a/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1:80/",
            "http://127.0.0.1./",
            "http://user@a/",
            "http://a@b/",
            "http://a\\b/",
            "http://a\t.b/",
            "http://%61/",
            " http://a b/",
            "http://a:/",
            "http://a:99999/",
        ] {
            let failure = parse_url(text).expect_err(text);
            assert_eq!(failure.fault, HttpFault::Request, "{text}");
        }
    }
}
