//! The C functions that read and free an error.

use crate::error::Error;
use crate::ffi::{Bytes, free};

/// Returns the code, a value of `tairitsu::ErrorCode`.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_code(error: *const Error) -> u8 {
    // SAFETY: the caller's promise.
    unsafe { (*error).code() as u8 }
}

/// Returns the message, outermost context first. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_message(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).message().as_bytes() })
}

/// Returns the Wasm backtrace, in which the frames of language runtimes are only counted. Empty if no guest code
/// was running. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_backtrace(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).backtrace().short.as_bytes() })
}

/// Returns the Wasm backtrace with all frames. Valid until the error is freed.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_full_backtrace(error: *const Error) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { (*error).backtrace().full.as_bytes() })
}

/// Returns the status that the guest exited with.
///
/// # Safety
/// `error` is a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_exit_status(error: *const Error) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { (*error).exit_status() }
}

/// # Safety
/// `error` is null or a live error, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_error_free(error: *mut Error) {
    // SAFETY: the caller's promise.
    unsafe { free(error) }
}
