//! Wasmtime behind a narrow C ABI.
//!
//! Users of Tairitsu see only C++; this crate exports the C functions that the C++ library calls.
//! It passes opaque objects, value slots and memory, and knows no user types. The rules:
//!
//! - Every `extern "C"` function goes through [`ffi::guard`], which turns a panic into an error.
//! - Every function that can fail returns `*mut Error`: null on success. It writes its result through
//!   an out pointer, only on success. The caller frees the error.
//! - The `_free` function of an object's type frees it, once. Freeing null does nothing.
//! - [`Engine`](engine::Engine), [`Component`](component::Component),
//!   [`InstancePre`](linker::InstancePre) and [`HttpClient`](http_client::HttpClient) may be used from any
//!   thread; every other object by one thread at a time.
//!
//! The C header, `include/tairitsu_bridge.h`, is generated from this source by `header_test.rs`
//! (`make bridge-header` regenerates it).

pub mod abi;
pub mod account;
pub mod archive;
mod artifact;
mod backtrace;
mod binary;
pub mod compile_limits;
pub mod component;
mod control;
pub mod engine;
pub mod error;
pub mod error_access;
pub mod ffi;
mod guest_fixes;
pub mod guest_tools;
#[cfg(test)]
mod header_test;
pub mod http_client;
pub mod inspect;
mod limits;
pub mod linker;
pub mod module;
pub mod server;
pub mod sha256;
mod shape;
mod sigpipe;
pub mod store;
mod tls;
pub mod utf8;
pub mod value_path;
pub mod wasi;
pub mod wit;
pub mod world;
