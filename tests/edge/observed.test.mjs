// What an operator sees: log lines with ray id and time, sampled where they are many; the health route;
// the page for a browser.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { BASE_URL, deafUrl, groundOfThisFile } from "./harness.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

const ground = groundOfThisFile({ origin: startScriptedOrigin });

const RAY = "8c1f2e3d4a5b6c7d-FRA";
const HEALTH = "/api/auth/cfaccess/health";

const gateWith = (t, backstage) =>
  ground.startGate(t, { backstage: { baseUrl: BASE_URL, ...backstage } });

test("Server-Timing is in the answers of the Worker, if it is configured, and only there", async (t) => {
  const gate = await gateWith(t, { log: { serverTiming: true } });
  const token = await ground.access.mint();
  const { headers } = await gate.refresh(token);
  assert.match(headers["server-timing"], /^total;dur=\d+(, [a-z_]+;dur=\d+)+$/);
  assert.match(headers["server-timing"], /, get_identity;dur=/);
  const forwarded = await gate.send("/x", { token });
  assert.equal(forwarded.headers["server-timing"], undefined);
  const plain = await ground.gate.refresh(token);
  assert.equal(plain.headers["server-timing"], undefined);
});

describe("a log line", () => {
  test("has the ray id and the time that the request took", async (t) => {
    ground.origin.answerWith(t, (_request, response) => setTimeout(() => response.end("late"), 60));
    const token = await ground.access.mint();
    await ground.gate.send("/slow", { token, headers: { "cf-ray": RAY } });
    const [line] = await ground.gate.lines(({ path }) => path === "/slow");
    assert.equal(line.ray, RAY);
    assert.ok(line.ms >= 50 && line.ms < 5_000, `${line.ms} ms`);
    assert.ok(line.origin >= 50 && line.origin <= line.ms, `${line.origin} ms`);
    assert.equal("sample" in line, false);
    await ground.gate.refresh(token, { headers: { "cf-ray": RAY } });
    const [refresh] = await ground.gate.lines(({ route, ray }) => route === "refresh" && ray);
    assert.equal(refresh.ray, RAY);
    assert.ok(refresh.ms >= 0);
    assert.match(refresh.config, /^[0-9a-f]{8}$/);
    assert.equal(refresh.config, line.config);
  });

  test("has the services that the request waited for, and which of them failed", async (t) => {
    const gate = await gateWith(t, {});
    ground.access.setFault({ identity: { status: 500 } });
    t.after(() => ground.access.setFault());
    const token = await ground.access.mint();
    await gate.refresh(token);
    await gate.refresh(token);
    const [first, second] = await gate.lines(({ route }) => route === "refresh", 2);
    const services = ["catalog_kv", "certs", "certs_kv", "get_identity", "identity_kv"];
    assert.deepEqual(Object.keys(first.waits).toSorted(), services);
    assert.equal("failed" in first, false, "an answer with status 500 is an answer");
    assert.equal("waits" in second, false, "the isolate knows everything");
  });

  test("of a refresh that a service does not answer names the service", async (t) => {
    const gate = await ground.startGate(t, { kvNamespaces: ["ACCESS_CACHE"] });
    await gate.refresh(await ground.access.mint());
    const [line] = await gate.lines(({ code }) => code === "catalog_unavailable");
    assert.deepEqual(line.failed, ["catalog_kv"]);
  });

  test("of a forwarded request is written for the configured share", async (t) => {
    const gate = await gateWith(t, { log: { forwarded: 0 } });
    const token = await ground.access.mint();
    for (let at = 0; at < 20; at += 1) await gate.send("/x", { token });
    await gate.send("/refused");
    const [refused] = await gate.lines(({ path }) => path === "/refused");
    assert.equal(refused.code, "assertion_missing");
    assert.deepEqual(await gate.lines(({ outcome }) => outcome === "forwarded", 0), []);
  });

  test("of a sampled request has the share", async (t) => {
    const gate = await gateWith(t, { log: { forwarded: 0.9 } });
    const token = await ground.access.mint();
    for (let at = 0; at < 20; at += 1) await gate.send("/x", { token });
    const lines = await gate.lines(({ outcome }) => outcome === "forwarded");
    assert.ok(lines.length > 0 && lines.every(({ sample }) => sample === 0.9));
  });

  test("of a forwarded request that the origin fails is a warning, whatever the share", async (t) => {
    ground.origin.answerWith(t, (_request, response) => response.writeHead(503).end());
    const gate = await gateWith(t, { log: { forwarded: 0 } });
    await gate.send("/x", { token: await ground.access.mint() });
    const [line] = await gate.lines(({ outcome }) => outcome === "forwarded");
    assert.deepEqual([line.level, line.status, line.sample], ["warn", 503, undefined]);
    const dead = await gateWith(t, { log: { forwarded: 0 }, origin: await deafUrl() });
    await dead.send("/x", { token: await ground.access.mint(), headers: { "cf-ray": RAY } });
    const [failed] = await dead.lines(({ code }) => code === "origin_unreachable");
    assert.deepEqual([failed.level, failed.status, failed.ray], ["error", 502, RAY]);
    assert.ok(failed.ms >= failed.origin && failed.origin >= 0, JSON.stringify(failed));
  });
});

describe("the health route", () => {
  test("says what is wrong to a verified caller, and only the status on a public path", async (t) => {
    const { status, json } = await ground.gate.send(HEALTH, { token: await ground.access.mint() });
    assert.equal(status, 200);
    assert.deepEqual([json.status, json.problems], ["ok", []]);
    assert.equal((await ground.gate.send(HEALTH)).status, 401);
    const gate = await gateWith(t, { publicPaths: [HEALTH] });
    const answer = await gate.send(HEALTH);
    assert.deepEqual([answer.status, answer.json], [200, { status: "ok" }]);
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("is 503 under a broken configuration", async (t) => {
    const gate = await ground.startGate(t, { cfaccess: { audience: [] } });
    const answer = await gate.send(HEALTH);
    assert.deepEqual([answer.status, answer.json.error.code], [503, "misconfigured"]);
  });
});

describe("a browser that navigates", () => {
  const accept = "text/html,application/xhtml+xml";

  test("gets a page whose policy allows its style and nothing else", async () => {
    const headers = { accept, "cf-ray": RAY, "sec-fetch-mode": "navigate" };
    const answer = await ground.gate.send("/catalog", { headers });
    assert.equal(answer.status, 401);
    assert.match(answer.headers["content-type"], /^text\/html/);
    assert.equal(answer.headers["cache-control"], "no-store");
    const [, style] = answer.text.match(/<style>(.*)<\/style>/s);
    const hash = createHash("sha256").update(style).digest("base64");
    const policy = answer.headers["content-security-policy"];
    assert.ok(policy.startsWith(`default-src 'none'; style-src 'sha256-${hash}';`), policy);
    assert.ok(answer.text.includes(RAY) && answer.text.includes("assertion_missing"));
  });

  test("gets one also where the origin does not answer and under a broken configuration", async (t) => {
    const dead = await gateWith(t, { origin: await deafUrl() });
    const token = await ground.access.mint();
    const unreachable = await dead.send("/", { token, headers: { accept } });
    assert.equal(unreachable.status, 502);
    assert.match(unreachable.text, /^<!doctype html>.*origin_unreachable/s);
    const broken = await ground.startGate(t, { cfaccess: { audience: [] } });
    const misconfigured = await broken.send("/", { headers: { accept } });
    assert.equal(misconfigured.status, 503);
    assert.match(misconfigured.text, /^<!doctype html>.*misconfigured/s);
  });
});
