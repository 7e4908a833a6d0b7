// The Worker is the auth service: `discovery.endpoints` sends the plugin `auth` to it, and the
// backend has no auth plugin.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CI_BOT, USERS } from "../../dev/people.mjs";
import { testsOfBelief } from "./belief.mjs";
import { Browser, STOCK_CATALOG, startGround } from "./ground.mjs";
import { ANOTHER_BOT, testsOfMachineCallers } from "./machine-callers.mjs";
import { catalogOfManyGroups, testsOfManyGroups, USERS_OF_MANY_GROUPS } from "./many-groups.mjs";
import { mcpToolNames } from "./mcp.mjs";
import { testsOfStockApp } from "./stock.mjs";

for (const omitIdentityTokenOwnershipClaim of [false, true]) {
  const tokens = omitIdentityTokenOwnershipClaim ? "without ent" : "with ent";
  describe(`a backend whose auth service is the Worker, with tokens ${tokens}`, () => {
    const ground = {};
    before(async () => {
      const backstage = { omitIdentityTokenOwnershipClaim };
      const options = {
        trust: "service",
        backstage,
        users: [...USERS, ...USERS_OF_MANY_GROUPS],
        catalog: async (dir) => [...STOCK_CATALOG, await catalogOfManyGroups(dir)],
        access: { serviceTokens: [CI_BOT, ANOTHER_BOT] },
      };
      Object.assign(ground, await startGround(options));
    });
    after(() => ground.close?.());

    testsOfBelief(ground);
    testsOfStockApp(ground);
    // They start Workers of their own, so once is enough.
    if (!omitIdentityTokenOwnershipClaim) {
      describe("users of many groups", () => testsOfManyGroups(ground));
      describe("attachToken", () => testsOfMachineCallers(ground, { authPlugin: false }));
    }

    test("what belongs to the auth plugin is gone: its routes, and its actions in MCP", async () => {
      const ingrid = await Browser.signedIn(ground, "ingrid.solheim@meridian.example");
      for (const path of ["github/start?env=production", ".well-known/openid-configuration"]) {
        assert.equal((await ingrid.get(`/api/auth/${path}`)).status, 404, path);
      }
      const names = await mcpToolNames(ingrid);
      assert.deepEqual(
        names.filter((name) => name.startsWith("auth.")),
        [],
      );
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
