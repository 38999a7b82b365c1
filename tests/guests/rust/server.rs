//! A WASI 0.3 service.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "server",
        generate_all,
    });
    use super::Service;
    export!(Service);
}

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};

struct Service;

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if path == "/raise" {
            panic!("as asked");
        }
        let (_, consumed) = wit_future::new(|| Ok(()));
        let (mut body, _trailers) = Request::consume_body(request, consumed);
        let (mut sender, receiver) = wit_stream::new();
        let (trailers, no_trailers) = wit_future::new(|| Ok(None));
        drop(trailers);
        wit_bindgen::spawn_local(async move {
            if path != "/echo" {
                sender.write_all(format!("Hello from Rust: {path}\n").into_bytes()).await;
                return;
            }
            while let Some(byte) = body.next().await {
                let mut bytes = vec![byte];
                let (_, more) = body.read(Vec::with_capacity(65536)).await;
                bytes.extend(more);
                if !sender.write_all(bytes).await.is_empty() {
                    return;
                }
            }
        });
        let headers = Fields::new();
        Ok(Response::new(headers, Some(receiver), no_trailers).0)
    }
}
