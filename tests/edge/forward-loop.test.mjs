// A Worker whose origin is itself does not call itself for ever.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { forwardingOfThisFile } from "./forwarding.mjs";
import { deafUrl } from "./harness.mjs";

const { ground } = forwardingOfThisFile();

const JWKS = "/api/auth/.well-known/jwks.json";

describe("a Worker that is its own origin", () => {
  test("answers 508 on every kind of path, after one hop", async (t) => {
    const gate = await ground.startGate(t, {
      backstage: { origin: undefined, publicPaths: ["/open"] },
    });
    const loop = { host: new URL(gate.url).host, authorization: "Bearer of.another.signer" };
    const token = await ground.access.mint();
    for (const [path, assertion] of [
      ["/api/catalog/entities", token],
      ["/open/x", undefined],
      ["/api/auth/v1/userinfo", undefined],
    ]) {
      const answer = await gate.send(path, { token: assertion, headers: loop });
      assert.deepEqual([answer.status, answer.json?.error.code], [508, "forward_loop"], path);
    }
    const shadow = await ground.startGate(t, { backstage: { origin: undefined, mode: "shadow" } });
    const answer = await shadow.send("/x", { headers: { host: new URL(shadow.url).host } });
    assert.deepEqual([answer.status, answer.json?.error.code], [508, "forward_loop"]);
  });

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
