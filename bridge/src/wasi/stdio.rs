//! A guest's output: captured, or passed to the host line by line.

use super::policy::Policy;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Longer lines are split: a guest that never ends a line must not exhaust the host's memory.
const MAX_LINE: usize = 64 << 10;

/// How many bytes a stream accepts at a time.
const WRITE_CHUNK: usize = 64 << 10;

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    truncated: bool,
}

/// A stream that captures what is written to it. At its capacity the guest finds it closed.
#[derive(Clone)]
pub struct CapturedOutput {
    capacity: usize,
    captured: Arc<Mutex<Captured>>,
}

impl CapturedOutput {
    pub fn new(capacity: usize) -> CapturedOutput {
        CapturedOutput {
            capacity,
            captured: Arc::default(),
        }
    }

    fn with<T>(&self, body: impl FnOnce(&mut Captured) -> T) -> T {
        body(&mut self.captured.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.with(|captured| captured.bytes.clone())
    }

    /// Whether the guest tried to write more than the capacity.
    pub fn is_truncated(&self) -> bool {
        self.with(|captured| captured.truncated)
    }

    /// Captures as much as fits, and returns how much that is.
    fn take(&self, bytes: &[u8]) -> usize {
        self.with(|captured| {
            let taken = bytes.len().min(self.capacity - captured.bytes.len());
            captured.bytes.extend_from_slice(&bytes[..taken]);
            captured.truncated |= taken < bytes.len();
            taken
        })
    }
}

impl IsTerminal for CapturedOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for CapturedOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for CapturedOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.take(&bytes) == bytes.len() {
            true => Ok(()),
            // The guest ignored how much it may write.
            false => Err(StreamError::Trap(wasmtime::format_err!(
                "captured stream is full (WasiOptions::capture_capacity)"
            ))),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.with(|captured| match self.capacity - captured.bytes.len() {
            0 => {
                captured.truncated = true;
                Err(StreamError::Closed)
            }
            room => Ok(room),
        })
    }
}

#[async_trait::async_trait]
impl Pollable for CapturedOutput {
    async fn ready(&mut self) {}
}

impl AsyncWrite for CapturedOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.take(bytes)))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Lines {
    policy: Arc<Policy>,
    stream: u32,
    pending: Vec<u8>,
}

impl Lines {
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = MAX_LINE - self.pending.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(room.min(bytes.len()));
            self.pending.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken + usize::from(end.is_some())..];
            if end.is_some() || self.pending.len() == MAX_LINE {
                self.policy.line(self.stream, &self.pending);
                self.pending.clear();
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.pending.is_empty() {
            self.policy.line(self.stream, &self.pending);
        }
    }
}

/// How many bytes of a discarded standard error are kept for the message of a trap.
const MAX_TAIL: usize = 4 << 10;

/// The end of what was written.
#[derive(Default)]
struct Tail {
    kept: VecDeque<u8>,
    /// Whether something before it was dropped.
    cut: bool,
}

impl Tail {
    fn write(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(MAX_TAIL)..];
        let over = (self.kept.len() + new.len()).saturating_sub(MAX_TAIL);
        self.cut |= over > 0 || new.len() < bytes.len();
        self.kept.drain(..over);
        self.kept.extend(new);
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let whole = match bytes.iter().position(|byte| *byte == b'\n') {
            // The rest of a line that was cut says little.
            Some(end) if self.cut && end + 1 < bytes.len() => &bytes[end + 1..],
            _ => &bytes,
        };
        let start = if self.cut { "…\n" } else { "" };
        format!("{start}{}", String::from_utf8_lossy(whole))
    }
}

/// A stream that is discarded except for its end.
#[derive(Clone, Default)]
pub struct TailOutput(Arc<Mutex<Tail>>);

impl TailOutput {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: &[u8]) {
        self.tail().write(bytes);
    }

    /// Returns the last few kilobytes that were written.
    pub fn text(&self) -> String {
        self.tail().text()
    }
}

/// A stream whose lines go to the policy's callback. An unfinished line follows when the stream is dropped.
#[derive(Clone)]
pub struct LineOutput(Arc<Mutex<Lines>>);

impl LineOutput {
    pub fn new(policy: Arc<Policy>, stream: u32) -> LineOutput {
        LineOutput(Arc::new(Mutex::new(Lines {
            policy,
            stream,
            pending: Vec::new(),
        })))
    }

    fn take(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes);
    }
}

/// Implements the guest's streams for an output that accepts all bytes at once.
macro_rules! stream {
    ($output:ident) => {
        impl IsTerminal for $output {
            fn is_terminal(&self) -> bool {
                false
            }
        }

        impl StdoutStream for $output {
            fn p2_stream(&self) -> Box<dyn OutputStream> {
                Box::new(self.clone())
            }

            fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
                Box::new(self.clone())
            }
        }

        impl OutputStream for $output {
            fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
                self.take(&bytes);
                Ok(())
            }

            fn flush(&mut self) -> StreamResult<()> {
                Ok(())
            }

            fn check_write(&mut self) -> StreamResult<usize> {
                Ok(WRITE_CHUNK)
            }
        }

        #[async_trait::async_trait]
        impl Pollable for $output {
            async fn ready(&mut self) {}
        }

        impl AsyncWrite for $output {
            fn poll_write(
                self: Pin<&mut Self>,
                _context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.take(bytes);
                Poll::Ready(Ok(bytes.len()))
            }

            fn poll_flush(
                self: Pin<&mut Self>,
                _context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                _context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    };
}

stream!(LineOutput);
stream!(TailOutput);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_of_an_output_from_the_beginning_of_a_line() {
        let output = TailOutput::default();
        output.take(b"short");
        assert_eq!(output.text(), "short");
        for number in 0..10_000 {
            output.take(format!("line {number}\n").as_bytes());
        }
        let text = output.text();
        assert!(text.len() <= MAX_TAIL + "…\n".len(), "{}", text.len());
        assert!(text.starts_with("…\nline 9"), "{text}");
        assert!(text.ends_with("line 9999\n"));
        output.take(&[b'x'; 3 * MAX_TAIL]);
        assert_eq!(output.text(), format!("…\n{}", "x".repeat(MAX_TAIL)));
    }
}
