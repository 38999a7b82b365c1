//! WASI under a policy that denies by default: a guest can reach only what its [`WasiPolicy`] allows.

mod data;
mod descriptor_output;
pub mod descriptors;
mod directories;
mod held;
mod linkers;
mod lookups;
mod outgoing;
mod policy;
mod requests;
mod rules;
mod state;
mod stdio;
mod udp;

pub use data::Data;
pub use linkers::{Linkers, component_linker, is_async, own_name};
pub use policy::{Policy, WasiCallbacks, WasiPolicy};
pub use state::{Grant, WasiState};
