//! Guests that compute take turns: of those that used up their time only a few wait for a thread, so that a request
//! that needs one for an instant does not queue behind all of them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a guest computes at a stretch before it makes room for others; up to a tick of the engine's epoch longer.
const SLICE: Duration = Duration::from_millis(2);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a guest used of its time. An epoch may end in any moment: it says nothing of how long this guest computed.
#[derive(Default)]
pub(super) struct Slice {
    /// When the guest was last let in, in nanoseconds since `START`.
    began: AtomicU64,
    used_up: AtomicBool,
}

fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Slice {
    fn begin(&self) {
        self.began.store(now(), Relaxed);
    }

    /// Asked at the end of an epoch: whether the guest has to make room now.
    pub(super) fn is_used_up(&self) -> bool {
        let used = Duration::from_nanos(now().saturating_sub(self.began.load(Relaxed)));
        let used_up = used >= SLICE;
        if used_up {
            self.used_up.store(true, Relaxed);
        }
        used_up
    }
}

/// Tells whether a guest's task was woken while it ran: it made room and wants to go on.
struct Woken {
    task: Waker,
    woken: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Relaxed);
        self.task.wake_by_ref();
    }
}

type Acquire = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

enum Turn {
    /// It has not computed for long yet.
    Free,
    Waiting(Acquire),
    Held {
        _turn: OwnedSemaphorePermit,
    },
    /// It waits for something else than a turn.
    Idle,
}

/// Runs `work`, in turns from the moment when it first used up its time.
pub(super) struct InTurns<F> {
    work: Pin<Box<F>>,
    turns: Arc<Semaphore>,
    slice: Arc<Slice>,
    turn: Turn,
}

impl<F> InTurns<F> {
    pub(super) fn new(work: F, turns: Arc<Semaphore>, slice: Arc<Slice>) -> InTurns<F> {
        slice.used_up.store(false, Relaxed);
        InTurns {
            work: Box::pin(work),
            turns,
            slice,
            turn: Turn::Free,
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Turn::Idle = self.turn {
            let turns = self.turns.clone();
            self.turn = Turn::Waiting(Box::pin(async move { turns.acquire_owned().await.ok() }));
        }
        if let Turn::Waiting(acquire) = &mut self.turn {
            self.turn = match ready!(acquire.as_mut().poll(context)) {
                Some(turn) => Turn::Held { _turn: turn },
                None => Turn::Free,
            };
        }
        Poll::Ready(())
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if let Turn::Free = self.turn {
            self.slice.begin();
            let result = self.work.as_mut().poll(context);
            if result.is_pending() && self.slice.used_up.load(Relaxed) {
                // In the queue from now on: it was woken as it made room.
                self.turn = Turn::Idle;
                let _ = self.poll_turn(context);
            }
            return result;
        }
        ready!(self.poll_turn(context));
        let woken = Arc::new(Woken {
            task: context.waker().clone(),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(woken.clone());
        self.slice.begin();
        let result = self.work.as_mut().poll(&mut Context::from_waker(&waker));
        // The next one's turn.
        self.turn = Turn::Idle;
        if result.is_pending() && woken.woken.load(Relaxed) {
            let _ = self.poll_turn(context);
        }
        result
    }
}
