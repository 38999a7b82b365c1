//! Wasmtime behind a narrow C ABI.
//!
//! Everything that a user of Tairitsu sees is C++; this crate is only what the C++ library calls.
//! It passes opaque objects, value slots and memory, and knows no user type. The rules:
//!
//! - Every `extern "C"` function goes through [`ffi::guard`], which turns a panic into an error.
//! - Every function that can fail returns `*mut Error`, null for success, and writes its result
//!   through an out pointer only on success. The caller frees the error.
//! - An object is freed by the `_free` function of its type, once. Freeing null does nothing.
//! - [`Engine`](engine::Engine), [`Component`](component::Component),
//!   [`InstancePre`](linker::InstancePre) and [`HttpClient`](http_client::HttpClient) may be used from any
//!   thread; the others from one at a time.
//!
//! The C header, `include/tairitsu_bridge.h`, is generated from this source by `header_test.rs`
//! (`make bridge-header` writes it again).

pub mod abi;
pub mod account;
pub mod archive;
mod artifact;
mod backtrace;
pub mod compile_limits;
pub mod component;
pub mod engine;
pub mod error;
pub mod ffi;
mod guest_fixes;
pub mod guest_tools;
#[cfg(test)]
mod header_test;
pub mod http_client;
pub mod inspect;
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
