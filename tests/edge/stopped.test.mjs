// What stops a request outside of the gate's decision is answered like everything else.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deafUrl, groundOfThisFile } from "./harness.mjs";

const ground = groundOfThisFile();

describe("an origin that does not answer", () => {
  test("is told to a front end of another host, with the URL as Backstage has it", async (t) => {
    const origin = "https://app.example.com";
    const gate = await ground.startGate(t, {
      backstage: { origin: await deafUrl(), corsOrigins: [origin] },
    });
    const token = await ground.access.mint();
    const answer = await gate.send("/api/auth/google/refresh?x=1", { token, headers: { origin } });
    assert.deepEqual([answer.status, answer.json.error.code], [502, "origin_unreachable"]);
    assert.equal(answer.json.request.url, "/google/refresh?x=1");
    assert.equal(answer.headers["access-control-allow-origin"], origin);
  });
});

describe("a certs endpoint that hangs", () => {
  test("costs one caller its time limit, and not the next", async (t) => {
    ground.access.setFault({ certs: { hang: true } });
    t.after(() => ground.access.setFault({}));
    const gate = await ground.startGate(t);
    const token = await ground.access.mint();
    const refused = async () => {
      const start = performance.now();
      assert.equal((await gate.send("/", { token })).json.error.code, "keys_unavailable");
      return performance.now() - start;
    };
    assert.ok((await refused()) > 2_500);
    assert.ok((await refused()) < 2_000);
    const asked = (await gate.outbound()).filter(({ url }) => url.endsWith("/certs"));
    assert.equal(asked.length, 1);
  });
});
