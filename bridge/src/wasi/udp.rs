//! UDP sockets that know how they were bound. Wasmtime asks the policy about addresses alone; so each socket is made by
//! a context of its own, whose check remembers what was asked for this socket before.

use super::policy::Policy;
use super::rules::UdpSocket;
use super::state::check_address;
use crate::store::Data;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::LinkerInstance;
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiView, p2, p3};

const CREATE: &str = "create-udp-socket";

fn context(policy: &Arc<Policy>) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder.allow_udp(true);
    let socket = Arc::new(UdpSocket::default());
    let policy = policy.clone();
    builder.socket_addr_check(move |address, usage| {
        let (policy, socket) = (policy.clone(), socket.clone());
        Box::pin(async move { check_address(&policy, &socket, address, usage).await })
    });
    builder.build()
}

/// Makes a socket with `$create`, a method of the trait of WASI's own bindings, in the store's table.
macro_rules! made {
    ($data:ident, $view:ident, $create:expr) => {{
        $data.reserve_socket()?;
        let mut own = match $data.wasi_shared_policy() {
            Some(policy) => context(policy),
            None => WasiCtxBuilder::new().build(),
        };
        let mut $view = WasiSocketsCtxView {
            ctx: own.sockets(),
            table: $data.ctx().table,
        };
        match $create {
            Ok(socket) => Ok((Ok(socket),)),
            Err(error) => Ok((Err(error.downcast()?),)),
        }
    }};
}

/// Of `wasi:sockets/udp-create-socket` 0.2.
pub fn define(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sync::sockets::network::IpAddressFamily;
    use p2::bindings::sync::sockets::udp_create_socket::Host;
    interface.func_wrap(
        CREATE,
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            let data = store.data_mut();
            made!(data, view, Host::create_udp_socket(&mut view, family))
        },
    )
}

/// The same where functions wait on a fiber.
pub fn define_interruptible(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sockets::network::IpAddressFamily;
    use p2::bindings::sockets::udp_create_socket::Host;
    interface.func_wrap_async(
        CREATE,
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let data = store.data_mut();
                made!(data, view, Host::create_udp_socket(&mut view, family).await)
            })
        },
    )
}

/// Of `wasi:sockets/types` 0.3.
pub fn define_async(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::sockets::types::{HostUdpSocket, IpAddressFamily};
    interface.func_wrap_async(
        "[static]udp-socket.create",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let data = store.data_mut();
                made!(data, view, HostUdpSocket::create(&mut view, family).await)
            })
        },
    )
}
