//! The one error type of the bridge.

use crate::backtrace;
use crate::ffi::{Bytes, free};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Mirrors `tairitsu::ErrorCode` in `include/tairitsu/error.h`; C++ asserts that the two agree.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    Internal = 1,
    InvalidArgument,
    Io,
    NotWasm,
    InvalidComponent,
    IsCoreModule,
    IsComponent,
    ArtifactMismatch,
    ArtifactDamaged,
    MissingImport,
    TypeMismatch,
    UnsupportedType,
    NotFound,
    AmbiguousName,
    AlreadyExists,
    InUse,
    Trap,
    InvalidValue,
    HostFunction,
    FuelExhausted,
    DeadlineExceeded,
    Interrupted,
    MemoryLimit,
    TableLimit,
    InstanceLimit,
    HandleLimit,
    CopyLimit,
    PoolExhausted,
    ReentrantCall,
    ContainerStopped,
    ContainerFailed,
    GuestExited,
    AsyncAbiOff,
    UntrustedFile,
    DigestMismatch,
    InvalidManifest,
    Network,
    Unauthorized,
    RegistryRefused,
    SizeLimit,
    DescriptorLimit,
    CompileLimit,
}

/// A failure on its way to C++: a code, a message, and a Wasm backtrace where guest code ran.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    backtrace: backtrace::Text,
    /// Of a guest that exited.
    exit_status: i32,
}

/// Carries a code through Wasmtime's own error type, e.g. out of a resource limiter.
#[derive(Debug)]
pub struct Coded {
    pub code: Code,
    pub message: String,
}

impl std::fmt::Display for Coded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// An error for Wasmtime to carry that comes out of [`Error::from_wasmtime`] with this code.
pub fn coded(code: Code, message: impl Into<String>) -> wasmtime::Error {
    wasmtime::Error::from(Coded {
        code,
        message: message.into(),
    })
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            backtrace: backtrace::Text::default(),
            exit_status: 0,
        }
    }

    /// The same with a message that says more.
    pub fn explained(mut self, message: String) -> Error {
        self.message = message;
        self
    }

    pub fn into_raw(self) -> *mut Error {
        Box::into_raw(Box::new(self))
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn backtrace(&self) -> &backtrace::Text {
        &self.backtrace
    }

    /// The same of a guest that trapped, with the end of what it wrote to standard error.
    pub fn with_output(mut self, output: &str) -> Error {
        let output = output.trim_end();
        if self.code == Code::Trap && !output.is_empty() {
            self.message
                .push_str("\nthe guest's standard error ends with:");
            for line in output.lines() {
                self.message.push_str("\n  ");
                self.message.push_str(line);
            }
        }
        self
    }

    /// Finds the code in the chain of `error`; `otherwise` if nothing in it has one.
    pub fn from_wasmtime(error: &wasmtime::Error, otherwise: Code) -> Error {
        let backtrace = error
            .downcast_ref::<WasmBacktrace>()
            .map(backtrace::text)
            .unwrap_or_default();
        // The backtrace is a context of its own in the chain: it is reported apart.
        let shown = error
            .downcast_ref::<WasmBacktrace>()
            .map(ToString::to_string);
        let message = error
            .chain()
            .map(|cause| cause.to_string())
            .filter(|text| Some(text) != shown.as_ref())
            .collect::<Vec<_>>()
            .join(": ");
        Error {
            code: Error::find_code(error).unwrap_or(otherwise),
            message,
            backtrace,
            exit_status: error.downcast_ref::<I32Exit>().map_or(0, |exit| exit.0),
        }
    }

    /// The code that the types in the chain of `error` stand for. None if Wasmtime has only words for it.
    pub fn find_code(error: &wasmtime::Error) -> Option<Code> {
        if let Some(coded) = error.downcast_ref::<Coded>() {
            return Some(coded.code);
        }
        if error.is::<I32Exit>() {
            return Some(Code::GuestExited);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Some(match trap {
                Trap::OutOfFuel => Code::FuelExhausted,
                Trap::Interrupt => Code::Interrupted,
                _ => Code::Trap,
            });
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Some(Code::PoolExhausted);
        }
        // The host's table of the guest's resources is full.
        if matches!(
            error.downcast_ref::<ResourceTableError>(),
            Some(ResourceTableError::Full)
        ) {
            return Some(Code::HandleLimit);
        }
        is_copy_limit(error).then_some(Code::CopyLimit)
    }
}

/// Whether Wasmtime refused to copy what a guest passes to WASI. It does not export this error's type, which has
/// no fields: what its derived `Debug` prints is the type's name.
fn is_copy_limit(error: &wasmtime::Error) -> bool {
    format!("{:?}", error.root_cause()) == "HostcallFuelExhausted"
}

/// The code, a value of `tairitsu::ErrorCode`.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_code(error: *const Error) -> u8 {
    // SAFETY: the caller's promise.
    unsafe { (*error).code as u8 }
}

/// The message, outermost context first. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_message(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).message.as_bytes() })
}

/// The Wasm backtrace, empty where no guest code was running. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_backtrace(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).backtrace.short.as_bytes() })
}

/// The same with all of its frames: the other counts those of a language's runtime. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_full_backtrace(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).backtrace.full.as_bytes() })
}

/// The status that a guest exited with.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_exit_status(error: *const Error) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { (*error).exit_status }
}

/// # Safety
/// `error` is null or a live error, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_free(error: *mut Error) {
    // SAFETY: the caller's promise.
    unsafe { free(error) }
}
