//! WASI by a policy that denies by default: what a guest may see of its host is what
//! [`WasiPolicy`] names.

mod folders;
mod linkers;
mod lookups;
mod outgoing;
mod policy;
mod rules;
mod state;
mod stdio;

pub use linkers::{Linkers, component_linker, is_async, own_name};
pub use policy::{Policy, WasiCallbacks, WasiPolicy};
pub use state::WasiState;
