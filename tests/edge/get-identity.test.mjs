// What Access says of a user beyond the assertion: groups and name, and what happens without them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused, groundOfThisFile, SERVICE_TOKEN, unseenBy } from "./harness.mjs";
import { ACCESS, BOB_GROUPS, JANE, JANES_IDENTITY, refreshed } from "./official-answers.mjs";

const ground = groundOfThisFile({ access: ACCESS });

const mint = (options) => ground.access.mint(options);

/** CFACCESS with another member. */
const withCfaccess = (t, cfaccess) => ground.startGate(t, { cfaccess });

describe("the identity", () => {
  const groupsOf = (answer) => answer.providerInfo.cfIdentity.groups;

  test("groups are given on as the identity provider has them, objects or names", async () => {
    const jane = await refreshed(ground.gate, await mint());
    assert.deepEqual(groupsOf(jane), JANES_IDENTITY.groups);
    const bob = await refreshed(ground.gate, await mint({ user: "bob@example.com" }));
    assert.deepEqual(groupsOf(bob), BOB_GROUPS);
  });

  test("get-identity is asked once for an assertion, and again for a new one", async () => {
    const { access, gate } = ground;
    const before = access.calls.identity;
    const token = await mint();
    for (let i = 0; i < 5; i += 1) await refreshed(gate, token);
    assert.equal(access.calls.identity, before + 1);
    await refreshed(gate, await mint());
    assert.equal(access.calls.identity, before + 2);
  });

  test("get-identity gets the assertion as Backstage sends it: header and cookie", async (t) => {
    const gate = await ground.startGate(t);
    const token = await mint();
    await refreshed(gate, token);
    const call = (await gate.outbound()).find(({ url }) => url.endsWith("/get-identity"));
    assert.equal(call.url, `${ground.access.issuer}/cdn-cgi/access/get-identity`);
    assert.equal(call.headers["cf-access-jwt-assertion"], token);
    assert.equal(call.headers.cookie, `CF_Authorization=${token}`);
  });

  test("a service token has none to be asked for", async () => {
    const before = ground.access.calls.identity;
    await refreshed(ground.gate, await mint({ serviceToken: SERVICE_TOKEN.clientId }));
    assert.equal(ground.access.calls.identity, before);
  });

  test('identity "claims" asks for none, and the name comes from the catalog', async (t) => {
    const gate = await withCfaccess(t, { identity: "claims" });
    const before = ground.access.calls.identity;
    const answer = await refreshed(gate, await mint());
    assert.equal(ground.access.calls.identity, before);
    assert.deepEqual(answer.profile, { email: JANE.email, displayName: "Jane of the catalog" });
    assert.equal(answer.providerInfo.cfIdentity.email, JANE.email);
    assert.deepEqual(groupsOf(answer), []);
  });

  const FAULTS = {
    "answers 500": { status: 500 },
    "answers 400": { status: 400, body: { err: "no app token set" } },
    "answers 404 with a page": { status: 404, body: "<h1>Not found</h1>" },
    "answers with a page": { status: 200, body: "<!doctype html>" },
    "answers with a list": { status: 200, body: [] },
    "answers with the identity of another user": {
      status: 200,
      body: { email: "boss@example.com", name: "Boss" },
    },
    "answers with 2 MiB": { huge: 2 * 1024 * 1024 },
    redirects: {
      status: 302,
      headers: { location: "https://testteam.cloudflareaccess.com/login" },
    },
    "does not answer": { hang: true },
  };

  for (const [what, identity] of Object.entries(FAULTS)) {
    test(`who is well signed signs in even if get-identity ${what}`, async (t) => {
      const { access } = ground;
      // One of its own: after two failures an isolate asks nothing for a while.
      const gate = await ground.startGate(t);
      access.setFault({ identity });
      t.after(() => access.setFault());
      const token = await mint();
      const answer = await refreshed(gate, token);
      assert.equal(answer.profile.email, JANE.email);
      assert.equal(answer.backstageIdentity.identity.userEntityRef, "user:default/jane.doe");
      assert.deepEqual(groupsOf(answer), []);
      const lines = await gate.lines(({ identity: from }) => from?.startsWith("claims"));
      assert.equal(lines.at(-1).user, "user:default/jane.doe");

      access.setFault();
      const calls = access.calls.identity;
      assert.deepEqual((await refreshed(gate, token)).profile, answer.profile);
      assert.equal(access.calls.identity, calls, "the claims stand in for a while");
      const other = await refreshed(gate, await mint());
      assert.equal(other.profile.displayName, JANES_IDENTITY.name);
    });
  }

  for (const status of [401, 403]) {
    test(`a session of which get-identity says ${status} has ended`, async (t) => {
      const { access, gate, origin } = ground;
      access.setFault({ identity: { status, body: { err: "session revoked" } } });
      t.after(() => access.setFault());
      const token = await mint();
      const answer = await unseenBy(origin, () => gate.refresh(token));
      const code = "identity_refused";
      const url = "/cfaccess/refresh";
      assertRefused(answer, { status: 401, name: "AuthenticationError", code, url });
      assert.ok(!answer.text.includes("revoked"));
    });
  }
});
