// The dependencies of one Worker, each a server on the loopback interface that can fail in every way of kinds.mjs.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { WebSocketServer } from "ws";
import { answer, drained } from "./kinds.mjs";
import { identityKey, identityOf, recordsOf, TEAM_HOST, userOf } from "./team.mjs";

const JSON_TYPE = { "content-type": "application/json" };
const json = (value, wrong, another) => ({
  status: 200,
  headers: JSON_TYPE,
  body: JSON.stringify(value),
  wrong: JSON.stringify(wrong),
  another: JSON.stringify(another),
});

/** An address that nothing else listens at, so that a closed port stays closed. */
const newHost = () =>
  process.platform === "linux"
    ? `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`
    : "127.0.0.1";

class Dependency {
  calls = 0;
  #kind;
  #faultCalls = 0;
  #server;
  #port = 0;
  #host = newHost();
  #good;
  #onUpgrade;
  #keepsConnections = false;

  /** @param good The good answer to a request. */
  constructor(good, onUpgrade) {
    this.#good = good;
    this.#onUpgrade = onUpgrade;
  }

  get address() {
    return `${this.#host}:${this.#port}`;
  }

  async listen(keepsConnections = this.#keepsConnections) {
    this.#keepsConnections = keepsConnections;
    const server = http.createServer((request, response) =>
      this.#answer(request, response).catch(() => response.destroy()),
    );
    server.requestTimeout = 0;
    // A request on a kept connection that ends is sent again by workerd, which would count as a call of the Worker's.
    if (!keepsConnections) server.maxRequestsPerSocket = 1;
    if (this.#onUpgrade) server.on("upgrade", this.#onUpgrade);
    server.listen(this.#port, this.#host);
    await once(server, "listening");
    this.#port = server.address().port;
    this.#server = server;
  }

  async #answer(request, response) {
    this.calls += 1;
    this.#faultCalls += 1;
    const call = this.#faultCalls;
    const kind = this.#kind;
    const good = await this.#good(request, response);
    if (good) await answer(kind, good, { request, response, socket: request.socket, call });
  }

  /** Begins a fault, or ends the one that there is. */
  async setFault(kind) {
    this.#faultCalls = 0;
    const wasRefused = this.#kind === "refused";
    this.#kind = kind;
    if (kind === "refused") await this.close();
    else if (wasRefused) await this.listen();
    // What hangs does not end by itself.
    else if (kind === undefined) this.#server.closeAllConnections();
  }

  async close() {
    const server = this.#server;
    if (!server?.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

/**
 * Starts them.
 *
 * - `of`: each by its name
 * - `forwarded`: what has reached the origin, as `{id, assertion}`
 * - `cache`: the pairs of ACCESS_CACHE; `aheadMs` is how far the clock of the Worker was moved
 * - `catalog`: the pairs of CATALOG
 *
 * `keepsConnections`: as servers do, which is quicker, but then workerd sends requests again by itself.
 */
export async function startServices(team, users, { cached = [], keepsConnections } = {}) {
  const services = {
    aheadMs: 0,
    cache: new Map(cached),
    catalog: new Map(recordsOf(users)),
    forwarded: [],
    onForwarded: (request) => services.forwarded.push(request),
    registered: [],
    elsewhere: 0,
  };
  const foreignRecord = JSON.stringify({
    v: 1,
    user: {
      ref: "user:default/another",
      ent: ["user:default/another"],
      email: "another@example.com",
    },
  });
  const now = () => Date.now() + services.aheadMs;
  const assertionOf = ({ headers }) => /CF_Authorization=([^;]+)/.exec(headers.cookie ?? "")?.[1];
  const wsServer = new WebSocketServer({ noServer: true });
  const echo = (request, socket, head) => {
    remember(request);
    wsServer.handleUpgrade(request, socket, head, (webSocket) =>
      webSocket.on("message", (data, binary) => webSocket.send(data, { binary })),
    );
  };
  const remember = ({ headers }) =>
    services.onForwarded({
      id: headers["x-id"],
      assertion: headers["cf-access-jwt-assertion"],
      email: headers["cf-access-authenticated-user-email"],
    });

  const value = (body, wrong, another) =>
    body === undefined
      ? { status: 404, headers: {}, body: "", wrong, another }
      : { status: 200, headers: {}, body, wrong, another };
  const keyOf = ({ url }) => decodeURIComponent(new URL(url, "http://kv").pathname.slice(1));

  const of = {
    certs: new Dependency(() => json(team.keys.certs(), { keys: { a: 1 } }, team.foreign.certs())),
    identity: new Dependency((request) => {
      const document = identityOf(assertionOf(request));
      return json(document, [1], { ...document, ...identityOfAnother });
    }),
    catalog: new Dependency((request) =>
      value(services.catalog.get(keyOf(request)), '{"v":1,"user":5}', foreignRecord),
    ),
    cacheRead: new Dependency((request) => {
      const key = keyOf(request);
      const entry = services.cache.get(key);
      const isThere = entry && entry.until > now();
      return value(isThere ? entry.value : undefined, "[1]", anothers(key, now()));
    }),
    cacheWrite: new Dependency(async (request) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const ttl = Number(new URL(request.url, "http://kv").searchParams.get("expiration_ttl"));
      const entry = { value: Buffer.concat(chunks).toString(), until: now() + ttl * 1000 };
      if (services.writesArrive !== false) services.cache.set(keyOf(request), entry);
      return { status: 200, headers: {}, body: "", wrong: "[1]", another: "another" };
    }),
    origin: new Dependency(async (request, response) => {
      remember(request);
      if (request.url.startsWith("/big")) return transfer(request, response);
      let received = 0;
      for await (const chunk of request) received += chunk.length;
      const { "x-id": id, "cf-access-authenticated-user-email": email } = request.headers;
      const filler = "x".repeat(200);
      return json({ id, email, received, filler }, [1], { id: "another", email: "another" });
    }, echo),
    jwks: new Dependency(() =>
      json(team.originJwks, { keys: { a: 1 } }, { keys: [foreignSigningKey(team)] }),
    ),
    registration: new Dependency((request) => {
      services.registered.push(request.headers["cf-access-jwt-assertion"]);
      return json({ backstageIdentity: {}, filler: "x".repeat(200) }, [1], { profile: {} });
    }),
    elsewhere: new Dependency(() => {
      services.elsewhere += 1;
      return json(team.foreign.certs());
    }),
  };

  function anothers(key, time) {
    const seconds = Math.floor(time / 1000);
    if (key === `certs:v1:${TEAM_HOST}`)
      return `${seconds} ${JSON.stringify(team.foreign.certs())}`;
    return `${seconds + 3600} ${JSON.stringify(identityOfAnother)}`;
  }

  await Promise.all(Object.values(of).map((dependency) => dependency.listen(keepsConnections)));
  return Object.assign(services, {
    of,
    async close() {
      for (const webSocket of wsServer.clients) webSocket.terminate();
      await Promise.all(Object.values(of).map((dependency) => dependency.close()));
    },
  });
}

const identityOfAnother = { id: "another", name: "Another", email: "another@example.com" };

/** A key of the origin's that claims to be the Worker's. */
const foreignSigningKey = (team) => ({ ...team.originJwks.keys[0], kid: team.signing.kid });

const MEGABYTE = Buffer.alloc(1024 * 1024, 7);

/** `/big?mb=N` sends so many megabytes, and takes what it is sent. */
async function transfer(request, response) {
  let received = 0;
  for await (const chunk of request) received += chunk.length;
  const megabytes = Number(new URL(request.url, "http://origin").searchParams.get("mb"));
  response.writeHead(200, { "x-received": String(received) });
  for (let sent = 0; sent < megabytes && !response.destroyed; sent += 1) {
    if (response.write(MEGABYTE)) continue;
    await drained(response);
  }
  response.end();
}

export { identityKey, userOf };
