// What belongs here: src/worker/recovery.mjs around a glue that panics in each way a real one can.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LEAVES, recovering } from "../../src/worker/recovery.mjs";

const REQUEST = new Request("https://backstage.example.com/api/catalog?page=2", { method: "POST" });

const trap = () => new WebAssembly.RuntimeError("unreachable");
const never = () => new Promise(() => {});

/** A glue whose `fetch` does whatever `next` is at that moment. */
function fake() {
  const glue = {
    resets: 0,
    next: async () => new Response("ok"),
    fetch: (...args) => glue.next(...args),
    reset: () => {
      glue.resets += 1;
    },
  };
  return glue;
}

beforeEach(() => {
  mock.restoreAll();
  mock.method(console, "error", () => {});
});

async function assertEnded(response) {
  assert.equal(response.status, 500);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.match(response.headers.get("content-type"), /^application\/json/);
  assert.deepEqual(await response.json(), {
    error: {
      name: "InternalServerError",
      message: "The request could not be handled",
      code: "internal",
    },
    request: { method: "POST", url: "/api/catalog?page=2" },
    response: { statusCode: 500 },
  });
}

test("a response of the glue is passed on as it is, with the arguments it was called with", async () => {
  const glue = fake();
  const response = new Response("ok");
  const seen = [];
  glue.next = async (...args) => {
    seen.push(...args);
    return response;
  };
  const worker = recovering(glue);
  assert.equal(await worker.fetch(REQUEST, "env", "ctx"), response);
  assert.deepEqual(seen, [REQUEST, "env", "ctx"]);
  assert.equal(glue.resets, 0);
});

test("a panic before the first await is answered, and the next request has a new instance", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = () => {
    throw trap();
  };
  await assertEnded(await worker.fetch(REQUEST));
  glue.next = async () => new Response(`resets: ${glue.resets}`);
  assert.equal(await (await worker.fetch(REQUEST)).text(), "resets: 1");
});

test("a panic in a microtask is answered, though the promise of its request stays pending", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = never;
  const response = worker.fetch(REQUEST);
  worker.onError({ error: trap() });
  await assertEnded(await response);
  assert.equal(glue.resets, 1);
});

test("a panic ends every request in flight", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = never;
  const others = [worker.fetch(REQUEST), worker.fetch(REQUEST)];
  glue.next = () => {
    throw trap();
  };
  for (const response of [worker.fetch(REQUEST), ...others]) await assertEnded(await response);
  assert.equal(glue.resets, 1);
});

test("a request answered before the panic is not answered twice, nor one that comes after it", async () => {
  const glue = fake();
  const worker = recovering(glue);
  assert.equal((await worker.fetch(REQUEST)).status, 200);
  worker.onError({ error: trap() });
  assert.equal((await worker.fetch(REQUEST)).status, 200);
  assert.deepEqual(JSON.parse(console.error.mock.calls[0].arguments[0]), {
    level: "error",
    outcome: "failed",
    code: "internal",
    detail: "RuntimeError: unreachable",
    ended: 0,
  });
});

test("the instance is replaced even when no request follows", async () => {
  const glue = fake();
  const worker = recovering(glue);
  worker.onError({ error: trap() });
  assert.equal(glue.resets, 0, "wasm may still be on the stack");
  await null;
  assert.equal(glue.resets, 1);
});

test("a rejection with a trap is a panic", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = async () => {
    throw trap();
  };
  await assertEnded(await worker.fetch(REQUEST));
  await null;
  assert.equal(glue.resets, 1);
});

test("a rejection with a stack that overflowed is a panic", async () => {
  const glue = fake();
  const worker = recovering(glue);
  const overflow = () => overflow() + 1;
  let error;
  try {
    overflow();
  } catch (caught) {
    error = caught;
  }
  worker.onRejection({ reason: error });
  await null;
  assert.equal(glue.resets, 1);
});

test("a rejection with anything else ends its own request only", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = never;
  const other = worker.fetch(REQUEST);
  glue.next = async () => {
    throw new TypeError("network");
  };
  await assertEnded(await worker.fetch(REQUEST));
  worker.onRejection({ reason: new TypeError("network") });
  assert.equal(glue.resets, 0);
  assert.equal(await Promise.race([other, "pending"]), "pending");
});

test("a callback of a replaced instance is not a second panic", async () => {
  const glue = fake();
  const worker = recovering(glue);
  worker.onError({ error: new Error("Cannot invoke closure from previous WASM instance") });
  await null;
  assert.equal(glue.resets, 0);
});

test("an exception that JavaScript throws through wasm counts as a panic", async () => {
  const glue = fake();
  const worker = recovering(glue);
  worker.onError({ error: new RangeError("Maximum call stack size exceeded") });
  await null;
  assert.equal(glue.resets, 1);
});

test("while there is no new instance every request is refused, and the first chance is taken", async () => {
  const glue = fake();
  const worker = recovering(glue);
  const reset = glue.reset;
  glue.reset = () => {
    throw new RangeError("out of memory");
  };
  let calls = 0;
  glue.next = async () => {
    calls += 1;
    return new Response("ok");
  };
  worker.onError({ error: trap() });
  await assertEnded(await worker.fetch(REQUEST));
  await assertEnded(await worker.fetch(REQUEST));
  assert.equal(calls, 0);
  glue.reset = reset;
  assert.equal((await worker.fetch(REQUEST)).status, 200);
});

test("a panic ends every one of 5,000 requests in flight", async () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = never;
  const responses = Array.from({ length: 5000 }, () => worker.fetch(REQUEST));
  worker.onError({ error: trap() });
  assert.equal(JSON.parse(console.error.mock.calls[0].arguments[0]).ended, 5000);
  for (const response of responses) assert.equal((await response).status, 500);
});

test("a panic does not end a request that has left the instance, such as one that is being forwarded", async () => {
  const glue = fake();
  const worker = recovering(glue);
  let arrive;
  const forward = (request) => {
    const answer = new Promise((resolve) => {
      arrive = resolve;
    });
    request[LEAVES](answer);
    return answer;
  };
  const handlers = {
    "at once": forward,
    later: async (request) => {
      await null;
      return forward(request);
    },
    "later, and traps then": (request) => {
      queueMicrotask(() => forward(request));
      return never();
    },
  };
  for (const [when, handler] of Object.entries(handlers)) {
    glue.next = handler;
    const answer = worker.fetch(new Request(REQUEST.url));
    await sleep(1);
    worker.onError({ error: trap() });
    arrive(new Response("from the origin"));
    assert.equal(await (await answer).text(), "from the origin", when);
  }
  const counts = console.error.mock.calls.map(({ arguments: [line] }) => JSON.parse(line).ended);
  assert.deepEqual(counts, [0, 0, 0]);
});

test("a forwarded request whose origin fails after a panic is answered", async () => {
  const glue = fake();
  const worker = recovering(glue);
  let fail;
  glue.next = async (request) => {
    await null;
    const answer = new Promise((_, reject) => {
      fail = reject;
    });
    request[LEAVES](answer);
    return answer;
  };
  const answer = worker.fetch(new Request(REQUEST.url));
  await sleep(1);
  worker.onError({ error: trap() });
  fail(new Error("Cannot invoke closure from previous WASM instance"));
  assert.equal((await answer).status, 500);
  assert.equal(glue.resets, 1);
  // The trap, and the request that it has ended.
  assert.equal(console.error.mock.calls.length, 2);
});

test("requests that are older than every time limit do not pile up", () => {
  const glue = fake();
  const worker = recovering(glue);
  glue.next = never;
  mock.timers.enable({ apis: ["Date"], now: 0 });
  for (let request = 0; request < 3000; request += 1) worker.fetch(REQUEST);
  mock.timers.setTime(15 * 60 * 1000);
  worker.fetch(REQUEST);
  mock.timers.setTime(15 * 60 * 1000 + 1);
  worker.fetch(REQUEST);
  mock.timers.reset();
  worker.onError({ error: trap() });
  assert.equal(JSON.parse(console.error.mock.calls[0].arguments[0]).ended, 2);
});

test("a scheduled event that panics fails, and one that does not succeeds", async () => {
  const glue = { ...fake(), scheduled: async () => undefined };
  const worker = recovering(glue);
  await worker.scheduled("event");
  glue.scheduled = never;
  const result = worker.scheduled("event");
  worker.onError({ error: trap() });
  await assert.rejects(result, /panicked/);
});

test("a scheduled event whose run was refused fails, and says why once", async () => {
  const glue = { ...fake(), scheduled: async () => "origin_refused: status 503" };
  const worker = recovering(glue);
  await assert.rejects(worker.scheduled("event"), { message: "origin_refused: status 503" });
  assert.equal(console.error.mock.calls.length, 0);
  assert.equal(glue.resets, 0);
});

test("a Worker without a scheduled handler does not export one", () => {
  assert.equal("scheduled" in recovering(fake()), false);
});

test("an answer that had not to wait for anything is given without a promise", () => {
  const glue = fake();
  const response = new Response("ok");
  glue.next = () => response;
  assert.equal(recovering(glue).fetch(REQUEST), response);
});

test("a panic ends a request that had not to wait, and is counted in the log", async () => {
  const glue = fake();
  glue.next = () => {
    throw trap();
  };
  await assertEnded(await recovering(glue).fetch(REQUEST));
  assert.equal(JSON.parse(console.error.mock.calls[0].arguments[0]).ended, 1);
});
