//! SHA-256 of a stream, for content that is addressed by its digest.

use crate::ffi::{Bytes, free, guard_or};
use sha2::{Digest, Sha256};

/// An incremental SHA-256 hash. One thread at a time.
pub struct Sha256Stream(Sha256);

/// Creates a stream, which `tairitsu_bridge_sha256_free` frees. Returns null only if memory is exhausted.
#[unsafe(no_mangle)]
pub extern "C" fn tairitsu_bridge_sha256_new() -> *mut Sha256Stream {
    guard_or(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(Sha256Stream(Sha256::new())))
    })
}

/// # Safety
/// `stream` is a live stream, and `bytes` are readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_sha256_update(stream: *mut Sha256Stream, bytes: Bytes) {
    // SAFETY: the caller's promise.
    let (stream, bytes) = unsafe { (&mut *stream, bytes.as_slice()) };
    stream.0.update(bytes);
}

/// Writes the 32 bytes of the hash to `to` and resets the stream.
///
/// # Safety
/// `stream` is a live stream, and `to` points at 32 writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_sha256_finish(stream: *mut Sha256Stream, to: *mut u8) {
    // SAFETY: the caller's promise.
    let stream = unsafe { &mut *stream };
    let hash = stream.0.finalize_reset();
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(hash.as_ptr(), to, hash.len()) };
}

/// # Safety
/// `stream` is null or a live stream, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_sha256_free(stream: *mut Sha256Stream) {
    // SAFETY: the caller's promise.
    unsafe { free(stream) }
}
