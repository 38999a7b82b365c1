//! Instances of the guest, and how they handle requests.

use super::admission::Admission;
use super::callbacks::HostContext;
use super::request_body::RequestBody;
use super::turns::{InTurns, Slice};
use super::{GuestResponse, Shared};
use crate::account::Charged;
use crate::error::{Code, Error, coded};
use crate::store::failed;
use crate::wasi::{Data, WasiState};
use http::Request;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;
use wasmtime::UpdateDeadline;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};
use wasmtime_wasi_http::{WasiHttpView, p2, p3};

pub(super) enum Pre {
    Sync(p2::bindings::ProxyPre<Data>),
    Async(p3::bindings::ServicePre<Data>),
}

enum Proxy {
    Sync(p2::bindings::Proxy),
    Async(p3::bindings::Service),
}

/// An instance of the guest. The store is dropped before the context that it points to.
pub(super) struct Instance {
    store: wasmtime::Store<Data>,
    proxy: Option<Proxy>,
    served: u32,
    slice: Arc<Slice>,
    context: HostContext,
}

impl Shared {
    fn instance(self: &Arc<Self>) -> Result<Instance, Error> {
        if self.options.requests_per_instance > 1 {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            if let Some(mut instance) = idle {
                if self.engine.fuel {
                    let set = instance.store.set_fuel(self.config.fuel());
                    set.map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
                }
                return Ok(instance);
            }
        }
        self.counters.instances.fetch_add(1, Relaxed);
        let context = HostContext::new(self.clone())?;
        let grant = self.config.grant(&self.engine);
        let wasi = WasiState::for_component(&self.policy, &grant)?;
        let mut store = self
            .config
            .make(&self.engine, context.context, &grant, Some(wasi))?;
        let slice = Arc::new(Slice::default());
        if self.engine.epochs {
            let slice = slice.clone();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| {
                Ok(match slice.is_used_up() {
                    true => UpdateDeadline::Yield(1),
                    false => UpdateDeadline::Continue(1),
                })
            });
        }
        Ok(Instance {
            store,
            proxy: None,
            served: 0,
            slice,
            context,
        })
    }

    /// Handles one request in one instance, until the guest is done with it.
    pub(super) async fn run(
        self: Arc<Self>,
        request: Request<RequestBody>,
        sender: oneshot::Sender<GuestResponse>,
        admission: Admission,
    ) -> Result<(), Error> {
        let mut instance = self.instance()?;
        let slice = instance.slice.clone();
        let account = instance.store.data().account().cloned();
        let work = Charged::new(account, async {
            if instance.proxy.is_none() {
                instance.store.data().admit(&self.shape)?;
                instance.proxy = Some(match &self.pre {
                    Pre::Sync(pre) => {
                        Proxy::Sync(pre.instantiate_async(&mut instance.store).await?)
                    }
                    Pre::Async(pre) => {
                        Proxy::Async(pre.instantiate_async(&mut instance.store).await?)
                    }
                });
            }
            match &instance.proxy {
                Some(Proxy::Sync(proxy)) => {
                    handle_sync(&mut instance.store, proxy, request, sender).await
                }
                Some(Proxy::Async(service)) => {
                    handle_async(&mut instance.store, service, request, sender).await
                }
                None => Ok(()),
            }
        });
        let work = InTurns::new(work, self.turns.clone(), slice);
        let ended = match self.config.deadline() {
            None => work.await,
            Some(deadline) => match tokio::time::timeout(deadline, work).await {
                Ok(ended) => ended,
                Err(_) => {
                    let message = "the request exceeded the server's deadline";
                    Err(coded(Code::DeadlineExceeded, message))
                }
            },
        };
        ended.map_err(|error| {
            let error = failed(&mut instance.store, &error);
            instance.context.explain(error)
        })?;
        instance.served += 1;
        let finished = finished_bodies(&mut instance.store);
        if finished
            && instance.served < self.options.requests_per_instance
            && !*self.draining.borrow()
        {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(instance);
        }
        drop(admission);
        Ok(())
    }
}

/// Aborts bodies that the guest left unfinished, which would otherwise look complete. Returns whether there were
/// none.
fn finished_bodies(store: &mut wasmtime::Store<Data>) -> bool {
    let mut finished = true;
    for entry in store.data_mut().http().table.iter_mut() {
        if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
            let (empty, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
            std::mem::replace(body, empty).abort();
            finished = false;
        }
    }
    finished
}

/// Calls `wasi:http/incoming-handler` 0.2.
async fn handle_sync(
    store: &mut wasmtime::Store<Data>,
    proxy: &p2::bindings::Proxy,
    request: Request<RequestBody>,
    sender: oneshot::Sender<GuestResponse>,
) -> wasmtime::Result<()> {
    let scheme = p2::bindings::http::types::Scheme::Http;
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(scheme, request)?;
    let out = store
        .data_mut()
        .http()
        .new_response_outparam_from_callback(move |response| {
            // The receiver may be gone.
            let _ = sender.send(match response {
                Ok(response) => Ok((response, None)),
                Err(code) => Err(format!("{code:?}")),
            });
        })?;
    let handler = proxy.wasi_http_incoming_handler();
    handler.call_handle(store, request, out).await
}

/// Calls `wasi:http/handler` 0.3.
async fn handle_async(
    store: &mut wasmtime::Store<Data>,
    service: &p3::bindings::Service,
    request: Request<RequestBody>,
    sender: oneshot::Sender<GuestResponse>,
) -> wasmtime::Result<()> {
    let (request, sent) = p3::Request::from_http(store.data_mut().http().hooks, request);
    store
        .run_concurrent(async |accessor| {
            let response = match service.handle(accessor, request).await? {
                Ok(response) => response,
                Err(code) => {
                    let _ = sender.send(Err(format!("{code:?}")));
                    return Ok(());
                }
            };
            let response = accessor.with(|mut store| response.into_http(&mut store, sent))?;
            let (ended, end) = oneshot::channel();
            if sender.send(Ok((response, Some(ended)))).is_ok() {
                // The guest writes the body while this waits.
                let _ = end.await;
            }
            Ok(())
        })
        .await?
}
