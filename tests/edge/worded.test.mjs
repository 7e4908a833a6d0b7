// Sentences that the official provider words too, and a Worker that is its own origin.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deafUrl, groundOfThisFile, REFRESH } from "./harness.mjs";

const ground = groundOfThisFile();
const JWKS = "/api/auth/.well-known/jwks.json";

describe("the sentences of errors", () => {
  test("name the configured header and cookie, and the provider, as the official provider does", async (t) => {
    const missing = await ground.gate.refresh();
    assert.equal(
      missing.json.error.message,
      "Missing cf-access-jwt-assertion and CF_Authorization from Cloudflare Access",
    );
    const unknown = await ground.gate.send("/api/auth/cfaccess/logout", { method: "POST" });
    assert.equal(unknown.json.error.message, "Unknown auth provider 'cfaccess'");

    const cfaccess = { providerId: "edge", jwtHeaderName: "X-A", authorizationCookieName: "B" };
    const renamed = await ground.startGate(t, { cfaccess });
    const other = await renamed.send(REFRESH.replace("cfaccess", "edge"));
    assert.equal(other.json.error.message, "Missing x-a and B from Cloudflare Access");
  });
});

describe("a Worker that is its own origin", () => {
  test("answers with its own keys and does not call itself for ever", async (t) => {
    const url = await deafUrl();
    const gate = await ground.startGate(t, {
      port: Number(new URL(url).port),
      backstage: { origin: url },
    });
    const answer = await gate.send(JWKS);
    assert.deepEqual(
      answer.json.keys.map(({ kid }) => kid),
      ["key-1"],
    );
    const asked = (await gate.outbound()).filter(({ url: to }) => to.endsWith(JWKS));
    assert.equal(asked.length, 1);
  });
});
