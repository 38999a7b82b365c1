//! A request's body as its guest reads it.

use super::Shared;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep};

/// How often a client that the server waits for is checked.
pub(super) const CHECK: Duration = Duration::from_millis(250);

/// How long a client may delay a guest while other requests are queued.
pub(super) const PRESSURE_LIMIT: Duration = Duration::from_secs(1);

/// How many bytes of its body earn a client another second of waiting.
const RATE: u64 = 1 << 10;

/// Like `RATE`, while other requests are queued.
const PRESSURE_RATE: u64 = 8 << 10;

/// How long the server still waits for a client: waiting uses it up, and bytes that arrive restore some of it.
struct Allowance {
    limit: Duration,
    left: Duration,
    rate: u64,
}

impl Allowance {
    fn new(limit: Duration, rate: u64) -> Allowance {
        Allowance {
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

/// The state of waiting for a client that sends a body.
struct Pace {
    shared: Arc<Shared>,
    usual: Allowance,
    under_pressure: Allowance,
    /// When the guest last found no data.
    waiting: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    armed: bool,
}

impl Pace {
    /// Spends the time since the last poll, but only a little of it if the guest was busy and did not poll.
    fn spend(&mut self) {
        if let Some(since) = self.waiting.take() {
            let waited = since.elapsed().min(2 * CHECK);
            self.usual.spend(waited);
            self.under_pressure.spend(waited);
        }
    }

    /// Ready when the client has used up its time.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.spend();
            if self.usual.left.is_zero()
                || self.under_pressure.left.is_zero() && self.shared.is_under_pressure()
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

/// A request's body, which fails if the client sends it too slowly.
pub(super) struct RequestBody {
    body: Incoming,
    /// `None` means no limit.
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
            usual: Allowance::new(limit, RATE),
            under_pressure: Allowance::new(limit.min(PRESSURE_LIMIT), PRESSURE_RATE),
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
                    pace.under_pressure.earn(size);
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
