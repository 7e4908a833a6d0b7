// Shared key: the backend has its auth plugin with the official provider, and signs with the
// Worker's key. What `cfaccess keygen` wrote for app-config is used as it is.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { documentedClientPaths } from "../../dev/backstage/documented.mjs";
import { CI_BOT, USERS } from "../../dev/people.mjs";
import { testsOfBelief } from "./belief.mjs";
import { startGithub } from "./github.mjs";
import { Browser, eventually, STOCK_CATALOG, startGround } from "./ground.mjs";
import { ANOTHER_BOT, testsOfMachineCallers } from "./machine-callers.mjs";
import { catalogOfManyGroups, testsOfManyGroups, USERS_OF_MANY_GROUPS } from "./many-groups.mjs";
import { MCP_CLIENT, testsOfTheAuthPlugin } from "./shared-key.mjs";
import { testsOfStockApp } from "./stock.mjs";

describe("a backend that shares the Worker's key", () => {
  const ground = {};
  before(async () => {
    ground.github = await startGithub();
    Object.assign(
      ground,
      await startGround({
        trust: "shared-key",
        users: [...USERS, ...USERS_OF_MANY_GROUPS],
        catalog: async (dir) => [...STOCK_CATALOG, await catalogOfManyGroups(dir)],
        access: { serviceTokens: [CI_BOT, ANOTHER_BOT] },
        configs: [ground.github.config, MCP_CLIENT],
        publicPaths: await documentedClientPaths(),
      }),
    );
  });
  after(async () => {
    await ground.close?.();
    await ground.github?.close();
  });

  /** Its userinfo knows a user once its own provider has issued that user a token. */
  const known = (browser) =>
    eventually(async () => {
      const answer = await fetch(`${ground.backend.url}/api/auth/v1/userinfo`, {
        headers: { authorization: `Bearer ${browser.token}` },
      });
      return answer.status === 200;
    }, "the backend was told of the user");

  testsOfBelief(ground, known);
  testsOfStockApp(ground, known);
  testsOfTheAuthPlugin(ground, known);
  describe("users of many groups", () => testsOfManyGroups(ground));
  describe("attachToken", () => testsOfMachineCallers(ground, { authPlugin: true }));

  test("the origin is told of a user once, not at every refresh", async () => {
    const olga = await Browser.signedIn(ground, "olga.lind@meridian.example");
    await known(olga);
    const told = () =>
      ground.backend.log().match(/GET \/api\/auth\/cfaccess\/refresh/g)?.length ?? 0;
    const before = told();
    for (let times = 0; times < 3; times += 1) {
      await Browser.signedIn(ground, "olga.lind@meridian.example");
    }
    assert.equal(told(), before);
  });

  test("everybody has the same refs in the same order from the Worker and from Backstage", async () => {
    for (const { email } of USERS.filter(({ note }) => note !== "not in the catalog")) {
      const { session } = await Browser.signedIn(ground, email);
      const token = await ground.access.mint({ user: email });
      const answer = await fetch(`${ground.backend.url}/api/auth/cfaccess/refresh`, {
        headers: { "cf-access-jwt-assertion": token },
      });
      const { backstageIdentity } = await answer.json();
      assert.deepEqual(session.backstageIdentity.identity, backstageIdentity.identity, email);
    }
  });
});
