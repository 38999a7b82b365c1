//! Handles one request, from its head to the response's head.

use super::connections::Client;
use super::exchange::{Record, SharedExchange, poll_guest};
use super::request_body::RequestBody;
use super::response_body::{ServedBody, guest_response, peek_body, text_response};
use super::{GuestFuture, Shared};
use crate::error::{Code, Error};
use http::uri::Authority;
use http::{Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use tokio::sync::oneshot;

impl Shared {
    pub(super) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        client: Arc<Client>,
        exchange: SharedExchange,
    ) -> Response<ServedBody> {
        let mut record = Record::new(&self, &request, peer);
        let authority = match authority_of(&request) {
            Ok(authority) => authority,
            Err(reason) => {
                return text_response(&exchange, record, StatusCode::BAD_REQUEST, reason);
            }
        };
        let Some(admission) = self.admit(&client).await else {
            self.counters.rejected.fetch_add(1, Relaxed);
            let unavailable = StatusCode::SERVICE_UNAVAILABLE;
            let mut response = text_response(&exchange, record, unavailable, "too many requests");
            let soon = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
            return response;
        };
        let too_slow = Arc::new(AtomicBool::new(false));
        let request = request.map(|body| RequestBody::new(&self, body, too_slow.clone()));
        let request = with_authority(request, authority);
        let (sender, mut receiver) = oneshot::channel();
        let mut guest: GuestFuture = Box::pin(self.clone().run(request, sender, admission));
        let mut closed = false;
        let (response, result) = poll_fn(|context| {
            // Poll the guest first: it sends the response.
            let result = poll_guest(&mut guest, context, &too_slow, &self);
            let response = match closed {
                true => Poll::Pending,
                false => Pin::new(&mut receiver).poll(context),
            };
            match (response, result) {
                (Poll::Ready(Ok(response)), Poll::Ready(result)) => {
                    Poll::Ready((Some(response), Some(result)))
                }
                (Poll::Ready(Ok(response)), Poll::Pending) => Poll::Ready((Some(response), None)),
                (_, Poll::Ready(result)) => Poll::Ready((None, Some(result))),
                (Poll::Ready(Err(_)), Poll::Pending) => {
                    closed = true; // The guest's own result will say why there is no response.
                    Poll::Pending
                }
                (Poll::Pending, Poll::Pending) => Poll::Pending,
            }
        })
        .await;
        let guest = result.is_none().then_some(guest);
        let error = match (response, result) {
            (_, Some(Err(error))) if too_slow.load(Relaxed) => error,
            (Some(Ok((response, ended))), result) => {
                let failed = result.and_then(Result::err);
                match (peek_body(response).await, failed) {
                    // If there is only a head, an error response loses nothing.
                    (Ok(peeked), Some(error)) if peeked.is_empty() => error,
                    (Ok(peeked), failed) => {
                        if let Some(error) = failed {
                            record.fail(error);
                        }
                        return guest_response(&exchange, record, peeked, guest, ended, too_slow);
                    }
                    // The guest's own error says more, if there is one.
                    (Err(error), failed) => failed.unwrap_or(error),
                }
            }
            (Some(Err(code)), _) => {
                Error::new(Code::Trap, format!("the guest returned an error: {code}"))
            }
            (None, Some(Err(error))) => error,
            (None, _) => Error::new(Code::Trap, "the guest ended without a response"),
        };
        let (status, reason) = match error.code() {
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "the guest timed out"),
            Code::PoolExhausted => (
                StatusCode::SERVICE_UNAVAILABLE,
                "no capacity for another guest",
            ),
            _ if too_slow.load(Relaxed) => (
                StatusCode::REQUEST_TIMEOUT,
                "the request body arrived too slowly",
            ),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "the guest failed"),
        };
        record.fail(error);
        text_response(&exchange, record, status, reason)
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

/// Returns the authority that a request is for, or why the request is invalid.
fn authority_of<B>(request: &Request<B>) -> Result<Authority, &'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err("the request has several Host headers"),
        (None, None) => None,
        (Some(host), None) => Some(
            host.to_str()
                .ok()
                .and_then(authority)
                .ok_or("the request has an invalid host")?,
        ),
    };
    match request.uri().authority() {
        Some(own) => authority(own.as_str()).ok_or("the request has an invalid host"),
        None => host.ok_or("the request has no host"),
    }
}

/// Adds the scheme and the authority, which guests expect but clients write into the target only for proxies.
fn with_authority<B>(mut request: Request<B>, authority: Authority) -> Request<B> {
    let mut parts = request.uri().clone().into_parts();
    parts.scheme.get_or_insert(http::uri::Scheme::HTTP);
    parts.authority = Some(authority);
    // A target without a path, as in CONNECT, stays as it is.
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}
