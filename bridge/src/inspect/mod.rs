//! Inspects a WebAssembly file without compiling it: its WIT, its parts, its imports and exports.
//!
//! The bytes are untrusted. Everything that can grow faster than their number is bounded, and input that
//! the WIT decoder cannot handle is refused before it is decoded.

mod information;
mod outline;
mod packages;
mod parts;
mod source;
#[cfg(test)]
mod tests;
mod wit_text;

use crate::binary::to_binary;
use crate::compile_limits::CompileLimits;
use crate::error::{Code, Error};
use crate::ffi::{Buffer, Bytes, give, guard};
use crate::wit;
use information::information;
use wit_text::{print, quietly, wit_of};

pub use wit_text::check_carried_worlds;

/// Writes the WIT of a component, of a core module that carries its world, or of a WIT package encoded
/// as WebAssembly into a new buffer. Other packages are nested after the main one.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect_wit(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let text = wit_of(unsafe { bytes.as_slice() })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(text.into_bytes())) };
        Ok(())
    })
}

/// Converts WebAssembly text to a binary, in a new buffer. A binary is copied unchanged.
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_to_binary(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let binary = to_binary(unsafe { bytes.as_slice() })?.into_owned();
        CompileLimits::default().check(&binary)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(binary)) };
        Ok(())
    })
}

/// Like `tairitsu_bridge_inspect_wit`, for a `.wit` file or a directory, see [`wit::load`].
///
/// # Safety
/// `path` and `features` are readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect_wit_source(
    path: Bytes,
    features: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (path, features) = unsafe { (path.as_str()?, features.as_str()?) };
        let (resolve, package) = wit::load(path, features)?;
        let text = quietly(|| print(&resolve, package))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(text.into_bytes())) };
        Ok(())
    })
}

/// Describes a component, a core module, an encoded WIT package or a precompiled artifact. The buffer holds a
/// JSON object, see [`Information`].
///
/// # Safety
/// `bytes` is readable during the call; `out` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_inspect(
    bytes: Bytes,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let information = information(unsafe { bytes.as_slice() })?;
        let json = serde_json::to_vec(&information)
            .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(json)) };
        Ok(())
    })
}
