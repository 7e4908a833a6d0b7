// The organisation and the KV that `npm run bench:catalog` measures with.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCloud } from "../../bench/catalog/cloud.mjs";
import { BUSIEST, changed, entities, MOST_GROUPS, organisation } from "../../bench/catalog/org.mjs";

const counts = ({ people }) => people.map(({ groups }) => groups.length);

test("every hundred of any organisation has the same numbers of groups", () => {
  const hundred = counts(organisation(100));
  const thousand = counts(organisation(1_000));
  for (let at = 0; at < 1_000; at += 100) {
    assert.deepEqual(thousand.slice(at, at + 100), hundred);
  }
  assert.equal(Math.max(...hundred), MOST_GROUPS);
  assert.equal(hundred[BUSIEST], MOST_GROUPS);
  assert.deepEqual(organisation(100), organisation(100));
});

test("one in a hundred is different later", () => {
  const before = organisation(1_000);
  const after = changed(before);
  const differing = after.people.filter((person, at) => person !== before.people[at]);
  assert.equal(differing.length, 10);
  assert.equal(differing.filter(({ index }) => index >= 1_000).length, 1);
});

test("its entities say each membership once, and each group has one parent", () => {
  const org = organisation(100);
  const all = [...entities(org)];
  const said = all.flatMap(({ spec }) => [...(spec.memberOf ?? []), ...(spec.members ?? [])]);
  assert.equal(
    said.length,
    counts(org).reduce((sum, count) => sum + count),
  );
  const children = all.flatMap(({ spec }) => spec.children ?? []);
  assert.equal(new Set(children).size, org.groups - 1);
  assert.equal(children.length, org.groups - 1);
});

test("the KV holds what is written until it is deleted, and counts", async (t) => {
  const cloud = await startCloud();
  t.after(() => cloud.close());
  const base = `${cloud.env.CLOUDFLARE_API_BASE_URL}/accounts/bench/storage/kv/namespaces/catalog`;
  const call = async (method, path, body) => {
    const answer = await fetch(`${base}${path}`, { method, body: body && JSON.stringify(body) });
    return answer.json();
  };
  const pairs = Array.from({ length: 1_001 }, (_, at) => {
    return { key: `k${String(at).padStart(4, "0")}`, value: "v", metadata: { h: String(at) } };
  });
  await call("PUT", "/bulk", pairs);
  const first = await call("GET", "/keys?limit=1000");
  assert.equal(first.result.length, 1_000);
  const { cursor } = first.result_info;
  const second = await call("GET", `/keys?limit=1000&cursor=${cursor}`);
  assert.deepEqual(second.result, [{ name: "k1000", metadata: { h: "1000" } }]);
  assert.equal(second.result_info.cursor, "");
  await call("POST", "/bulk/delete", ["k1000"]);
  assert.deepEqual(cloud.counts(), { pages: 2, requests: 2, written: 1_001, deleted: 1 });
  assert.equal((await call("GET", "/keys?limit=1000")).result_info.cursor, "");
});
