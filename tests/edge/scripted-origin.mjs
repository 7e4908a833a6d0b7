// An origin that does what a test tells it to, and otherwise shows what has arrived.

import { once } from "node:events";
import http from "node:http";
import { WebSocketServer } from "ws";

/**
 * Starts it, with what answers if a test says nothing else. `requests` is what has arrived:
 * `{method, url, headers, rawHeaders}`.
 *
 * - `answerWith(t, handler)`: until the test ends, `handler(request, response)` answers
 * - `greetWith(t, handler)`: the same for `handler(webSocket)`
 */
export async function startScriptedOrigin(answerByDefault = show) {
  const requests = [];
  let answer = answerByDefault;
  let greet = echo;
  const remember = ({ method, url, headers, rawHeaders }) =>
    requests.push({ method, url, headers, rawHeaders });

  const server = http.createServer((request, response) => {
    remember(request);
    Promise.resolve(answer(request, response)).catch(() => response.destroy());
  });
  // A body without an end is what some tests are about.
  server.requestTimeout = 0;
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    remember(request);
    sockets.handleUpgrade(request, socket, head, (webSocket) => greet(webSocket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    answerWith(t, handler) {
      answer = handler;
      t.after(() => {
        answer = answerByDefault;
      });
    },
    greetWith(t, handler) {
      greet = handler;
      t.after(() => {
        greet = echo;
      });
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const webSocket of sockets.clients) webSocket.terminate();
      await closed;
    },
  };
}

/** What has arrived, as JSON. */
async function show(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers, rawHeaders } = request;
  const body = Buffer.concat(chunks).toString();
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ method, url, headers, rawHeaders, body }));
}

function echo(webSocket) {
  webSocket.on("message", (data, binary) => webSocket.send(data, { binary }));
}
