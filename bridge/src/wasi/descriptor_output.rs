//! A guest's output to a host descriptor, which may be a pipe or a terminal without a reader. A write that would block
//! waits like any other WASI call, so that a deadline or an interrupt ends it.

use crate::sigpipe::Blocked;
use bytes::{Buf, Bytes};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWrite, Interest};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// How many bytes a writable pipe always accepts at once.
const PIPE_CHUNK: usize = libc::PIPE_BUF;

/// How many bytes to write at once to anything else.
const CHUNK: usize = 64 << 10;

#[derive(Clone)]
pub enum Target {
    StandardOutput,
    StandardError,
    File(Arc<File>),
}

impl AsRawFd for Target {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Target::StandardOutput => libc::STDOUT_FILENO,
            Target::StandardError => libc::STDERR_FILENO,
            Target::File(file) => file.as_raw_fd(),
        }
    }
}

/// A descriptor's file type, as far as writing is concerned.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Socket,
    /// A pipe, or a character device such as a terminal.
    Stream {
        is_pipe: bool,
    },
    /// Never blocks for long.
    Other,
}

/// Returns the result of a write. Must be called before anything else sets `errno`.
fn outcome(count: isize) -> io::Result<usize> {
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

impl Target {
    fn kind(&self) -> io::Result<Kind> {
        // SAFETY: the structure is plain data that `fstat` fills.
        let mode = unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            if libc::fstat(self.as_raw_fd(), &raw mut status) != 0 {
                return Err(io::Error::last_os_error());
            }
            status.st_mode & libc::S_IFMT
        };
        Ok(match mode {
            libc::S_IFSOCK => Kind::Socket,
            libc::S_IFIFO => Kind::Stream { is_pipe: true },
            libc::S_IFCHR => Kind::Stream { is_pipe: false },
            _ => Kind::Other,
        })
    }

    /// Opens the file again, as non-blocking. Other processes share the original descriptor's flags, which therefore
    /// must not change.
    fn reopen(&self) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}\0", self.as_raw_fd());
        let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero byte.
        let opened = unsafe { libc::open(path.as_ptr().cast(), flags) };
        match opened {
            // SAFETY: it was just opened, and nothing else owns it.
            0.. => Ok(unsafe { OwnedFd::from_raw_fd(opened) }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn duplicate(&self) -> io::Result<OwnedFd> {
        // SAFETY: no pointers are passed.
        let copy = unsafe { libc::fcntl(self.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
        match copy {
            // SAFETY: it was just created, and nothing else owns it.
            0.. => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn is_writable(&self) -> bool {
        let mut file = libc::pollfd {
            fd: self.as_raw_fd(),
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one structure, valid for the call, which does not wait.
        unsafe { libc::poll(&raw mut file, 1, 0) != 0 }
    }

    /// Writes some of `bytes`. Fails with `WouldBlock` if that is not possible now. Never raises SIGPIPE.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let (data, size) = (bytes.as_ptr().cast(), bytes.len());
        let own = self.as_raw_fd();
        match self.kind()? {
            // SAFETY: `data` points to `size` readable bytes.
            Kind::Socket => outcome(unsafe {
                libc::send(own, data, size, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
            }),
            Kind::Stream { is_pipe } => {
                let _blocked = Blocked::new();
                match self.reopen() {
                    // SAFETY: as above.
                    Ok(file) => outcome(unsafe { libc::write(file.as_raw_fd(), data, size) }),
                    // A pipe without a reader.
                    Err(error) if is_pipe && error.raw_os_error() == Some(libc::ENXIO) => {
                        Err(io::ErrorKind::BrokenPipe.into())
                    }
                    // Another user's terminal, or no /proc. This may block if another writer fills it first.
                    Err(_) if !self.is_writable() => Err(io::ErrorKind::WouldBlock.into()),
                    // SAFETY: as above.
                    Err(_) => outcome(unsafe { libc::write(own, data, size.min(PIPE_CHUNK)) }),
                }
            }
            // SAFETY: as above.
            Kind::Other => outcome(unsafe { libc::write(own, data, size) }),
        }
    }

    /// Returns a watch for writability; `None` if the file is always writable.
    fn watch(&self) -> io::Result<Option<AsyncFd<OwnedFd>>> {
        let file = match self.reopen() {
            Ok(file) => file,
            Err(_) => self.duplicate()?,
        };
        // SAFETY: the watch owns the file, whose descriptor stays the same.
        match unsafe { AsyncFd::register_with_interest(file, Interest::WRITABLE) } {
            Ok(watch) => Ok(Some(watch)),
            Err(error) => match error.into_parts().1 {
                error if error.raw_os_error() == Some(libc::EPERM) => Ok(None),
                error => Err(error),
            },
        }
    }
}

/// A guest's standard output or standard error.
#[derive(Clone)]
pub struct DescriptorOutput(pub Target);

impl IsTerminal for DescriptorOutput {
    fn is_terminal(&self) -> bool {
        // SAFETY: any number may be asked about.
        unsafe { libc::isatty(self.0.as_raw_fd()) == 1 }
    }
}

impl StdoutStream for DescriptorOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Writer::new(self.0.clone()))
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Writer::new(self.0.clone()))
    }
}

struct Writer {
    target: Target,
    /// Accepted from the guest, and not written yet.
    pending: Bytes,
    watch: Option<AsyncFd<OwnedFd>>,
    failed: Option<io::Error>,
}

fn stream_error(error: io::Error) -> StreamError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => StreamError::Closed,
        _ => StreamError::LastOperationFailed(error.into()),
    }
}

impl Writer {
    fn new(target: Target) -> Writer {
        Writer {
            target,
            pending: Bytes::new(),
            watch: None,
            failed: None,
        }
    }

    /// Writes as much of the pending bytes as possible without waiting.
    fn advance(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while !self.pending.is_empty() {
            match self.target.try_write(&self.pending) {
                Ok(count) => self.pending.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.pending.clear();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.watch.is_none() {
            self.watch = self.target.watch()?;
        }
        if let Some(watch) = &self.watch {
            ready!(watch.poll_write_ready(context)).map(|_| ())?;
            self.watch = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing is pending and more can be written.
    fn poll_drained(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.advance()?;
            if self.pending.is_empty() && self.target.is_writable() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_writable(context))?;
        }
    }
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !self.pending.is_empty() {
            return Err(StreamError::Trap(wasmtime::format_err!(
                "wrote more than the stream accepts"
            )));
        }
        self.pending = bytes;
        self.advance().map_err(stream_error)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.advance().map_err(stream_error)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.advance().map_err(stream_error)?;
        if !self.pending.is_empty() || !self.target.is_writable() {
            return Ok(0);
        }
        // Not more than can be written at once: bytes that are pending when the guest ends are lost.
        match self.target.kind().map_err(stream_error)? {
            Kind::Stream { .. } => Ok(PIPE_CHUNK),
            _ => Ok(CHUNK),
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        let drained = std::future::poll_fn(|context| self.poll_drained(context)).await;
        if let Err(error) = drained {
            self.failed = Some(error);
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.target.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_writable(context))?;
                }
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
