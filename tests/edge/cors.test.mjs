// Which web origins may read the answers of the refresh route.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BASE_URL, groundOfThisFile, unseenBy } from "./harness.mjs";
import { ACCESS } from "./official-answers.mjs";

const ground = groundOfThisFile({ access: ACCESS });

const mint = (options) => ground.access.mint(options);

const base = () => ({ baseUrl: BASE_URL, origin: ground.origin.url });

describe("CORS", () => {
  const app = "https://app.example.com";
  const cors = (answer) =>
    Object.fromEntries(
      Object.entries(answer.headers).filter(([name]) => name.startsWith("access-control-")),
    );
  const withCors = (t) =>
    ground.startGate(t, { backstage: { ...base(), corsOrigins: [app, "http://localhost:3000"] } });

  test("a configured origin may read the answer, with credentials", async (t) => {
    const gate = await withCors(t);
    const answer = await gate.refresh(await mint(), { headers: { origin: app } });
    assert.equal(answer.status, 200);
    assert.deepEqual(cors(answer), {
      "access-control-allow-origin": app,
      "access-control-allow-credentials": "true",
    });
    assert.match(answer.headers.vary, /\borigin\b/i);
  });

  test("a configured origin may read a refusal as well", async (t) => {
    const gate = await withCors(t);
    const answer = await gate.refresh(undefined, { headers: { origin: "http://localhost:3000" } });
    assert.equal(answer.status, 401);
    assert.equal(cors(answer)["access-control-allow-origin"], "http://localhost:3000");
  });

  test("any other origin may not", async (t) => {
    const gate = await withCors(t);
    const token = await mint();
    for (const origin of [
      "https://evil.example",
      `${app}.evil.example`,
      "null",
      app.toUpperCase(),
    ]) {
      const answer = await gate.refresh(token, { headers: { origin } });
      assert.deepEqual(cors(answer), {}, origin);
      assert.match(answer.headers.vary, /\borigin\b/i);
      const preflight = await gate.refresh(undefined, { method: "OPTIONS", headers: { origin } });
      assert.deepEqual(cors(preflight), {}, origin);
    }
  });

  test("a preflight is answered without an assertion, which it never carries", async (t) => {
    const gate = await withCors(t);
    const answer = await unseenBy(ground.origin, () =>
      gate.refresh(undefined, {
        method: "OPTIONS",
        headers: {
          origin: app,
          "access-control-request-method": "GET",
          "access-control-request-headers": "x-requested-with",
        },
      }),
    );
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assert.equal(answer.headers.allow, "GET, HEAD, POST, OPTIONS");
    assert.deepEqual(cors(answer), {
      "access-control-allow-origin": app,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
      "access-control-allow-headers": "x-requested-with",
    });
  });

  test("without configured origins there is none of it", async () => {
    const headers = { origin: app };
    const answer = await ground.gate.refresh(await mint(), { headers });
    assert.deepEqual(cors(answer), {});
    const preflight = await ground.gate.refresh(undefined, { method: "OPTIONS", headers });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.allow, "GET, HEAD, POST, OPTIONS");
    assert.deepEqual(cors(preflight), {});
  });
});
