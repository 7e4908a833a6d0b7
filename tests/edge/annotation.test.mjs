// Users who are found by an annotation, with the records that `cfaccess catalog build` makes for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertRefused, groundOfThisFile, REFRESH } from "./harness.mjs";

const user = (name, id) => ({
  ref: `user:default/${name}`,
  ent: [`user:default/${name}`],
  annotations: { "example.com/id": id },
});
const record = (members) => JSON.stringify({ v: 1, ...members });

const ground = groundOfThisFile({
  cfaccess: {
    signIn: {
      resolvers: [
        {
          resolver: "claimMatchingUserEntityAnnotation",
          claim: "custom.employee",
          annotation: "example.com/id",
        },
      ],
    },
  },
  records: [
    ["v1:annotation:example.com/id=ä 7/?", record({ user: user("jane", "Ä 7/?") })],
    ["v1:annotation:example.com/id=8", record({ user: user("jane", "7") })],
    ["v1:annotation:example.com/id=9", record({ ambiguous: ["user:default/a", "user:default/b"] })],
  ],
});

const refresh = async (custom) =>
  ground.gate.refresh(await ground.access.mint({ claims: { custom } }));

test("a custom claim finds the user whose annotation it is, without case", async () => {
  for (const employee of ["Ä 7/?", "ä 7/?"]) {
    const { status, json } = await refresh({ employee });
    assert.equal(status, 200);
    assert.equal(json.backstageIdentity.identity.userEntityRef, "user:default/jane");
  }
});

test("no user, two users and the record of another user lead to the codes of the other resolvers", async () => {
  const url = REFRESH.slice("/api/auth".length);
  for (const [custom, status, name, code] of [
    [{ employee: "10" }, 404, "NotFoundError", "user_not_found"],
    [undefined, 404, "NotFoundError", "user_not_found"],
    [{ employee: "9" }, 409, "ConflictError", "user_ambiguous"],
    [{ employee: "8" }, 503, "ServiceUnavailableError", "catalog_corrupt"],
  ]) {
    assertRefused(await refresh(custom), { status, name, code, url });
  }
});
