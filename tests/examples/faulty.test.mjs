// A resolver that panics and one that never ends, in a Worker on `#[event(fetch)]`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertRefused, groundOfThisFile, REFRESH } from "../edge/harness.mjs";

const ground = groundOfThisFile({
  buildDir: fileURLToPath(new URL("faulty/build", import.meta.url)),
  cfaccess: { signIn: undefined },
});

const URL_IN_ERROR = REFRESH.slice("/api/auth".length);

const refresh = async (email) => ground.gate.refresh(await ground.access.mint({ user: email }));

async function assertServed() {
  const answer = await refresh("jane@example.com");
  assert.equal(answer.status, 200, answer.text);
}

test("resolver_that_panics_is_a_500_and_the_next_request_is_served", async () => {
  await assertServed();
  const answer = await refresh("panics@example.com");
  assert.deepEqual([answer.status, answer.json?.error.code], [500, "internal"], answer.text);
  assert.equal(answer.json.error.name, "InternalServerError");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.ok(!answer.text.includes("the resolver panics"), answer.text);
  await assertServed();
});

test("resolver_that_never_ends_is_a_503_after_its_time_limit", async () => {
  const start = performance.now();
  const answer = await refresh("hangs@example.com");
  const milliseconds = performance.now() - start;
  assertRefused(answer, {
    status: 503,
    name: "ServiceUnavailableError",
    code: "resolver_timeout",
    url: URL_IN_ERROR,
  });
  assert.ok(milliseconds >= 2400, `${milliseconds} ms`);
  await assertServed();
});
