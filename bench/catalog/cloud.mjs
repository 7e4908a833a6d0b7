// A KV namespace behind Cloudflare's REST interface, as `cfaccess catalog push` uses it: keys with
// their metadata in pages of a thousand, writes and deletions in bulk. The values are not kept.

import { once } from "node:events";
import { createServer } from "node:http";

const PAGE = 1_000;
const NAMESPACE = "/accounts/bench/storage/kv/namespaces/catalog";

/** Starts it. `counts()` are the calls and keys since it was last asked. */
export async function startCloud() {
  const metadata = new Map();
  const counts = { pages: 0, requests: 0, written: 0, deleted: 0 };
  /** The keys in order, as long as they are the same. */
  let sorted;
  const actions = {
    "GET /keys"(query) {
      counts.pages += 1;
      sorted ??= [...metadata.keys()].sort();
      const from = Number(query.get("cursor") ?? 0);
      const page = sorted.slice(from, from + PAGE);
      const cursor = from + PAGE < sorted.length ? String(from + PAGE) : "";
      const result = page.map((name) => ({ name, metadata: metadata.get(name) }));
      return { result, result_info: { cursor } };
    },
    "PUT /bulk"(_, pairs) {
      counts.requests += 1;
      counts.written += pairs.length;
      sorted = undefined;
      for (const pair of pairs) metadata.set(pair.key, pair.metadata);
      return { result: { unsuccessful_keys: [] } };
    },
    "POST /bulk/delete"(_, keys) {
      counts.requests += 1;
      counts.deleted += keys.length;
      sorted = undefined;
      for (const key of keys) metadata.delete(key);
      return { result: { unsuccessful_keys: [] } };
    },
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url, "http://cloud");
    const action = actions[`${request.method} ${url.pathname.replace(NAMESPACE, "")}`];
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined;
    response.statusCode = action ? 200 : 404;
    response.end(JSON.stringify({ success: Boolean(action), ...action?.(url.searchParams, body) }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    env: {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${server.address().port}`,
      CLOUDFLARE_API_TOKEN: "bench",
    },
    arguments: ["--account", "bench", "--namespace", "catalog"],
    counts() {
      const now = { ...counts };
      for (const name of Object.keys(counts)) counts[name] = 0;
      return now;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
