// A KV namespace in a folder, for workerd: get and put. The name of a file is the SHA-256 of its key; its first
// line is the time at which the value expires, in seconds, or nothing. fill.mjs writes the same form.

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(1));
    const file = `http://files/${await nameOf(key)}`;
    if (request.method === "GET") return get(env.FILES, file);
    if (request.method === "PUT") return put(env.FILES, file, url, await request.text());
    return new Response("only get and put", { status: 405 });
  },
};

async function nameOf(key) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function get(files, file) {
  const found = await files.fetch(file);
  if (!found.ok) return new Response(null, { status: 404 });
  const text = await found.text();
  const end = text.indexOf("\n");
  const expires = Number(text.slice(0, end));
  const isOver = expires !== 0 && expires <= Date.now() / 1000;
  return isOver ? new Response(null, { status: 404 }) : new Response(text.slice(end + 1));
}

async function put(files, file, url, value) {
  const life = Number(url.searchParams.get("expiration_ttl") ?? 0);
  const expires = life === 0 ? "" : Math.ceil(Date.now() / 1000) + life;
  const { status } = await files.fetch(file, { method: "PUT", body: `${expires}\n${value}` });
  return new Response(null, { status: status < 300 ? 200 : 503 });
}
