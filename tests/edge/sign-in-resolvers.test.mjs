// Which user an assertion stands for, by the configured resolvers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { groundOfThisFile } from "./harness.mjs";
import { ACCESS, refreshed } from "./official-answers.mjs";

const ground = groundOfThisFile({ access: ACCESS });

const withResolvers = (t, ...resolvers) =>
  ground.startGate(t, { cfaccess: { signIn: { resolvers } } });

const refOf = async (gate, token) =>
  (await refreshed(gate, token)).backstageIdentity.identity.userEntityRef;

describe("the resolvers", () => {
  const byEmail = { resolver: "emailMatchingUserEntityProfileEmail" };
  const byName = { resolver: "emailLocalPartMatchingUserEntityName" };
  const dangerously = { dangerouslyAllowSignInWithoutUserInCatalog: true };
  const of = (user) => ground.access.mint({ user });

  test("by email: letters in any case, with and without plus-addressing", async () => {
    const { gate } = ground;
    assert.equal(await refOf(gate, await of("JANE@Example.COM")), "user:default/jane.doe");
    assert.equal(await refOf(gate, await of("jane+test@example.com")), "user:default/jane.doe");
    assert.equal(await refOf(gate, await of("mixed.case@example.com")), "user:default/mixed");
  });

  test("by local part: the name of the user", async (t) => {
    const gate = await withResolvers(t, byName);
    assert.equal(
      await refOf(gate, await of("Jane.Doe@elsewhere.example")),
      "user:default/jane.doe",
    );
    assert.equal((await gate.refresh(await of("jane@example.com"))).status, 404);
  });

  test("by local part: domains in any case, and no others", async (t) => {
    const gate = await withResolvers(t, { ...byName, allowedDomains: ["Example.com"] });
    assert.equal(await refOf(gate, await of("bob@EXAMPLE.com")), "user:default/bob");
    const denied = await gate.refresh(await of("bob@example.com.evil.example"));
    assert.equal(denied.json.error.code, "domain_not_allowed");
  });

  test("in order: the second is tried only if the first finds no user", async (t) => {
    const gate = await withResolvers(t, byEmail, byName);
    assert.equal(await refOf(gate, await of("bob@example.com")), "user:default/bob");
    assert.equal(
      await refOf(gate, await of("jane.doe@elsewhere.example")),
      "user:default/jane.doe",
    );
  });

  test("dangerouslyAllowSignInWithoutUserInCatalog: the user owns only their own ref", async (t) => {
    const byEmailOnly = await withResolvers(t, { ...byEmail, ...dangerously });
    const answer = await refreshed(byEmailOnly, await of("Ghost+x@example.com"));
    assert.deepEqual(answer.backstageIdentity.identity, {
      type: "user",
      userEntityRef: "user:default/ghost@example.com",
      ownershipEntityRefs: ["user:default/ghost@example.com"],
    });
    const byNameOnly = await withResolvers(t, { ...byName, ...dangerously });
    assert.equal(await refOf(byNameOnly, await of("ghost@example.com")), "user:default/ghost");
    assert.equal(await refOf(byNameOnly, await of("bob@example.com")), "user:default/bob");
  });
});
