//! The data of a store, which every function that is linked into a guest works on.

use super::state::WasiState;
use crate::account::Account;
use crate::control::Control;
use crate::limits::Limits;
use std::ffi::c_void;
use std::sync::Arc;

/// A store's data.
pub struct Data {
    /// Passed to host functions of C++.
    pub context: *mut c_void,
    pub wasi: Option<Box<WasiState>>,
    pub limits: Limits,
    pub control: Arc<Control>,
}

// SAFETY: C++ promises that a container's core may be used from whatever thread runs the container.
unsafe impl Send for Data {}

impl Data {
    /// The account that host allocations for the guest are charged to; `None` if they are not limited.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.limits.account()
    }

    /// Fails with `MemoryLimit` if `more` bytes would exceed the guest's memory limit.
    pub fn check_memory(&mut self, more: u64) -> wasmtime::Result<()> {
        self.limits.check_with(more)
    }
}
