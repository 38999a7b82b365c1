//! An HTTP server as in the documentation of `wasmtime-wasi-http`, configured as `wasmtime serve` is by default: pooled
//! instances, a new one for each request. With reuse it corresponds to `--max-instance-reuse-count`: it uses the
//! crate's `ProxyHandler`, which needs the async ABI.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use wasmtime::component::{Component, GuestTaskId, Linker, ResourceTable};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
    StoreContextMut, bail,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl State {
    fn new() -> State {
        State {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().inherit_stdio().build(),
            http: WasiHttpCtx::new(),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: Default::default(),
        }
    }
}

/// Serves `path` on a free loopback port, whose address it prints, until the process is killed. If `reuse` is not 0,
/// each instance handles that many requests.
pub fn run(path: &Path, reuse: usize) -> Result<()> {
    let mut config = Config::new();
    config.concurrency_support(reuse > 0);
    let pool = PoolingAllocationConfig::default();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, path)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    let pre = ProxyPre::new(linker.instantiate_pre(&component)?)?;

    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        let handler = ProxyHandler::new(Handler {
            pre: pre.clone(),
            reuse,
        });
        loop {
            let (client, _) = listener.accept().await?;
            let (pre, handler) = (pre.clone(), handler.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let (pre, handler) = (pre.clone(), handler.clone());
                    async move {
                        match reuse {
                            0 => handle(pre, request).await,
                            _ => {
                                let request = request.map(|body: hyper::body::Incoming| {
                                    use http_body_util::BodyExt;
                                    body.map_err(Into::into).boxed_unsync()
                                });
                                handler.handle((), request).await
                            }
                        }
                    }
                });
                let _ = http1::Builder::new()
                    .keep_alive(true)
                    .serve_connection(TokioIo::new(client), service)
                    .await;
            });
        }
    })
}

async fn handle(
    pre: ProxyPre<State>,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<WasiBody>> {
    let mut store = Store::new(pre.engine(), State::new());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    let task = tokio::task::spawn(async move {
        let proxy = pre.instantiate_async(&mut store).await?;
        let handler = proxy.wasi_http_incoming_handler();
        handler.call_handle(store, request, out).await
    });
    match receiver.await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            task.await??;
            bail!("the guest did not send a response")
        }
    }
}

struct Handler {
    pre: ProxyPre<State>,
    reuse: usize,
}

impl HandlerState for Handler {
    type StoreData = State;
    type WorkerExpiration = Never;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<State, Never, Worker>> {
        let mut store = Store::new(self.pre.engine(), State::new());
        let proxy = Proxy::P2(self.pre.instantiate_async(&mut store).await?);
        Ok(Instance {
            store,
            proxy,
            view: State::http,
            expiration: Never,
            state: Worker { reuse: self.reuse },
        })
    }
}

/// A worker without a time limit: it ends when it is idle and may accept no more requests.
struct Never;

impl WorkerExpiration for Never {
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>, _: WorkerStatus, _: Instant) -> Poll<()> {
        Poll::Pending
    }
}

struct Worker {
    reuse: usize,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse {
            ShouldAccept::Never
        } else if concurrent > 0 {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        _: (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, _: Store<State>, _: Result<(), wasmtime::Error>) {}
}
