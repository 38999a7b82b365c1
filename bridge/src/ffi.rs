//! What every entry point of the C ABI uses: borrowed bytes, owned bytes, and the guard against panics.

use crate::account::Scope;
use crate::error::{Code, Error};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Borrowed bytes or UTF-8 text. Valid as long as the memory that it points into.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub size: usize,
}

impl Bytes {
    pub fn new(bytes: &[u8]) -> Bytes {
        Bytes {
            data: bytes.as_ptr(),
            size: bytes.len(),
        }
    }

    /// # Safety
    /// `data` points at `size` readable bytes that outlive `'a`, or `size` is 0.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }

    /// # Safety
    /// As for [`Bytes::as_slice`].
    pub unsafe fn as_str<'a>(self) -> Result<&'a str, Error> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.as_slice() };
        std::str::from_utf8(bytes)
            .map_err(|_| Error::new(Code::InvalidArgument, "invalid name or path: not UTF-8"))
    }
}

/// Bytes that the bridge owns; `tairitsu_bridge_buffer_free` frees them.
pub struct Buffer(pub Vec<u8>);

/// Returns the buffer's bytes, valid until it is freed.
///
/// # Safety
/// `buffer` is a live buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_buffer_bytes(buffer: *const Buffer) -> Bytes {
    // SAFETY: the caller's promise.
    Bytes::new(unsafe { &(*buffer).0 })
}

/// # Safety
/// `buffer` is null or a live buffer, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_buffer_free(buffer: *mut Buffer) {
    // SAFETY: the caller's promise.
    unsafe { free(buffer) }
}

/// Runs the body of an entry point. A panic becomes an error with [`Code::Internal`].
pub fn guard(body: impl FnOnce() -> Result<(), Error>) -> *mut Error {
    // AssertUnwindSafe: after a panic C++ puts the container into its failed state, so nothing uses
    // what the panic left half done.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(error)) => error.into_raw(),
        Err(payload) => Error::new(Code::Internal, panic_message(&*payload)).into_raw(),
    }
}

/// Like [`guard`], for a body whose allocations outlive the guest that may be running on this thread,
/// and are not charged to it.
pub fn guard_shared(body: impl FnOnce() -> Result<(), Error>) -> *mut Error {
    let _scope = Scope::enter(None);
    guard(body)
}

/// Like [`guard`], for an entry point that returns no error: a panic makes it return `otherwise`.
pub fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    format!("the engine panicked: {text}")
}

/// Moves an object to the heap and writes its address through an out pointer of C++.
///
/// # Safety
/// `out` is valid for a write.
pub unsafe fn give<T>(out: *mut *mut T, value: T) {
    // SAFETY: the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(value))) }
}

/// Frees an object from [`give`]. Catches a panic of a destructor, which leaks part of the object.
///
/// # Safety
/// `object` is null or comes from [`give`], and is not used afterwards.
pub unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: the caller's promise: this is the box that `give` created.
        let object = unsafe { Box::from_raw(object) };
        guard_or((), || drop(object));
    }
}
