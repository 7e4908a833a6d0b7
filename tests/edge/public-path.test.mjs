// What is forwarded without an assertion: public paths, and nothing beside them.

import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { ASSERTION, EMAIL, forwardingOfThisFile } from "./forwarding.mjs";
import { unseenBy } from "./harness.mjs";

const { ground } = forwardingOfThisFile();

describe("a public path", () => {
  test("is forwarded without an assertion, with its method, query and body", async () => {
    const path = "/healthcheck/deep?a=b";
    const { json } = await ground.gate.send(path, { method: "POST", body: "x" });
    assert.deepEqual([json.method, json.url, json.body], ["POST", path, "x"]);
  });

  test("lets no header through that speaks of the caller, genuine or not", async () => {
    const headers = [EMAIL, "boss@example.com", "x_forwarded_user", "boss", "accept", "text/x"];
    for (const token of ["spoofed", await ground.access.mint()]) {
      const { json } = await ground.gate.send("/healthcheck", { token, headers });
      assert.equal(json.headers[ASSERTION], undefined);
      assert.equal(json.headers[EMAIL], undefined);
      assert.equal(json.headers.x_forwarded_user, undefined);
      assert.equal(json.headers.accept, "text/x");
    }
  });

  test("asks for nothing: no keys, no identity, no catalog", async (t) => {
    const gate = await ground.startGate(t, { kvNamespaces: [] });
    assert.equal((await gate.send("/healthcheck")).status, 200);
    const origin = new URL(ground.origin.url).host;
    assert.deepEqual(
      (await gate.outbound()).map(({ url }) => new URL(url).host),
      [origin],
    );
  });

  test("opens nothing beside it", async () => {
    await unseenBy(ground.origin, async () => {
      for (const path of ["/healthchecks", "/HEALTHCHECK", "/healthchec", "/", "/x/healthcheck"]) {
        const answer = await ground.gate.send(path);
        assert.equal(answer.json.error.code, "assertion_missing", path);
      }
    });
  });

  // Whatever the spelling: what the origin makes of it is below the public path, or it gets nothing.
  const TRICKS = [
    "/healthcheck/../secret",
    "/healthcheck/..",
    "/healthcheck/../",
    "/healthcheck/./../secret",
    "/healthcheck/%2e%2e/secret",
    "/healthcheck/%2E%2E/secret",
    "/healthcheck/.%2e/secret",
    "/healthcheck/%2e./secret",
    "/healthcheck/%2e%2e",
    "/healthcheck/..%2fsecret",
    "/healthcheck/..%2Fsecret",
    "/healthcheck/..%5csecret",
    "/healthcheck/..\\secret",
    "/healthcheck\\..\\secret",
    "/healthcheck/%252e%252e/secret",
    "/healthcheck/%25252e%25252e/secret",
    "/healthcheck/..%00/secret",
    "/healthcheck/%2e%2e%00/secret",
    "/healthcheck//../secret",
    "/healthcheck/..//secret",
    "/healthcheck/x/../../secret",
    "/healthcheck/..?/secret",
    "/healthcheck/..#/secret",
    "/healthcheck#/../../secret",
    "/healthcheck/.\t./secret",
    "/healthcheck/\t../secret",
    "//healthcheck/../secret",
    "/./healthcheck/../secret",
    "/%68ealthcheck/../secret",
    "http://example.com/healthcheck/../secret",
  ];
  for (const target of TRICKS) {
    test(`does not lead elsewhere: ${JSON.stringify(target)}`, async () => {
      const before = ground.origin.requests.length;
      const status = await rawStatus(target);
      const seen = ground.origin.requests.slice(before).flatMap(({ url }) => readings(url));
      for (const path of seen) assert.match(path, /^\/healthcheck(\/|$)/);
      assert.ok([200, 400, 401].includes(status), String(status));
    });
  }

  /** What servers may make of a path: as it is, decoded, decoded twice; dots resolved. */
  function readings(url) {
    const once = url.split(/[?#]/)[0];
    const all = [once, decoded(once), decoded(decoded(once))];
    return all.map((path) => new URL(path.replaceAll("\\", "/"), "http://origin").pathname);
  }

  function decoded(path) {
    return path.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }

  /** The status of a GET for a target that no HTTP library would send. */
  async function rawStatus(target) {
    const { hostname, port } = new URL(ground.gate.url);
    const socket = net.connect({ host: hostname, port });
    socket.end(`GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\n\r\n`);
    const bytes = Buffer.concat(await socket.toArray()).toString();
    return Number(/^HTTP\/1\.1 (\d+)/.exec(bytes)?.[1]);
  }
});

test("whatever is not public is not forwarded without an assertion, by any method", async () => {
  await unseenBy(ground.origin, async () => {
    for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PROPFIND"]) {
      for (const path of [
        "/",
        "/api/catalog/entities",
        "/api/auth/google/refresh",
        "/static/x.js",
      ]) {
        const answer = await ground.gate.send(path, { method });
        assert.equal(answer.status, 401, `${method} ${path}`);
      }
    }
  });
});
