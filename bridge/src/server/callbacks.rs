//! The C++ functions that the server calls.

use super::Shared;
use crate::error::{Code, Error};
use crate::ffi::Bytes;
use std::ffi::c_void;
use std::sync::Arc;

/// A finished request. The texts are valid during the call.
#[repr(C)]
pub struct ServedRequest {
    pub id: u64,
    pub method: Bytes,
    /// The path and query.
    pub target: Bytes,
    pub peer: Bytes,
    pub error: Bytes,
    pub backtrace: Bytes,
    pub full_backtrace: Bytes,
    pub body_bytes: u64,
    pub nanoseconds: u64,
    pub status: u16,
    /// A value of `tairitsu::ErrorCode`, if `error` is not empty.
    pub error_code: u8,
}

/// The server's callbacks. Several threads may call them concurrently, until `release` is called.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ServerCallbacks {
    pub data: *mut c_void,
    /// Called when a request is finished. May be null.
    pub served: Option<extern "C" fn(data: *mut c_void, request: *const ServedRequest)>,
    /// Creates one instance's context, which the host functions find in its store. Returns null on failure. Not
    /// set if the component imports no host functions.
    pub make_context: Option<extern "C" fn(data: *mut c_void) -> *mut c_void>,
    /// Frees a context, after its store.
    pub free_context: Option<extern "C" fn(data: *mut c_void, context: *mut c_void)>,
    /// Returns the message of the host function that failed in the context's instance, empty if none failed. Valid
    /// until the context is used again. Set if `make_context` is.
    pub explain: Option<extern "C" fn(data: *mut c_void, context: *mut c_void) -> Bytes>,
    /// Called once, after the last call of the others.
    pub release: extern "C" fn(data: *mut c_void),
}

pub(super) struct Callbacks(pub(super) ServerCallbacks);

// SAFETY: C++ promises that the callbacks may be called from any thread.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Drop for Callbacks {
    fn drop(&mut self) {
        (self.0.release)(self.0.data);
    }
}

/// One instance's context for the host functions.
pub(super) struct HostContext {
    shared: Arc<Shared>,
    pub(super) context: *mut c_void,
}

// SAFETY: C++ promises that a context may be used from any thread that runs its instance.
unsafe impl Send for HostContext {}

impl HostContext {
    pub(super) fn new(shared: Arc<Shared>) -> Result<HostContext, Error> {
        let callbacks = &shared.callbacks.0;
        let context = match callbacks.make_context {
            Some(make) => make(callbacks.data),
            None => std::ptr::null_mut(),
        };
        if context.is_null() && callbacks.make_context.is_some() {
            let message = "creating the host state of an instance failed";
            return Err(Error::new(Code::Internal, message));
        }
        Ok(HostContext { shared, context })
    }

    /// Adds the message of the host function that failed, which only C++ knows.
    pub(super) fn explain(&self, error: Error) -> Error {
        let callbacks = &self.shared.callbacks.0;
        let (Some(explain), false) = (callbacks.explain, self.context.is_null()) else {
            return error;
        };
        if !matches!(error.code(), Code::HostFunction | Code::InvalidValue) {
            return error;
        }
        let message = explain(callbacks.data, self.context);
        // SAFETY: valid until the context is used again, which this function does not do.
        match String::from_utf8_lossy(unsafe { message.as_slice() }) {
            message if message.is_empty() => error,
            message => error.explained(message.into_owned()),
        }
    }
}

impl Drop for HostContext {
    fn drop(&mut self) {
        let callbacks = &self.shared.callbacks.0;
        if let (Some(free), false) = (callbacks.free_context, self.context.is_null()) {
            free(callbacks.data, self.context);
        }
    }
}
