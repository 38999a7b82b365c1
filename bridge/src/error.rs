//! The error type of the bridge.

use crate::backtrace;
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Mirrors `tairitsu::ErrorCode` in `include/tairitsu/error.h`; C++ asserts that the two match.
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

/// An error for C++: a code, a message, and a Wasm backtrace if guest code was running.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    backtrace: backtrace::Text,
    /// The status if the guest exited, otherwise 0.
    exit_status: i32,
}

/// Carries a code through Wasmtime's error type, for example out of a resource limiter.
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

/// Returns a Wasmtime error that [`Error::from_wasmtime`] converts to an error with this code.
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

    /// Replaces the message.
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

    pub fn exit_status(&self) -> i32 {
        self.exit_status
    }

    /// Appends the end of the guest's standard error to the message, if the guest trapped.
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

    /// Converts a Wasmtime error. The code is that of [`Error::find_code`], else `otherwise`.
    pub fn from_wasmtime(error: &wasmtime::Error, otherwise: Code) -> Error {
        let backtrace = error
            .downcast_ref::<WasmBacktrace>()
            .map(backtrace::text)
            .unwrap_or_default();
        // The backtrace is a link of the chain. It is reported separately, so the message leaves it out.
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

    /// Returns the code for the types in the chain of `error`; `None` if they do not determine one.
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
        // The host's table of guest resources is full.
        if matches!(
            error.downcast_ref::<ResourceTableError>(),
            Some(ResourceTableError::Full)
        ) {
            return Some(Code::HandleLimit);
        }
        is_copy_limit(error).then_some(Code::CopyLimit)
    }
}

/// Whether Wasmtime refused to copy data that a guest passes to WASI. Wasmtime does not export the type of this
/// error. The type has no fields, so its derived `Debug` prints its name.
fn is_copy_limit(error: &wasmtime::Error) -> bool {
    format!("{:?}", error.root_cause()) == "HostcallFuelExhausted"
}
