//! Guests that compute take turns. Of those that have used up their slice only a few wait for a thread, so that a
//! request that needs a thread briefly does not queue behind all of them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a guest computes before it yields to others; up to one epoch tick longer.
const SLICE: Duration = Duration::from_millis(2);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How much time a guest has used. The end of an epoch says nothing about that: it may come at any moment.
#[derive(Default)]
pub(super) struct Slice {
    /// When the guest last started to run, in nanoseconds since `START`.
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

    /// Called at the end of an epoch. Returns whether the guest has to yield now.
    pub(super) fn is_used_up(&self) -> bool {
        let used = Duration::from_nanos(now().saturating_sub(self.began.load(Relaxed)));
        let used_up = used >= SLICE;
        if used_up {
            self.used_up.store(true, Relaxed);
        }
        used_up
    }
}

/// Records whether a guest's task was woken while it ran: it yielded and wants to continue.
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
    /// It has not used up a slice yet.
    Free,
    Waiting(Acquire),
    Held {
        _turn: OwnedSemaphorePermit,
    },
    /// It waits for something other than a turn.
    Idle,
}

/// Runs `work`, in turns once it has used up its first slice.
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
                // Yielding has woken it, so it joins the queue.
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
        // Pass the turn on.
        self.turn = Turn::Idle;
        if result.is_pending() && woken.woken.load(Relaxed) {
            let _ = self.poll_turn(context);
        }
        result
    }
}
