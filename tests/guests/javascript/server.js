// A server that responds with the request's path or body.

addEventListener('fetch', (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  const url = new URL(request.url);
  const path = url.pathname + url.search;
  const headers = { 'content-type': 'text/plain' };
  if (path === '/raise') throw new Error('as requested');
  if (path === '/echo') return new Response(await request.arrayBuffer(), { headers });
  if (path === '/stream') {
    const encoder = new TextEncoder();
    let piece = 0;
    const body = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => { setTimeout(resolve, 10); });
        if (piece === 5) controller.close();
        else controller.enqueue(encoder.encode(`piece ${piece++}\n`));
      },
    });
    return new Response(body, { headers });
  }
  return new Response(`Hello from JavaScript: ${path}\n`, { headers });
}
