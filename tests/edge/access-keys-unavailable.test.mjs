// Requests while Access's signing keys cannot be fetched, and assertions of an unknown key.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { newSigningKey as newAccessKey } from "../../dev/access/keys.mjs";
import {
  assertRefused,
  groundOfThisFile,
  SHOWN_REFRESH,
  UNAVAILABLE,
  unseenBy,
} from "./harness.mjs";

const ground = groundOfThisFile();

const FORWARDED = "/api/catalog/entities?filter=kind=user";

describe("no keys", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const weak = { ...small.export({ format: "jwk" }), kid: "weak", alg: "RS256", use: "sig" };
  const FAULTS = {
    "answers 404 with a page": {
      status: 404,
      headers: { "content-type": "text/html" },
      body: "<h1>Unable to find your Access team</h1>",
    },
    "answers 500": { status: 500 },
    "answers with a page": { status: 200, body: "<!doctype html>" },
    "answers with no keys": { status: 200, body: { keys: [] } },
    "answers with a key that is too small": { status: 200, body: { keys: [weak] } },
    "answers with 2 MiB": { huge: 2 * 1024 * 1024 },
    redirects: {
      status: 302,
      headers: { location: "https://emulator.cloudflareaccess.com/cdn-cgi/access/elsewhere" },
    },
  };

  for (const [what, fault] of Object.entries(FAULTS)) {
    test(`a certs endpoint that ${what} is asked once and makes the keys unavailable`, async (t) => {
      const { access, origin } = ground;
      const gate = await ground.startGate(t);
      const before = access.calls.certs;
      access.setFault({ certs: fault });
      t.after(() => access.setFault());
      const token = await access.mint();
      await unseenBy(origin, async () => {
        const answer = await gate.refresh(token);
        assertRefused(answer, { ...UNAVAILABLE, code: "keys_unavailable" });
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        const forwarded = await gate.send(FORWARDED, { token });
        assertRefused(forwarded, { ...UNAVAILABLE, code: "keys_unavailable", url: FORWARDED });
      });
      const outbound = (await gate.outbound()).map(({ url }) => url);
      assert.deepEqual(outbound, [`${access.issuer}/cdn-cgi/access/certs`]);
      assert.equal(access.calls.certs, before + 1);
    });
  }

  test("a certs endpoint that does not answer makes the keys unavailable within its time limit", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t);
    access.setFault({ certs: { hang: true } });
    t.after(() => access.setFault());
    const token = await access.mint();
    const start = performance.now();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assert.ok(performance.now() - start < 8000);
    assertRefused(answer, { ...UNAVAILABLE, code: "keys_unavailable" });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
  });

  test("users sign in as soon as the certs endpoint answers again, without a restart", async (t) => {
    const { access } = ground;
    const gate = await ground.startGate(t);
    await gate.setOutages({ "emulator.cloudflareaccess.com": "unreachable" });
    const token = await access.mint();
    const answer = await gate.refresh(token);
    assertRefused(answer, { ...UNAVAILABLE, code: "keys_unavailable" });
    assert.ok(!answer.text.includes("connection"), "why is for the log");
    const [line] = await gate.lines(({ code }) => code === "keys_unavailable");
    assert.match(line.detail, /certs/);

    await gate.setOutages();
    await new Promise((resolve) => setTimeout(resolve, answer.headers["retry-after"] * 1000));
    assert.equal((await gate.refresh(token)).status, 200);
  });

  test("public paths and the Worker's own key set need no keys of Access", async (t) => {
    const gate = await ground.startGate(t);
    await gate.setOutages({ "emulator.cloudflareaccess.com": "unreachable" });
    assert.equal((await gate.send("/healthcheck")).status, 200);
    assert.equal((await gate.send("/api/auth/.well-known/jwks.json")).status, 200);
  });
});

describe("an unknown kid", () => {
  const forged = async () =>
    ground.access.mint({ key: await newAccessKey(), header: { kid: String(Math.random()) } });

  test("makes a cold Worker ask for the keys once, however often it comes", async (t) => {
    const gate = await ground.startGate(t);
    const before = ground.access.calls.certs;
    for (let i = 0; i < 10; i += 1) {
      const answer = await gate.refresh(await forged());
      const code = "key_unknown";
      assertRefused(answer, { status: 401, name: "AuthenticationError", code, url: SHOWN_REFRESH });
    }
    assert.equal(ground.access.calls.certs, before + 1);
  });

  test("makes a Worker that has the keys ask at most once, even if many come at once", async (t) => {
    const gate = await ground.startGate(t);
    assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
    const before = ground.access.calls.certs;
    const tokens = await Promise.all(Array.from({ length: 10 }, forged));
    const answers = await Promise.all(tokens.map((token) => gate.send(FORWARDED, { token })));
    for (const answer of answers) assert.equal(answer.json.error.code, "key_unknown");
    assert.ok(ground.access.calls.certs <= before + 1);
  });

  test("is not even looked for if the assertion is not meant for us", async (t) => {
    const gate = await ground.startGate(t);
    const token = await ground.access.mint({
      key: await newAccessKey(),
      header: { kid: "x" },
      claims: { aud: ["0".repeat(64)] },
    });
    assert.equal((await gate.refresh(token)).json.error.code, "audience_invalid");
    assert.deepEqual(await gate.outbound(), []);
  });
});
