//! UDP sockets that know how they were bound. Wasmtime passes the policy only an address, so each socket is created by
//! a separate context, whose check remembers the earlier operations of this socket.

use super::data::Data;
use super::policy::Policy;
use super::rules::UdpSocket;
use super::state::check_address;
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

/// Creates a socket in the store's table with `$create`, a method of Wasmtime's bindings.
macro_rules! create_socket {
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

/// Defines functions of `wasi:sockets/udp-create-socket` 0.2.
pub fn define(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sync::sockets::network::IpAddressFamily;
    use p2::bindings::sync::sockets::udp_create_socket::Host;
    interface.func_wrap(
        CREATE,
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            let data = store.data_mut();
            create_socket!(data, view, Host::create_udp_socket(&mut view, family))
        },
    )
}

/// Like `define`, for linkers whose functions wait on a fiber.
pub fn define_interruptible(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p2::bindings::sockets::network::IpAddressFamily;
    use p2::bindings::sockets::udp_create_socket::Host;
    interface.func_wrap_async(
        CREATE,
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let data = store.data_mut();
                create_socket!(data, view, Host::create_udp_socket(&mut view, family).await)
            })
        },
    )
}

/// Defines functions of `wasi:sockets/types` 0.3.
pub fn define_async(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    use p3::bindings::sockets::types::{HostUdpSocket, IpAddressFamily};
    interface.func_wrap_async(
        "[static]udp-socket.create",
        |mut store: StoreContextMut<'_, Data>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let data = store.data_mut();
                create_socket!(data, view, HostUdpSocket::create(&mut view, family).await)
            })
        },
    )
}
