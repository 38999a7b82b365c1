//! What a guest may see of its host.

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
    /// To the callback, a line at a time.
    Lines,
    /// Appended to a file, which is made if missing.
    File(String),
}

/// Where its standard input comes from.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    #[default]
    Empty,
    Inherit,
    Text(String),
    File(String),
}

/// A folder of the host that a guest sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    pub host: String,
    pub guest: String,
    pub read_only: bool,
}

/// The clocks that a guest reads, in nanoseconds.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    #[default]
    Real,
    /// Both stand still; the wall clock at this time since 1970.
    Frozen(u64),
    /// The wall clock is ahead by this.
    Offset(i64),
}

/// Certificates that outgoing requests trust.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Roots {
    /// The machine's; those of the Mozilla programme, which are built in, where it has none.
    #[default]
    System,
    /// A file of PEM certificates alone.
    File(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub allow: Vec<String>,
    pub roots: Roots,
    pub connect_nanoseconds: u64,
    /// 0 for no limit.
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

/// What C++ writes as JSON, from `tairitsu::WasiOptions`. Everything is denied that is not named.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub working_directory: Option<String>,
    pub folders: Vec<Folder>,
    pub standard_input: Input,
    pub standard_output: Output,
    pub standard_error: Output,
    /// Bounds each captured stream, in bytes; past that the guest finds it closed.
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

/// A policy that stores share: what is shared lives as long as they do.
pub struct WasiPolicy(pub Arc<Policy>);

/// What the host wants to be told. Both may be called from any thread, until `release` is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WasiCallbacks {
    pub data: *mut c_void,
    /// A line, without its end, of stream 0 (standard output) or 1 (standard error).
    pub line: extern "C" fn(data: *mut c_void, stream: u32, text: Bytes),
    /// Something was denied, of a kind (a value of [`Denial`]) and written as the rule that allows it, as a
    /// name or as a path. Null where nobody wants to know.
    pub denied: Option<extern "C" fn(data: *mut c_void, kind: u8, rule: Bytes)>,
    /// Called once, when nothing calls the others any more.
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
        let mut policy: Policy = serde_json::from_str(json)
            .map_err(|error| Error::new(Code::Internal, format!("WASI options: {error}")))?;
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

    /// Whether anybody wants to know what is denied.
    pub fn tells_denials(&self) -> bool {
        let callbacks = self.callbacks.as_ref();
        callbacks.is_some_and(|callbacks| callbacks.0.denied.is_some())
    }
}

/// Reads a policy. Stores can share it; it outlives their making, not them. The callbacks' `release` is
/// called where this fails, too.
///
/// # Safety
/// `json` is readable, `callbacks` null or readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_new(
    json: Bytes,
    callbacks: *const WasiCallbacks,
    out: *mut *mut WasiPolicy,
) -> *mut Error {
    // SAFETY: null or readable, the caller's promise.
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
/// `policy` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_free(policy: *mut WasiPolicy) {
    // SAFETY: the caller's promise.
    unsafe { free(policy) }
}
