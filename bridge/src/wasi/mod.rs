//! WASI by a policy that denies by default: what a guest may see of its host is what
//! [`WasiPolicy`] names.

mod descriptor_output;
pub mod descriptors;
mod folders;
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

pub use linkers::{Linkers, component_linker, is_async, own_name};
pub use policy::{Policy, WasiCallbacks, WasiPolicy};
pub use state::{Grant, WasiState};
