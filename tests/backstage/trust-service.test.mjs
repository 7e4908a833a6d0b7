// The Worker is the auth service: `discovery.endpoints` sends the plugin `auth` to it, and the
// backend has no auth plugin.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { testsOfBelief } from "./belief.mjs";
import { Browser, startGround } from "./ground.mjs";

for (const omitIdentityTokenOwnershipClaim of [false, true]) {
  const tokens = omitIdentityTokenOwnershipClaim ? "without ent" : "with ent";
  describe(`a backend whose auth service is the Worker, with tokens ${tokens}`, () => {
    const ground = {};
    before(async () => {
      const backstage = { omitIdentityTokenOwnershipClaim };
      Object.assign(ground, await startGround({ trust: "service", backstage }));
    });
    after(() => ground.close?.());

    testsOfBelief(ground);

    test("it has no auth plugin of its own", async () => {
      const answer = await fetch(`${ground.backend.url}/api/auth/.well-known/jwks.json`);
      assert.equal(answer.status, 404);
    });

    test("a service token signs in as its configured user", async () => {
      const bot = new Browser(
        ground,
        await ground.access.mint({ serviceToken: ground.access.serviceTokens[0].clientId }),
      );
      const { status, json, text } = await bot.get("/api/auth/cfaccess/refresh");
      assert.equal(status, 200, text);
      const whoami = await bot.holding(json.backstageIdentity.token).get("/api/probe/whoami");
      assert.equal(whoami.json?.userInfo.userEntityRef, "user:default/ci-bot", whoami.text);
    });
  });
}
