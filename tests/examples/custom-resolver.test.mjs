// examples/custom-resolver in workerd, with the configuration of its own wrangler.toml.

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { readOwnWorker } from "../../dev/own-worker.mjs";
import { assertRefused, groundOfThisFile, REFRESH, unseenBy } from "../edge/harness.mjs";
import { limited } from "../edge/limited-user.mjs";

const { buildDir, cfaccess } = await readOwnWorker("examples/custom-resolver");

const JANE = {
  email: "jane@acme.com",
  name: "Jane Doe (Acme Ltd)",
  groups: [{ id: "g-1", name: "Platform Team" }],
  custom: { employee_id: "E7" },
};
const CONTRACTOR = {
  email: "carl@acme.com",
  name: "Carl",
  custom: { employee_id: "E8", type: "contractor" },
};
const BOB = { email: "bob@acme.com", name: "Bob" };

const OWNERSHIP = ["user:default/jane", "group:default/team-a", "group:idp/platform-team"];

const record = (user) => JSON.stringify({ v: 1, user });
const jane = record({
  ref: "user:default/jane",
  ent: ["user:default/jane", "group:default/team-a"],
  annotations: { "acme.com/id": "E7" },
});
const bob = record({ ref: "user:default/bob", ent: ["user:default/bob"], email: "bob@acme.com" });

const ground = groundOfThisFile({
  access: { users: [JANE, CONTRACTOR, BOB] },
  buildDir,
  cfaccess: { signIn: cfaccess.signIn, catalog: cfaccess.catalog },
  records: [
    ["v1:annotation:acme.com/id=e7", jane],
    ["v1:ref:user:default/jane", jane],
    ["v1:email:bob@acme.com", bob],
    ["v1:ref:user:default/bob", bob],
  ],
});

const assertionOf = ({ email }) => ground.access.mint({ user: email });

async function signIn(user) {
  const answer = await ground.gate.refresh(await assertionOf(user));
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

test("named_resolver_finds_the_user_and_adds_a_claim_to_the_token", async () => {
  const { backstageIdentity } = await signIn(JANE);
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/jane");
  const claims = decodeJwt(backstageIdentity.token);
  assert.deepEqual([claims.sub, claims.employee_id], ["user:default/jane", "E7"]);
});

test("groups_of_the_identity_are_in_the_response_and_in_the_token", async () => {
  const { backstageIdentity } = await signIn(JANE);
  assert.deepEqual(backstageIdentity.identity.ownershipEntityRefs, OWNERSHIP);
  assert.deepEqual(decodeJwt(backstageIdentity.token).ent, OWNERSHIP);
});

test("profile_has_the_name_without_suffix", async () => {
  const { profile } = await signIn(JANE);
  assert.deepEqual(profile, { email: "jane@acme.com", displayName: "Jane Doe" });
});

test("user_without_employee_id_is_found_by_the_next_resolver", async () => {
  const { backstageIdentity } = await signIn(BOB);
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/bob");
  const isBob = ({ user }) => user === "user:default/bob";
  const [line] = await ground.gate.lines(isBob);
  assert.deepEqual(line.tries, ["acme/employee: user_not_found"]);
});

test("contractor_is_refused_with_the_code_of_the_resolver", async () => {
  const answer = await ground.gate.refresh(await assertionOf(CONTRACTOR));
  const url = REFRESH.slice("/api/auth".length);
  assertRefused(answer, { status: 403, name: "NotAllowedError", code: "contractor", url });
  assert.equal(answer.json.error.message, "Contractors have no access");
});

test("userinfo_of_a_limited_user_token_has_the_ownership_and_claims_of_the_code", async (t) => {
  const { backstageIdentity } = await signIn(JANE);
  const headers = { authorization: `Bearer ${limited(backstageIdentity.token)}` };
  const expected = { sub: "user:default/jane", ent: OWNERSHIP, employee_id: "E7" };
  const userinfo = (gate) => gate.send("/api/auth/v1/userinfo", { headers });
  assert.deepEqual((await userinfo(ground.gate)).json.claims, expected);

  // Another isolate answers less, never more, until KV has what was issued.
  const issued = await issuedRecord(await ground.gate.kv("ACCESS_CACHE"));
  const other = await ground.startGate(t, {
    buildDir,
    cfaccess: { signIn: cfaccess.signIn, catalog: cfaccess.catalog },
    records: [["v1:ref:user:default/jane", jane]],
  });
  assert.deepEqual((await userinfo(other)).json.claims, {
    sub: "user:default/jane",
    ent: ["user:default/jane"],
  });
  await (await other.kv("ACCESS_CACHE")).put(...issued);
  assert.deepEqual((await userinfo(other)).json.claims, expected);
});

/** The key and value that the sign-in of Jane wrote to KV. */
async function issuedRecord(cache) {
  for (let tries = 0; tries < 40; tries += 1) {
    const { keys } = await cache.list({ prefix: "issued:" });
    for (const { name } of keys) {
      const value = await cache.get(name);
      if (value.includes("user:default/jane")) return [name, value];
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("nothing was written to ACCESS_CACHE");
}

test("whoami_answers_a_verified_caller_and_never_reaches_the_origin", async () => {
  const token = await assertionOf(CONTRACTOR);
  const answer = await unseenBy(ground.origin, () => ground.gate.send("/whoami", { token }));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.deepEqual(answer.json, { email: CONTRACTOR.email, serviceToken: null });
});

test("routes_of_the_example_without_an_assertion_are_401", async () => {
  for (const path of ["/whoami", "/whoami/ownership"]) {
    const answer = await unseenBy(ground.origin, () => ground.gate.send(path));
    const { status, json } = answer;
    assert.deepEqual([status, json.error.name], [401, "AuthenticationError"], path);
  }
});

test("ownership_route_answers_the_user_and_refuses_as_a_sign_in_does", async () => {
  const ask = async (user) =>
    ground.gate.send("/whoami/ownership", { token: await assertionOf(user) });
  const answer = await ask(JANE);
  assert.deepEqual(answer.json, { user: "user:default/jane", ownership: OWNERSHIP });
  const refused = await ask(CONTRACTOR);
  assert.deepEqual([refused.status, refused.json.error.code], [403, "contractor"]);
});

test("header_of_before_forward_reaches_the_origin_in_place_of_the_callers", async () => {
  const before = ground.origin.requests.length;
  const headers = { "x-acme-caller": "admin" };
  const token = await assertionOf(JANE);
  assert.equal((await ground.gate.send("/", { token, headers })).status, 200);
  const [request] = ground.origin.requests.slice(before);
  assert.equal(request.headers["x-acme-caller"], "user");
});

test("scheduled_handler_is_exported", async () => {
  const { outcome } = await ground.gate.scheduled();
  assert.equal(outcome, "ok");
});
