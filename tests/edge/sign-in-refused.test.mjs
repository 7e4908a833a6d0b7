// Genuine callers who may not sign in: their refresh requests are refused, their others forwarded.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  assertRefused,
  groundOfThisFile,
  REFRESH,
  SHOWN_REFRESH,
  TWINS_EMAIL,
  unseenBy,
} from "./harness.mjs";

const ground = groundOfThisFile();

describe("callers who are genuine but may not sign in", () => {
  test("a service token that is not configured is refused", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ serviceToken: "22222222222222222222222222222222.access" });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "service_token_unknown";
    assertRefused(answer, { status: 403, name: "NotAllowedError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("2222"), "the answer has no client id");
  });

  test("a user who is not in the catalog is refused", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ user: "nobody@example.com" });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "user_not_found";
    assertRefused(answer, { status: 404, name: "NotFoundError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("nobody"));
  });

  test("a user who is not in the catalog gets the origin's answer, if so configured", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, {
      cfaccess: {
        onUserNotFound: "origin",
        teamName: access.team,
        audience: access.audience,
        signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
      },
    });
    const token = await access.mint({ user: "nobody@example.com" });
    const before = origin.requests.length;
    const answer = await gate.refresh(token);
    assert.deepEqual(answer.json, { error: "the origin has no such page" });
    const seen = origin.requests.slice(before);
    assert.deepEqual(
      seen.map(({ url }) => url),
      [REFRESH],
    );
    assert.equal(seen[0].headers["cf-access-jwt-assertion"], token);
    assert.equal(seen[0].headers["cf-access-authenticated-user-email"], "nobody@example.com");

    const known = await unseenBy(origin, async () => gate.refresh(await access.mint()));
    assert.equal(known.status, 200, "who is in the catalog is answered here");
  });

  test("two users with that email are a conflict", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ user: TWINS_EMAIL });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "user_ambiguous";
    assertRefused(answer, { status: 409, name: "ConflictError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("twin"));
  });

  test("a user of a domain that is not allowed is refused", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, {
      cfaccess: {
        teamName: access.team,
        audience: access.audience,
        signIn: {
          resolvers: [
            { resolver: "emailLocalPartMatchingUserEntityName", allowedDomains: ["example.org"] },
            { resolver: "emailMatchingUserEntityProfileEmail" },
          ],
        },
      },
    });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "domain_not_allowed";
    assertRefused(answer, { status: 403, name: "NotAllowedError", code, url: SHOWN_REFRESH });
  });

  test("their other requests are forwarded, because Access let them in", async () => {
    const { access, gate } = ground;
    for (const mint of [
      { serviceToken: "22222222222222222222222222222222.access" },
      { user: "nobody@example.com" },
      { user: TWINS_EMAIL },
    ]) {
      assert.equal((await gate.send("/api/echo", { token: await access.mint(mint) })).status, 200);
    }
  });
});
