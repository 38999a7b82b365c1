"""A server that responds with the request's path or body."""

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import types
from wit_world.imports.streams import StreamError_Closed


def read_all(request):
    body = request.consume()
    read = bytearray()
    with body.stream() as stream:
        try:
            while True:
                read += stream.blocking_read(65536)
        except Err as error:
            if not isinstance(error.value, StreamError_Closed):
                raise
    return bytes(read)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        path = request.path_with_query()
        if path == "/raise":
            raise RuntimeError("as requested")
        text = read_all(request) if path == "/echo" else f"Hello from Python: {path}\n".encode()
        response = types.OutgoingResponse(types.Fields.from_list([("content-type", b"text/plain")]))
        body = response.body()
        types.ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            for begin in range(0, len(text), 4096):
                stream.blocking_write_and_flush(text[begin:begin + 4096])
        types.OutgoingBody.finish(body, None)
