// The scheduled handler: KV is kept in step with the origin's catalog, and nothing is written of what
// cannot be right. The rules of a run are tested natively (tests/core/sync.rs); here it is the
// runtime's KV, fetch and clock that answer.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CATALOG_TOKEN, catalogUser, startCatalogOrigin } from "./catalog-origin.mjs";
import { deafUrl, emailKey, groundOfThisFile } from "./harness.mjs";

const ground = groundOfThisFile({ origin: startCatalogOrigin, records: [] });

const bindings = { CATALOG_TOKEN };

/** A Worker with an empty catalog, or with what a first run has left in it. */
async function startCron(t, options = {}) {
  return ground.startGate(t, { records: [], observeKv: true, bindings, ...options });
}

async function startFilled(t, users, options) {
  ground.origin.users = users;
  const gate = await startCron(t, options);
  assert.equal((await run(gate)).outcome, "synced");
  return gate;
}

/**
 * Runs the handler. Returns its line in the log; there is just one. The event fails if the run was
 * refused or failed.
 */
async function run(gate) {
  const before = gate.logs.length;
  const calls = async () => (await gate.kvCalls()).filter(({ method }) => method !== "get");
  await gate.clearKvCalls();
  const { outcome } = await gate.scheduled();
  await gate.lines(() => gate.logs.length > before);
  const lines = gate.logs.slice(before).map(({ message }) => JSON.parse(message));
  assert.deepEqual(
    lines.map(({ task }) => task),
    ["catalog"],
    JSON.stringify(lines),
  );
  const [line] = lines;
  const failed = line.outcome === "refused" || line.code === "catalog_write_failed";
  assert.equal(outcome, failed ? "exception" : "ok", JSON.stringify(line));
  return { ...line, calls: await calls() };
}

/** What a run leaves for the next one is no record. */
const isRecord = (key) => !key.startsWith("v1:sync");

/** What was done to records. */
const changes = ({ calls }) =>
  calls
    .filter(({ method, key }) => method !== "list" && isRecord(key))
    .map(({ method, key }) => `${method} ${key}`);

/** All records of KV, as text: values and metadata. */
async function contents(gate) {
  const kv = await gate.kv("CATALOG");
  const keys = await recordKeys(kv);
  const values = keys.map(async ({ name, metadata }) => [name, await kv.get(name), metadata]);
  return JSON.stringify(await Promise.all(values));
}

async function recordKeys(kv) {
  const { keys } = await kv.list();
  return keys.filter(({ name }) => isRecord(name));
}

async function signIn(gate, email) {
  const { status, json } = await gate.refresh(await ground.access.mint({ user: email }));
  return status === 200
    ? json.backstageIdentity.identity.ownershipEntityRefs
    : `${status} ${json.error.code}`;
}

describe("a run", () => {
  test("fills KV, and a user of it then signs in", async (t) => {
    ground.origin.users = [catalogUser("jane", ["team-b", "team-a"]), catalogUser("bob")];
    const gate = await startCron(t);
    assert.equal(await signIn(gate, "jane@example.com"), "404 user_not_found");
    const { calls, ms, ...line } = await run(gate);
    assert.deepEqual(line, {
      level: "info",
      task: "catalog",
      outcome: "synced",
      users: 2,
      groups: 2,
      unchanged: 0,
      written: 4,
      removed: 0,
      putOff: 0,
      unreadable: 0,
    });
    assert.ok(ms >= 0 && ms < 10_000);
    assert.deepEqual(await signIn(gate, "jane@example.com"), [
      "user:default/jane",
      "group:default/team-b",
      "group:default/team-a",
    ]);
    const kv = await gate.kv("CATALOG");
    const keys = await recordKeys(kv);
    assert.equal(keys.length, 4);
    for (const { metadata } of keys) assert.match(metadata.h, /^[0-9a-f]{32}$/);
    // Three lists; the claim and its end, the turn, four records, the marker.
    assert.equal(calls.length, 11);
    const marker = JSON.parse(await kv.get("v1:sync"));
    assert.deepEqual(
      [marker.source, marker.outcome, marker.users, marker.groups, marker.layout],
      ["cron", "ok", 2, 2, 1],
    );
    assert.equal(marker.ok, marker.end);
    const { json: health } = await gate.send("/api/auth/cfaccess/health", {
      token: await ground.access.mint(),
    });
    assert.deepEqual(health.catalog.lastRun, marker);
    assert.ok(health.catalog.ageSeconds >= 0 && health.catalog.ageSeconds < 60);
    const left = (await kv.list({ prefix: "v1:sync" })).keys.map(({ name }) => name);
    assert.deepEqual(left, ["v1:sync", "v1:sync:last"]);
  });

  test("with nothing to do writes nothing", async (t) => {
    const gate = await startFilled(t, [catalogUser("jane", ["team-a"]), catalogUser("bob")]);
    const line = await run(gate);
    assert.deepEqual([line.outcome, line.unchanged, line.written], ["synced", 4, 0]);
    assert.deepEqual(
      line.calls.map(({ method, key }) => (method === "list" ? method : `${method} ${key}`)),
      ["list", "list", "list", "put v1:sync"],
    );
    assert.ok(line.sinceOk >= 0 && line.sinceOk < 60);
  });

  test("writes a change of groups, and removes a user", async (t) => {
    const gate = await startFilled(t, [catalogUser("jane", ["team-a"]), catalogUser("bob")]);
    // They do not sign in yet: the isolate would cache their record (freshness.test.mjs).
    const kv = await gate.kv("CATALOG");
    assert.match(await kv.get(emailKey("bob@example.com")), /user:default\/bob/);
    ground.origin.users = [catalogUser("jane", ["team-c"])];
    const line = await run(gate);
    assert.deepEqual([line.outcome, line.written, line.removed], ["synced", 2, 2]);
    assert.deepEqual(changes(line), [
      `delete ${emailKey("bob@example.com")}`,
      "delete v1:ref:user:default/bob",
      `put ${emailKey("jane@example.com")}`,
      "put v1:ref:user:default/jane",
    ]);
    // Workerd's KV has no cache that a read would have to wait for.
    const jane = ["user:default/jane", "group:default/team-c"];
    assert.deepEqual(await signIn(gate, "jane@example.com"), jane);
    assert.equal(await signIn(gate, "bob@example.com"), "404 user_not_found");
  });

  test("reads all pages, and KV's list in pages of a thousand", async (t) => {
    const users = Array.from({ length: 450 }, (_, i) => catalogUser(`user-${i}`, ["team-a"]));
    const before = ground.origin.requests.length;
    const first = await startFilledInTwo(t, users);
    assert.equal(ground.origin.requests.length - before, 6);
    for (const { url, headers } of ground.origin.requests.slice(before)) {
      assert.match(url, /^\/api\/catalog\/entities\/by-query\?/);
      assert.equal(headers.authorization, `Bearer ${CATALOG_TOKEN}`);
      assert.equal(headers["cf-access-jwt-assertion"], undefined);
    }
    // And records of a kind that there is no more.
    await first.kvPut(Array.from({ length: 110 }, (_, i) => [`v1:zz:${i}`, "{}"]));
    const line = await run(first);
    // Two pages of records, and the state before and after the claim.
    assert.deepEqual(line.calls.filter(({ method }) => method === "list").length, 4);
    assert.deepEqual([line.unchanged, line.removed], [900, 110]);
  });

  /** 450 users are 900 records, eight more than a run of 900 calls to KV writes. */
  async function startFilledInTwo(t, users) {
    ground.origin.users = users;
    const gate = await startCron(t);
    const line = await run(gate);
    assert.deepEqual([line.outcome, line.code], ["partly", "run_limit"]);
    assert.deepEqual([line.level, line.written, line.putOff], ["info", 892, 8]);
    assert.equal(line.calls.length, 899);
    const next = await run(gate);
    assert.deepEqual([next.outcome, next.written], ["synced", 8]);
    return gate;
  }

  test("goes on where a KV that failed had stopped it", async (t) => {
    ground.origin.users = [catalogUser("jane"), catalogUser("bob")];
    const gate = await startCron(t);
    await gate.setKvOutages({ CATALOG: "unreachable" });
    const refused = await run(gate);
    assert.deepEqual([refused.outcome, refused.code], ["refused", "catalog_unavailable"]);
    await gate.setKvOutages({});
    assert.equal((await run(gate)).written, 4);
  });

  test("names the users that it cannot read, without their emails", async (t) => {
    const gate = await startFilled(t, [catalogUser("jane", ["team-a"]), catalogUser("bob")]);
    const jane = catalogUser("jane", [], { email: "ja ne@example.com" });
    const { relations, ...bob } = catalogUser("bob");
    ground.origin.users = [jane, bob];
    const line = await run(gate);
    assert.deepEqual([line.level, line.outcome, line.unreadable], ["warn", "synced", 2]);
    assert.deepEqual(line.named, [
      "user:default/jane: spec.profile.email",
      "user:default/bob: relations",
    ]);
    assert.equal(await signIn(gate, "jane@example.com"), "404 user_not_found");
    assert.deepEqual(await signIn(gate, "bob@example.com"), ["user:default/bob"]);
  });

  test("does not mind what it has not asked for: an annotation of 5 MB", async (t) => {
    const jane = catalogUser("jane", ["team-a"]);
    jane.metadata.annotations = { "example.com/notes": "x".repeat(5 * 1024 * 1024) };
    const gate = await startFilled(t, [jane, catalogUser("bob")]);
    assert.ok((await contents(gate)).length < 2_000);
  });

  test("works below the path of baseUrl, and in shadow mode", async (t) => {
    ground.origin.users = [catalogUser("jane")];
    const below = await startCron(t, {
      backstage: { baseUrl: "https://backstage.example.com/tools", mode: "shadow" },
    });
    const line = await run(below);
    assert.deepEqual(
      [line.code, ground.origin.requests.at(-1).url.split("?")[0]],
      ["origin_refused", "/tools/api/catalog/entities/by-query"],
    );
    const shadow = await startCron(t, { backstage: { mode: "shadow" } });
    assert.equal((await run(shadow)).written, 2);
  });

  test("without BACKSTAGE.origin reads from where baseUrl leads", async (t) => {
    ground.origin.users = [catalogUser("jane")];
    const gate = await startCron(t, {
      backstage: { baseUrl: ground.origin.url, origin: undefined },
    });
    assert.equal((await run(gate)).written, 2);
  });
});

describe("a run that must not write", () => {
  const users = ["a", "b", "c", "d", "e"].map((name) => catalogUser(name));

  const refusals = {
    "half a list": {
      answer: (page) => ({ ...page, items: page.items.slice(2) }),
      code: "origin_incomplete",
      detail: /it has 5 entities and gave 3/,
    },
    "an empty list": {
      answer: () => ({ items: [], totalItems: 0, pageInfo: {} }),
      code: "origin_incomplete",
      detail: /there is no user/,
    },
    "too many removals": {
      answer: (page) => ({ ...page, items: page.items.slice(2), totalItems: 3 }),
      code: "removals_excessive",
      detail: /2 of 5 users would be removed, more than 20 %.*catalog push --force/,
    },
    "a truncated page": {
      answer: (page) => JSON.stringify(page).slice(0, -20),
      code: "origin_incomplete",
      detail: /not a page of entities/,
    },
    "a page that has no end": {
      answer: () => `{"items":[${" ".repeat(17 * 1024 * 1024)}],"totalItems":0,"pageInfo":{}}`,
      code: "origin_unreachable",
      detail: /over 16777216 bytes/,
    },
    "an endless cursor": {
      answer: (page) => ({ ...page, pageInfo: { nextCursor: "MA==" } }),
      code: "origin_incomplete",
      detail: /pages have no end/,
    },
    "an HTML page": { answer: () => "<html>", code: "origin_incomplete", detail: /web page/ },
    "a token that is not good enough": {
      answer: () => 401,
      code: "origin_refused",
      detail: /status 401: CATALOG_TOKEN is not good enough/,
    },
    "a login page elsewhere": {
      answer: () => 302,
      code: "origin_refused",
      detail: /leads elsewhere/,
    },
    "an origin that fails": { answer: () => 503, code: "origin_refused", detail: /status 503/ },
  };

  for (const [name, { answer, code, detail }] of Object.entries(refusals)) {
    test(name, async (t) => {
      const gate = await startFilled(t, users);
      const before = await contents(gate);
      ground.origin.answerWith(t, answer);
      const line = await run(gate);
      assert.deepEqual([line.level, line.outcome, line.code], ["error", "refused", code]);
      assert.match(line.detail, detail);
      assert.ok(!JSON.stringify(line).includes(CATALOG_TOKEN));
      assert.deepEqual(changes(line), []);
      assert.equal(await contents(gate), before);
      assert.deepEqual(await signIn(gate, "jane@example.com"), "404 user_not_found");
    });
  }

  test("a list in which all users have lost their groups", async (t) => {
    const gate = await startFilled(
      t,
      ["a", "b", "c"].map((name) => catalogUser(name, ["team-a", "team-b"])),
    );
    const before = await contents(gate);
    ground.origin.users = ["a", "b", "c"].map((name) => catalogUser(name));
    const line = await run(gate);
    assert.deepEqual([line.outcome, line.code], ["refused", "removals_excessive"]);
    assert.match(line.detail, /6 of 6 memberships would be removed/);
    assert.equal(await contents(gate), before);
  });

  test("an origin that is not there", async (t) => {
    const gate = await startCron(t, { backstage: { origin: await deafUrl() } });
    const line = await run(gate);
    assert.deepEqual(
      [line.level, line.outcome, line.code],
      ["error", "refused", "origin_unreachable"],
    );
    assert.deepEqual(changes(line), []);
  });

  test("no CATALOG_TOKEN: nothing is asked, and it is said what to do", async (t) => {
    const before = ground.origin.requests.length;
    for (const token of [undefined, "", " \n"]) {
      const gate = await startCron(t, { bindings: { CATALOG_TOKEN: token } });
      const line = await run(gate);
      assert.deepEqual([line.level, line.code], ["error", "catalog_token_missing"]);
      assert.match(line.detail, /wrangler secret put CATALOG_TOKEN/);
      assert.deepEqual(line.calls, []);
    }
    assert.equal(ground.origin.requests.length, before);
  });

  test("a broken configuration", async (t) => {
    const gate = await startCron(t, { backstage: { baseUrl: undefined } });
    const line = await run(gate);
    assert.deepEqual([line.level, line.outcome, line.code], ["error", "refused", "misconfigured"]);
    assert.match(line.detail, /BACKSTAGE\.baseUrl/);
    assert.deepEqual(line.calls, []);
  });
});

describe("while a run is under way", () => {
  test("requests are answered, and two runs at once end right", async (t) => {
    const gate = await startFilled(t, [catalogUser("jane", ["team-a"])]);
    ground.origin.users = [catalogUser("jane", ["team-b"]), catalogUser("bob")];
    const runs = [gate.scheduled(), gate.scheduled()];
    assert.equal(Array.isArray(await signIn(gate, "jane@example.com")), true);
    for (const { outcome } of await Promise.all(runs)) assert.equal(outcome, "ok");
    // Each may have left it to the other.
    await gate.lines(() => gate.logs.length >= 3);
    await run(gate);
    const kv = await gate.kv("CATALOG");
    assert.match(await kv.get("v1:ref:user:default/jane"), /team-b/);
    assert.match(await kv.get("v1:ref:user:default/bob"), /bob/);
    assert.equal((await run(gate)).written, 0);
  });
});
