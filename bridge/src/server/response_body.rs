//! A response's body as its client receives it.

use super::GuestFuture;
use super::exchange::{Exchange, Record, SharedExchange};
use crate::error::{Code, Error};
use http::{Method, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// Returns why a response's body is incomplete.
fn broken_reason(error: &wasmtime_wasi_http::Error) -> String {
    match error {
        wasmtime_wasi_http::Error::HttpProtocolError => {
            "the guest did not finish the response body".to_owned()
        }
        error => format!("the response body failed: {error:?}"),
    }
}

/// A guest's response, and the part of its body that is already available.
pub(super) struct PeekedResponse {
    /// The body is `None` if it is empty.
    response: Response<Option<WasiBody>>,
    first: Option<Frame<bytes::Bytes>>,
}

impl PeekedResponse {
    /// Whether no part of the body is available.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

/// Polls the body once, without waiting. Fails if the body has already failed, so that the client can still receive a
/// complete error response.
pub(super) async fn peek_body(mut response: Response<WasiBody>) -> Result<PeekedResponse, Error> {
    let body = response.body_mut();
    let frame = poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await;
    let (first, rest) = match frame {
        Poll::Ready(Some(Err(error))) => return Err(Error::new(Code::Trap, broken_reason(&error))),
        Poll::Ready(Some(Ok(frame))) => (Some(frame), true),
        Poll::Ready(None) => (None, false),
        Poll::Pending => (None, true),
    };
    let response = response.map(|body| rest.then_some(body));
    Ok(PeekedResponse { response, first })
}

/// A response's body.
pub(super) struct ServedBody {
    /// Sent before `body`.
    first: Option<Frame<bytes::Bytes>>,
    body: Option<WasiBody>,
    exchange: SharedExchange,
    ended: Option<oneshot::Sender<()>>,
    /// The bytes that the client still expects, if the length was announced.
    left: Option<u64>,
    /// Why the body failed. It is reported in the next poll, so that what was written before is sent first.
    failure: Option<wasmtime_wasi_http::Error>,
}

impl ServedBody {
    /// Makes the next poll of the body fail.
    fn abort<T>(&mut self, error: wasmtime_wasi_http::Error, context: &mut Context<'_>) -> Poll<T> {
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
                // The guest's own error says more, if there is one.
                exchange.poll_guest(context);
                exchange.broken = true;
                if let Some(record) = exchange.record.as_mut().filter(|own| own.error.is_none()) {
                    record.fail(Error::new(Code::Trap, broken_reason(&error)));
                }
                own.abort(error, context)
            }
            // Without its guest the body looks complete: tell the client that it is not.
            None if exchange.broken => {
                own.abort(wasmtime_wasi_http::Error::HttpResponseIncomplete, context)
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
        // A guest that still writes learns that the reader is gone.
        self.first = None;
        self.body = None;
        self.ended = None;
        let exchange = self.exchange.end();
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
            // The client is gone: stop the guest.
            record.error.get_or_insert_with(|| {
                Error::new(
                    Code::Interrupted,
                    "the client disconnected before the end of the response",
                )
            });
            return;
        }
        // Usually the guest has nothing left to do.
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

/// Returns a guest's response.
pub(super) fn guest_response(
    exchange: &SharedExchange,
    mut record: Record,
    peeked: PeekedResponse,
    guest: Option<GuestFuture>,
    ended: Option<oneshot::Sender<()>>,
    too_slow: Arc<AtomicBool>,
) -> Response<ServedBody> {
    let PeekedResponse { response, first } = peeked;
    record.status = response.status();
    // A response to HEAD announces a length, but has no body.
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

/// Returns a text response from the server itself, with the request's id in the log.
pub(super) fn text_response(
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
