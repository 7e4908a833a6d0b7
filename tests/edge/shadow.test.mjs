// `mode: "shadow"`: the origin answers as if the Worker were not there, and the log says what the
// Worker would have done otherwise.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { groundOfThisFile, REFRESH } from "./harness.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

const ground = groundOfThisFile({
  origin: startScriptedOrigin,
  backstage: { mode: "shadow" },
});
const compared = ({ outcome }) => outcome === "compared";

/** What the official provider would say to Jane. */
let official;

function originAnswers(t, status, body) {
  ground.origin.answerWith(t, (_, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

async function lastComparison(count) {
  for (let tries = 0; tries < 100; tries += 1) {
    const lines = await ground.gate.lines(compared);
    if (lines.length >= count) return lines.at(-1);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("no comparison in the log");
}

const comparisons = () =>
  ground.gate.logs.filter(({ message }) => message.includes("compared")).length;

describe("mode shadow", () => {
  before(async () => {
    const answering = await ground.startGate({ after() {} }, { backstage: { mode: "answer" } });
    const token = await ground.access.mint({ user: "jane@example.com" });
    official = { token, body: (await answering.refresh(token)).json };
    await answering.close();
  });

  test("the origin's answer is the caller's, and an equal one of ours is no difference", async (t) => {
    originAnswers(t, 200, official.body);
    const before = comparisons();
    const answer = await ground.gate.refresh(official.token);
    assert.deepEqual([answer.status, answer.json], [200, official.body]);
    const line = await lastComparison(before + 1);
    assert.deepEqual(line, {
      level: "info",
      outcome: "compared",
      route: "refresh",
      ours: 200,
      theirs: 200,
      differences: [],
    });
  });

  test("fields that differ are named in the log, and their values are not", async (t) => {
    const theirs = structuredClone(official.body);
    theirs.profile.displayName = "Another Name";
    theirs.backstageIdentity.identity.ownershipEntityRefs = ["user:default/jane.doe"];
    originAnswers(t, 200, theirs);
    const before = comparisons();
    assert.deepEqual((await ground.gate.refresh(official.token)).json, theirs);
    const line = await lastComparison(before + 1);
    assert.deepEqual(line.differences.sort(), [
      "backstageIdentity.identity.ownershipEntityRefs",
      "profile.displayName",
    ]);
    assert.equal(line.level, "warn");
    assert.ok(!JSON.stringify(line).includes("Another Name"));
  });

  test("a request that we would refuse goes to the origin, unchanged", async (t) => {
    originAnswers(t, 500, { error: { name: "JWSInvalid" } });
    const before = comparisons();
    const headers = { "X-Forwarded-User": "boss", "Cf-Access-Authenticated-User-Email": "b@c.de" };
    const answer = await ground.gate.refresh("not.an.assertion", { headers });
    assert.deepEqual([answer.status, answer.json.error.name], [500, "JWSInvalid"]);
    const seen = ground.origin.requests.at(-1).headers;
    assert.equal(seen["x-forwarded-user"], "boss");
    assert.equal(seen["cf-access-authenticated-user-email"], "b@c.de");
    const line = await lastComparison(before + 1);
    assert.deepEqual([line.ours, line.theirs, line.code], [401, 500, "assertion_malformed"]);
    assert.deepEqual(line.differences, ["status"]);
  });

  test("any other path passes without an assertion, and the log says that it would not", async () => {
    const before = comparisons();
    const answer = await ground.gate.send("/api/catalog/entities?x=1");
    assert.deepEqual([answer.status, answer.json.url], [200, "/api/catalog/entities?x=1"]);
    const line = await lastComparison(before + 1);
    assert.deepEqual([line.route, line.ours, line.code], ["forward", 401, "assertion_missing"]);
  });

  test("our own public routes are the origin's too", async () => {
    const answer = await ground.gate.send("/api/auth/.well-known/jwks.json");
    assert.equal(answer.json.url, "/api/auth/.well-known/jwks.json");
  });

  test("a caller waits for the origin only, however long our own answer takes", async (t) => {
    originAnswers(t, 200, official.body);
    ground.access.setFault({ certs: { hang: true }, identity: { hang: true } });
    t.after(() => ground.access.setFault({}));
    const slow = await ground.startGate(t, { backstage: { mode: "shadow" } });
    const start = performance.now();
    assert.equal((await slow.refresh(official.token)).status, 200);
    // Our own answer waits out the certs endpoint's five seconds.
    assert.ok(performance.now() - start < 4000);
  });

  test("a broken configuration forwards nothing in this mode either", async (t) => {
    const broken = await ground.startGate(t, { backstage: { mode: "shadow", nonsense: 1 } });
    const before = ground.origin.requests.length;
    assert.equal((await broken.send("/")).status, 503);
    assert.equal(ground.origin.requests.length, before);
  });

  test("an origin that does not answer is 502, and the log has its route", async (t) => {
    const lonely = await ground.startGate(t, {
      backstage: { mode: "shadow", origin: "http://127.0.0.1:9" },
    });
    const answer = await lonely.send(REFRESH);
    assert.deepEqual([answer.status, answer.json.error.code], [502, "origin_unreachable"]);
    const [line] = await lonely.lines(({ code }) => code === "origin_unreachable");
    assert.deepEqual([line.level, line.route, line.status], ["error", "refresh", 502]);
  });
});
