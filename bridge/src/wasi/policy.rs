//! The policy: what a guest may access.

use super::outgoing::TlsRoots;
use super::rules::{HttpRule, SocketRules};
use crate::error::{Code, Error};
use crate::ffi::{Bytes, free, give, guard_shared};
use serde::Deserialize;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

/// Where a guest's output stream goes.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    #[default]
    Discard,
    Inherit,
    Capture,
    /// Passed to the callback line by line.
    Lines,
    /// Appended to a file, which is created if missing.
    File(String),
}

/// Where a guest's standard input comes from.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    #[default]
    Empty,
    Inherit,
    Text(String),
    File(String),
}

/// A host directory that is mounted into the guest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    pub host: String,
    pub guest: String,
    pub read_only: bool,
}

/// The guest's clocks. Times are in nanoseconds.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    #[default]
    Real,
    /// Both clocks are frozen, the wall clock at this time since 1970.
    Frozen(u64),
    /// The wall clock is shifted by this.
    Offset(i64),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub allow: Vec<String>,
    /// A file of PEM certificates, trusted in addition to the machine's.
    pub ca_file: Option<String>,
    pub connect_nanoseconds: u64,
    /// 0 means no limit.
    pub total_nanoseconds: u64,
    #[serde(skip)]
    pub rules: Vec<HttpRule>,
}

impl Http {
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_nanos(self.connect_nanoseconds)
    }

    pub fn total_timeout(&self) -> Option<Duration> {
        (self.total_nanoseconds != 0).then(|| Duration::from_nanos(self.total_nanoseconds))
    }
}

/// A policy, which C++ passes as JSON and creates from `tairitsu::WasiOptions`. Everything not named is denied.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub working_directory: Option<String>,
    pub directories: Vec<Directory>,
    pub standard_input: Input,
    pub standard_output: Output,
    pub standard_error: Output,
    /// The limit of each captured stream, in bytes. Beyond it the guest finds the stream closed.
    pub capture_capacity: usize,
    connect: Vec<String>,
    bind: Vec<String>,
    pub name_lookup: bool,
    pub http: Http,
    pub clock: Clock,
    pub random_seed: Option<u64>,
    #[serde(skip)]
    pub sockets: SocketRules,
    #[serde(skip)]
    pub callbacks: Option<Callbacks>,
    #[serde(skip)]
    pub tls: TlsRoots,
}

/// A policy. Stores that use it share ownership of it.
pub struct WasiPolicy(pub Arc<Policy>);

/// The host's callbacks. Any thread may call them until `release` is called.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WasiCallbacks {
    pub data: *mut c_void,
    /// Called with a line, without its end, of stream 0 (standard output) or 1 (standard error).
    pub line: extern "C" fn(data: *mut c_void, stream: u32, text: Bytes),
    /// Called when something was denied: its kind (a value of [`Denial`]), and the rule that would allow it, the
    /// name or the path. May be null.
    pub denied: Option<extern "C" fn(data: *mut c_void, kind: u8, rule: Bytes)>,
    /// Called once, after the last call of the others.
    pub release: extern "C" fn(data: *mut c_void),
}

/// Mirrors `tairitsu::WasiDenial::Kind`.
#[derive(Clone, Copy)]
pub enum Denial {
    Connect = 0,
    Bind = 1,
    Request = 2,
    Lookup = 3,
    Path = 4,
}

pub struct Callbacks(WasiCallbacks);

// SAFETY: C++ promises that the callbacks may be called from any thread.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Drop for Callbacks {
    fn drop(&mut self) {
        (self.0.release)(self.0.data);
    }
}

impl Policy {
    fn parse(json: &str, callbacks: Option<Callbacks>) -> Result<Policy, Error> {
        let mut policy: Policy = serde_json::from_str(json).map_err(|error| {
            Error::new(Code::Internal, format!("parsing the WASI options: {error}"))
        })?;
        policy.callbacks = callbacks;
        policy.sockets = SocketRules::parse(&policy.connect, &policy.bind)?;
        let rules = policy.http.allow.iter().map(|text| HttpRule::parse(text));
        policy.http.rules = rules.collect::<Result<_, _>>()?;
        Ok(policy)
    }

    pub fn line(&self, stream: u32, text: &[u8]) {
        if let Some(callbacks) = &self.callbacks {
            (callbacks.0.line)(callbacks.0.data, stream, Bytes::new(text));
        }
    }

    pub fn denied(&self, kind: Denial, rule: &str) {
        if let Some(callbacks) = &self.callbacks
            && let Some(denied) = callbacks.0.denied
        {
            denied(callbacks.0.data, kind as u8, Bytes::new(rule.as_bytes()));
        }
    }

    /// Whether the host has a callback for denials.
    pub fn reports_denials(&self) -> bool {
        let callbacks = self.callbacks.as_ref();
        callbacks.is_some_and(|callbacks| callbacks.0.denied.is_some())
    }
}

/// Creates a policy. Stores that use it share ownership, so that it may be freed before them. The callbacks'
/// `release` is also called if this fails.
///
/// # Safety
/// `json` is readable, `callbacks` null or readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_new(
    json: Bytes,
    callbacks: *const WasiCallbacks,
    out: *mut *mut WasiPolicy,
) -> *mut Error {
    // SAFETY: the caller promises that it is null or readable.
    let callbacks = unsafe { callbacks.as_ref() }.map(|callbacks| Callbacks(*callbacks));
    guard_shared(|| {
        // SAFETY: the caller's promise.
        let policy = Policy::parse(unsafe { json.as_str()? }, callbacks)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, WasiPolicy(Arc::new(policy))) };
        Ok(())
    })
}

/// # Safety
/// `policy` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_free(policy: *mut WasiPolicy) {
    // SAFETY: the caller's promise.
    unsafe { free(policy) }
}
