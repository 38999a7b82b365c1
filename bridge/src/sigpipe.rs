//! Keeps this library from raising SIGPIPE, which ends a program that does not expect it. How the program handles the
//! signal is not for a library to change.
//!
//! Sockets are written with `MSG_NOSIGNAL` ([`QuietStream`]). Threads that the library starts block the signal
//! ([`block`]). On other threads [`Blocked`] suppresses it during writes that may go to a pipe.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

fn sigpipe() -> libc::sigset_t {
    // SAFETY: a signal set is plain data, and both functions only write to it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGPIPE);
        set
    }
}

/// Blocks SIGPIPE on this thread, and returns the signals that were blocked before.
fn block_on_thread() -> libc::sigset_t {
    let set = sigpipe();
    // SAFETY: both sets are valid for the call.
    unsafe {
        let mut old = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut old);
        old
    }
}

/// Blocks SIGPIPE on a thread that belongs to the library.
pub fn block() {
    block_on_thread();
}

/// While it lives, SIGPIPE is blocked on this thread. Dropping it discards a SIGPIPE that was raised meanwhile.
pub struct Blocked {
    was_blocked: bool,
    was_pending: bool,
    /// Must stay on the thread, whose signal mask it changes.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Blocked {
    pub fn new() -> Blocked {
        let old = block_on_thread();
        // SAFETY: the sets are valid for the calls.
        let (was_blocked, was_pending) = unsafe {
            let blocked = libc::sigismember(&raw const old, libc::SIGPIPE) == 1;
            let mut pending = std::mem::zeroed();
            // An unblocked signal does not stay pending.
            let is_pending = blocked
                && libc::sigpending(&raw mut pending) == 0
                && libc::sigismember(&raw const pending, libc::SIGPIPE) == 1;
            (blocked, is_pending)
        };
        Blocked {
            was_blocked,
            was_pending,
            _thread: std::marker::PhantomData,
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let set = sigpipe();
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the set and the time are valid for the calls; the signal's information may be null.
        unsafe {
            if !self.was_pending {
                while libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const now) < 0
                    && *libc::__errno_location() == libc::EINTR
                {}
            }
            if !self.was_blocked {
                libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
            }
        }
    }
}

/// A TCP connection whose peer may hang up. Tokio's vectored writes use `writev`, which raises SIGPIPE; these use
/// `sendmsg` with `MSG_NOSIGNAL`.
pub struct QuietStream(pub TcpStream);

impl AsyncRead for QuietStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for QuietStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // The standard library's `write` is a `send` with MSG_NOSIGNAL.
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            let sent = self.0.try_io(Interest::WRITABLE, || {
                socket2::SockRef::from(&self.0).send_vectored_with_flags(slices, libc::MSG_NOSIGNAL)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked() -> bool {
        // SAFETY: the set is valid for the calls.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut set);
            libc::sigismember(&raw const set, libc::SIGPIPE) == 1
        }
    }

    fn pending() -> bool {
        // SAFETY: the set is valid for the calls.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigpending(&raw mut set);
            libc::sigismember(&raw const set, libc::SIGPIPE) == 1
        }
    }

    fn raise() {
        // SAFETY: the signal goes only to this thread, where it is blocked.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
    }

    #[test]
    fn discards_the_signal_and_restores_the_mask() {
        std::thread::spawn(|| {
            assert!(!blocked());
            let guard = Blocked::new();
            assert!(blocked());
            raise();
            assert!(pending());
            drop(guard);
            assert!(!blocked() && !pending());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn keeps_a_signal_that_was_blocked_or_pending_before() {
        std::thread::spawn(|| {
            block();
            drop(Blocked::new());
            assert!(blocked() && !pending());
            raise();
            drop(Blocked::new());
            assert!(blocked() && pending());
        })
        .join()
        .unwrap();
    }
}
