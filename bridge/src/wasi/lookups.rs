//! Reports name lookups that a policy denies. Wasmtime's context only refuses them, so these functions wrap
//! Wasmtime's.

use super::data::Data;
use super::policy::Denial;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, LinkerInstance, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host, Network};
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup::HostWithStore;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};

const RESOLVE: &str = "resolve-addresses";

fn report(data: &Data, name: &str) {
    if let Some(policy) = data.wasi_policy()
        && !policy.name_lookup
    {
        policy.denied(Denial::Lookup, name);
    }
}

/// Defines functions of `wasi:sockets/ip-name-lookup` 0.2.
pub fn define(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        RESOLVE,
        |mut store: StoreContextMut<'_, Data>, (network, name): (Resource<Network>, String)| {
            report(store.data(), &name);
            match store.data_mut().sockets().resolve_addresses(network, name) {
                Ok(stream) => Ok((Ok(stream),)),
                Err(error) => Ok((Err(error.downcast()?),)),
            }
        },
    )
}

/// Like `define`, for 0.3.
pub fn define_async(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap_concurrent(RESOLVE, |store: &Accessor<Data>, (name,): (String,)| {
        Box::pin(async move {
            store.with(|mut access| report(access.data_mut(), &name));
            let sockets = store.with_getter::<WasiSockets>(Data::sockets);
            Ok((WasiSockets::resolve_addresses(&sockets, name).await?,))
        })
    })
}
