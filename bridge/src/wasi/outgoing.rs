//! Outgoing HTTP requests, subject to the policy's rules.

use super::descriptors::{Permit, Permits};
use super::policy::{Denial, Policy};
use super::rules::{HttpTarget, http_candidates};
use crate::account::{Account, Charged, Scope};
use crate::sigpipe::QuietStream;
use crate::tls;
use bytes::Bytes;
use http::uri::Scheme;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// How long to wait for the beginning of a response, and between two chunks of it, unless the guest sets limits.
const READ_TIMEOUT: Duration = Duration::from_secs(600);

/// The client's TLS configuration, created when first needed: reading the machine's certificates takes
/// milliseconds.
#[derive(Default)]
pub struct TlsRoots(OnceLock<Result<Arc<rustls::ClientConfig>, String>>);

impl TlsRoots {
    fn get(&self, ca_file: Option<&str>) -> Result<Arc<rustls::ClientConfig>, Error> {
        let config = self.0.get_or_init(|| {
            // Guests share it, so do not charge the guest that needs it first.
            let _scope = Scope::enter(None);
            let config = tls::client_config(read_roots(ca_file)?);
            config.map(Arc::new).map_err(|error| error.to_string())
        });
        config
            .clone()
            .map_err(|error| Error::Tls(io::Error::other(error)))
    }
}

fn read_roots(ca_file: Option<&str>) -> Result<rustls::RootCertStore, String> {
    let mut store = rustls::RootCertStore::empty();
    tls::add_system_roots(&mut store);
    if store.is_empty() {
        tls::add_built_in_roots(&mut store);
    }
    if let Some(path) = ca_file {
        let (added, _) = store.add_parsable_certificates(tls::read_certificates(path)?);
        if added == 0 {
            return Err(format!("reading '{path}': no certificate found"));
        }
    }
    Ok(store)
}

/// The hooks through which Wasmtime's wasi:http sends requests.
pub struct HttpHooks {
    policy: Arc<Policy>,
    account: Option<Arc<Account>>,
    permits: Permits,
}

impl HttpHooks {
    pub fn new(policy: Arc<Policy>, account: Option<Arc<Account>>, permits: Permits) -> HttpHooks {
        HttpHooks {
            policy,
            account,
            permits,
        }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for HttpHooks {
    // Guests write a few kilobytes at a time; they should not wait for the network after each write.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        16
    }

    // Times the number of chunks, the most that a body buffers: one megabyte.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        64 * 1024
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_errors: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Some(permit) = self.permits.take() else {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        };
        let account = self.account.clone();
        let sending = send(
            self.policy.clone(),
            account.clone(),
            permit,
            request,
            options,
        );
        Box::new(Charged::new(account, sending))
    }
}

/// Returns the addresses that the policy lets the request go to. The name is resolved only once, so that the
/// addresses that are checked are those that are connected to.
async fn allowed_addresses(
    policy: &Policy,
    target: &HttpTarget<'_>,
) -> Result<Vec<SocketAddr>, Error> {
    let deny = || {
        let HttpTarget {
            method,
            scheme,
            host,
            port,
        } = target;
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => (*host).to_owned(),
        };
        policy.denied(
            Denial::Request,
            &format!("{method} {scheme}://{host}:{port}"),
        );
        Error::HttpRequestDenied
    };
    let rules = http_candidates(&policy.http.rules, target, policy.name_lookup);
    if rules.clone().next().is_none() {
        return Err(deny());
    }
    let found: Vec<SocketAddr> = tokio::net::lookup_host((target.host, target.port))
        .await
        .map_err(|_| Error::DnsError {
            rcode: None,
            info_code: None,
        })?
        .collect();
    let any = !found.is_empty();
    let allowed: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| {
            rules
                .clone()
                .any(|rule| rule.allows(target.host, address.ip()))
        })
        .collect();
    match (any, allowed.is_empty()) {
        (true, true) => Err(deny()),
        (false, _) => Err(Error::DestinationNotFound),
        _ => Ok(allowed),
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(
    policy: &Policy,
    target: &HttpTarget<'_>,
    secure: bool,
) -> Result<Box<dyn Stream>, Error> {
    let addresses = allowed_addresses(policy, target).await?;
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(Error::Connect)?;
    // Requests are often small, and the guest waits for the response.
    let _ = stream.set_nodelay(true);
    if !secure {
        return Ok(Box::new(QuietStream(stream)));
    }
    let config = policy.tls.get(policy.http.ca_file.as_deref())?;
    let name = match target.host.parse::<std::net::IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => {
            ServerName::try_from(target.host.to_owned()).map_err(Error::InvalidDnsNameError)?
        }
    };
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, QuietStream(stream))
        .await
        .map_err(Error::Tls)?;
    Ok(Box::new(stream))
}

/// Returns the host, and the port if there is one. Returns `None` if there is a user name or a password, which would be
/// sent in the `host` header, or if the port is invalid: `http::Uri` accepts both.
fn host_and_port(uri: &http::Uri) -> Option<(&str, Option<u16>)> {
    let authority = uri.authority()?.as_str();
    let host = uri.host()?;
    let rest = authority.strip_prefix(host)?;
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(digits.parse().ok()?)))
        }
        _ => None,
    }
}

async fn send(
    policy: Arc<Policy>,
    account: Option<Arc<Account>>,
    permit: Permit,
    mut request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Sent {
    let uri = request.uri().clone();
    let scheme = uri.scheme().unwrap_or(&Scheme::HTTPS);
    let secure = *scheme == Scheme::HTTPS;
    let (host, port) = host_and_port(&uri).ok_or(Error::HttpRequestUriInvalid)?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let target = HttpTarget {
        method: &request.method().clone(),
        scheme,
        host: &host,
        port: port.unwrap_or(if secure { 443 } else { 80 }),
    };

    let now = Instant::now();
    // Far enough to mean 'no limit', and near enough not to overflow.
    let far = now + Duration::from_secs(365 * 86_400);
    let end = policy.http.total_timeout().map_or(far, |limit| now + limit);
    let within = |limit: Option<Duration>, otherwise: Duration| {
        let limit = limit.map_or(otherwise, |own| own.min(otherwise));
        end.min(Instant::now() + limit)
    };
    let connect_end = within(
        options.and_then(|own| own.connect_timeout),
        policy.http.connect_timeout(),
    );
    let (mut sender, connection) = timeout_at(connect_end, async {
        let stream = connect(&policy, &target, secure).await?;
        Ok::<_, Error>(http1::handshake(TokioIo::new(stream)).await?)
    })
    .await
    .map_err(|_| Error::ConnectionTimeout)??;

    // Only requests to proxies contain the scheme and the authority.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;

    let first_byte_end = within(options.and_then(|own| own.first_byte_timeout), READ_TIMEOUT);
    let mut connection = Box::pin(connection);
    let mut connection_ended = false;
    let received = {
        let mut response_future = pin!(timeout_at(first_byte_end, sender.send_request(request)));
        std::future::poll_fn(|context| {
            // If the connection fails, the response fails with the reason.
            if !connection_ended && connection.as_mut().poll(context).is_ready() {
                connection_ended = true;
            }
            response_future.as_mut().poll(context)
        })
        .await
    };
    let response = received.map_err(|_| Error::ConnectionReadTimeout)??;
    let between = options
        .and_then(|own| own.between_bytes_timeout)
        .unwrap_or(READ_TIMEOUT);
    let response = response.map(|body| {
        let body = TimedBody {
            body,
            between,
            end,
            timer: Box::pin(sleep_until(end.min(Instant::now() + between))),
        };
        body.boxed_unsync()
    });
    let io: Io = Box::new(Charged::new(account, async move {
        let _permit = permit;
        match connection_ended {
            true => Ok(()),
            false => connection.await.map_err(Error::from),
        }
    }));
    Ok((response, io))
}

/// A response's body that fails if it takes too long.
struct TimedBody {
    body: hyper::body::Incoming,
    between: Duration,
    end: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let next = self.end.min(Instant::now() + self.between);
                self.timer.as_mut().reset(next);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self
                .timer
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(Error::ConnectionReadTimeout))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn reads_only_a_host_and_a_port_from_a_url() {
        let read = |url: &str| {
            let uri: http::Uri = url.parse().unwrap();
            host_and_port(&uri).map(|(host, port)| (host.to_owned(), port))
        };
        let host = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(read("http://a.example/"), host("a.example", None));
        assert_eq!(read("http://a.example:81/"), host("a.example", Some(81)));
        assert_eq!(read("http://[::1]:81/"), host("[::1]", Some(81)));
        assert_eq!(read("http://[::1]/"), host("[::1]", None));
        for url in [
            "http://user@a.example/",
            "http://user:secret@a.example/",
            "http://user:secret@a.example:80/",
            "http://a.example@a.example/",
            "http://a.example:99999/",
            "http://a.example:65536/",
            "http://a.example:/",
        ] {
            assert_eq!(read(url), None, "{url}");
        }
    }
}
