//! Outgoing requests in cases that Wasmtime's functions do not handle: paths without a leading slash, requests without
//! a path, and requests that are never sent. These functions wrap Wasmtime's.

use super::data::Data;
use http::uri::PathAndQuery;
use std::collections::HashMap;
use std::pin::Pin;
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, LinkerInstance, Resource, ResourceType};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{self, RequestOptions};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::http::client::HostWithStore as _;
use wasmtime_wasi_http::p3::bindings::http::types::{ErrorCode, HostRequest};
use wasmtime_wasi_http::{Error, FieldMap, WasiHttp, WasiHttpView};

const SET_PATH: &str = "set-path-with-query";

/// Whether this is a path without a leading slash, and cannot be parsed as a URL with a scheme.
fn is_relative_path(path: &str) -> bool {
    let first = path.split(['/', '?']).next().unwrap_or_default();
    let relative = !first.is_empty() && first != "*" && !first.contains([':', '#']);
    relative && format!("/{path}").parse::<PathAndQuery>().is_ok()
}

/// The relative paths of the store's 0.3 requests, by handle: [`PathAndQuery`] cannot represent them.
#[derive(Default)]
pub struct RelativePaths(HashMap<u32, String>);

impl RelativePaths {
    fn take(&mut self, request: &Resource<p3::Request>) -> Option<String> {
        self.0.remove(&request.rep())
    }
}

/// Returns the path to send, which begins with a slash.
fn sent_path(path: Option<&str>) -> String {
    match path.unwrap_or_default() {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    }
}

/// Defines functions of `wasi:http/types` 0.2.
pub fn define_types(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        &format!("[method]outgoing-request.{SET_PATH}"),
        |mut store: StoreContextMut<'_, Data>,
         (request, path): (Resource<HostOutgoingRequest>, Option<String>)| {
            let mut http = store.data_mut().http();
            if path.as_deref().is_some_and(is_relative_path) {
                http.table.get_mut(&request)?.path_with_query = path;
                return Ok((Ok(()),));
            }
            let set = types::HostOutgoingRequest::set_path_with_query(&mut http, request, path)?;
            Ok((set,))
        },
    )
}

/// Defines functions of `wasi:http/outgoing-handler` 0.2.
pub fn define_handler(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    type Parameters = (
        Resource<HostOutgoingRequest>,
        Option<Resource<RequestOptions>>,
    );
    interface.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, Data>, (request, options): Parameters| {
            let mut http = store.data_mut().http();
            let path = &mut http.table.get_mut(&request)?.path_with_query;
            *path = Some(sent_path(path.as_deref()));
            match http.handle(request, options) {
                Ok(response) => Ok((Ok(response),)),
                Err(error) => Ok((Err(error.downcast()?),)),
            }
        },
    )
}

/// Returns the error that the guest gets if a request was not sent.
fn not_sent() -> Error {
    Error::InternalError(Some("the request was not sent".to_owned()))
}

/// Defines functions of `wasi:http/types` 0.3.
pub fn define_async_types(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap(
        &format!("[method]request.{SET_PATH}"),
        |mut store: StoreContextMut<'_, Data>,
         (request, path): (Resource<p3::Request>, Option<String>)| {
            let data = store.data_mut();
            let rep = request.rep();
            let (relative, path) = match path {
                Some(path) if is_relative_path(&path) => (Some(path), None),
                path => (None, path),
            };
            let set = HostRequest::set_path_with_query(&mut data.http(), request, path)?;
            if set.is_ok() {
                let paths = &mut data.relative_paths_mut().0;
                match relative {
                    Some(path) => paths.insert(rep, path),
                    None => paths.remove(&rep),
                };
            }
            Ok((set,))
        },
    )?;
    interface.func_wrap(
        "[method]request.get-path-with-query",
        |mut store: StoreContextMut<'_, Data>, (request,): (Resource<p3::Request>,)| {
            let data = store.data_mut();
            let relative = data.relative_paths_mut().0.get(&request.rep()).cloned();
            let path = HostRequest::get_path_with_query(&mut data.http(), request)?;
            Ok((relative.or(path),))
        },
    )?;
    // Dropping a request tells its creator that it was not sent.
    interface.resource(
        "request",
        ResourceType::host::<p3::Request>(),
        |mut store, number| {
            let request = Resource::<p3::Request>::new_own(number);
            store.data_mut().relative_paths_mut().take(&request);
            let request = store.data_mut().http().table.delete(request)?;
            // An error only means that it could not have been sent.
            let _ = request.into_http(&mut store, async { Err(not_sent()) });
            Ok(())
        },
    )
}

type Transmission = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Replaces a request that is about to be sent, because Wasmtime's `send` reports a request that it could not send as
/// sent. Returns the new request and its transmission's future.
fn prepare(
    mut store: impl AsContextMut<Data = Data>,
    request: Resource<p3::Request>,
    sent: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> wasmtime::Result<Result<(Resource<p3::Request>, Transmission), ErrorCode>> {
    let mut store = store.as_context_mut();
    let relative = store.data_mut().relative_paths_mut().take(&request);
    let mut request = store.data_mut().http().table.delete(request)?;
    let absolute = request.path_with_query.as_ref().map(PathAndQuery::as_str);
    request.path_with_query = sent_path(relative.as_deref().or(absolute)).parse().ok();
    let (request, options) = match request.into_http(&mut store, sent) {
        Ok(request) => request,
        Err(error) => return Ok(Err(error.downcast()?)),
    };
    let (parts, body) = request.into_parts();
    let uri = parts.uri.into_parts();
    let http = store.data_mut().http();
    let (request, transmission) = p3::Request::new(
        parts.method,
        uri.scheme,
        uri.authority,
        uri.path_and_query,
        FieldMap::new_immutable(http.hooks, parts.headers),
        options,
        body,
    );
    Ok(Ok((http.table.push(request)?, Box::pin(transmission))))
}

/// Defines functions of `wasi:http/client` 0.3.
pub fn define_client(interface: &mut LinkerInstance<Data>) -> wasmtime::Result<()> {
    interface.func_wrap_concurrent(
        "send",
        |store: &Accessor<Data>, (request,): (Resource<p3::Request>,)| {
            Box::pin(async move {
                let (ended, end) = oneshot::channel::<Result<Transmission, Error>>();
                // The result that the guest gets for its request.
                let sent = async move {
                    match end.await {
                        Ok(Ok(transmission)) => transmission.await,
                        Ok(Err(error)) => Err(error),
                        Err(_) => Err(not_sent()),
                    }
                };
                let prepared = store.with(|access| prepare(access, request, sent))?;
                let (request, transmission) = match prepared {
                    Ok(prepared) => prepared,
                    Err(error) => return Ok((Err(error),)),
                };
                let http = store.with_getter::<WasiHttp>(Data::http);
                match WasiHttp::send(&http, request).await {
                    Ok(response) => {
                        let _ = ended.send(Ok(transmission));
                        Ok((Ok(response),))
                    }
                    Err(error) => {
                        let error: ErrorCode = error.downcast()?;
                        let _ = ended.send(Err(error.clone().into()));
                        Ok((Err(error),))
                    }
                }
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_relative_paths_but_not_urls() {
        for path in ["a", "a/b/c", "a?b", "a/b:c"] {
            assert!(is_relative_path(path), "{path}");
        }
        for path in ["", "/a", "?a", "*", "http://a/b", "a:b", "#a", "a b"] {
            assert!(!is_relative_path(path), "{path}");
        }
    }

    #[test]
    fn sends_paths_with_a_leading_slash() {
        for (path, sent) in [
            (None, "/"),
            (Some(""), "/"),
            (Some("/a?b"), "/a?b"),
            (Some("?b"), "/?b"),
            (Some("a/b"), "/a/b"),
        ] {
            assert_eq!(sent_path(path), sent);
        }
    }
}
