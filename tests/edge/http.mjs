// A client that sends what it is told: any method, a path as it stands, a header twice. `fetch`
// resolves dots in paths, folds headers and refuses some of what has to be tried here.

import http from "node:http";

/**
 * Sends a request and reads the whole answer. `headers` is an object or a flat list of names and
 * values; `body` a string, bytes or a stream.
 *
 * Returns `{status, headers, rawHeaders, text, json}`; `json` is undefined if the body is none.
 */
export async function send(url, options = {}) {
  const answer = await open(url, options);
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString();
  const { statusCode: status, headers, rawHeaders } = answer;
  return { status, headers, rawHeaders, bytes, text, json: parse(text) };
}

/** The same, but the answer is what Node calls an IncomingMessage, its body still to be read. */
export function open(url, { method = "GET", path = "/", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const list = Array.isArray(headers) ? completed(headers, `${hostname}:${port}`, body) : headers;
    const request = http.request({ hostname, port, method, path, headers: list });
    request.on("response", resolve);
    request.on("error", reject);
    if (body?.pipe) body.pipe(request);
    else request.end(body);
  });
}

/** Node adds neither Host nor Content-Length to a list of headers. */
function completed(list, host, body) {
  const names = list.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  return [
    ...(names.includes("host") ? [] : ["host", host]),
    ...(body === undefined || body.pipe ? [] : ["content-length", String(Buffer.byteLength(body))]),
    ...list,
  ];
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
