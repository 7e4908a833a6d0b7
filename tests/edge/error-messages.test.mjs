// Sentences that the official provider words too.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { groundOfThisFile, REFRESH } from "./harness.mjs";

const ground = groundOfThisFile();

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
