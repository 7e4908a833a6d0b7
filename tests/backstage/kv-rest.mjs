// Cloudflare's REST interface to KV, as far as `cfaccess catalog push` uses it, onto namespaces of
// the miniflare that the Worker runs in: what is pushed here, the Worker reads.

import http from "node:http";
import { listening } from "./server.mjs";

const ACCOUNT = "an-account";
const API_TOKEN = "a-token-of-the-api";
const PATH = new RegExp(`^/accounts/${ACCOUNT}/storage/kv/namespaces/([^/]+)(/.*)$`);

/**
 * Starts it. `namespaces` are miniflare's, by id. `env` and `args` are what the command needs to find
 * it; `args` takes the id.
 */
export async function startKvRest(namespaces) {
  const server = http.createServer((request, response) => {
    answer(request).then(
      ([status, body]) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      },
      () => response.destroy(),
    );
  });

  async function answer(request) {
    const { pathname, searchParams } = new URL(request.url, "http://api");
    if (request.headers.authorization !== `Bearer ${API_TOKEN}`) return refused(403, "no token");
    const [, id, path] = PATH.exec(pathname) ?? [];
    if (!Object.hasOwn(namespaces, id)) return refused(404, "namespace not found");
    const kv = namespaces[id];
    switch (`${request.method} ${path}`) {
      case "GET /keys":
        return listed(
          await kv.list({
            prefix: searchParams.get("prefix"),
            limit: Number(searchParams.get("limit")),
            cursor: searchParams.get("cursor") ?? undefined,
          }),
        );
      case "PUT /bulk": {
        const pairs = await bodyOf(request);
        await Promise.all(
          pairs.map(({ key, value, metadata }) => kv.put(key, value, { metadata })),
        );
        return written();
      }
      case "POST /bulk/delete": {
        const keys = await bodyOf(request);
        await Promise.all(keys.map((key) => kv.delete(key)));
        return written();
      }
      default:
        return refused(405, "method not allowed");
    }
  }

  const { url, close } = await listening(server);
  return {
    args: (id) => ["--account", ACCOUNT, "--namespace", id],
    env: { CLOUDFLARE_API_BASE_URL: url, CLOUDFLARE_API_TOKEN: API_TOKEN },
    close,
  };
}

const listed = ({ keys, cursor = "" }) => [
  200,
  { success: true, result: keys, result_info: { count: keys.length, cursor } },
];
const written = () => [200, { success: true, result: { unsuccessful_keys: [] } }];
const refused = (status, message) => [status, { success: false, errors: [{ message }] }];

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
