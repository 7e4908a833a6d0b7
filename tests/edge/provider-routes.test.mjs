// The routes of the provider beside the refresh route, held against answers of the official provider.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused, groundOfThisFile, unseenBy } from "./harness.mjs";
import { ACCESS, recorded } from "./official-answers.mjs";

const ground = groundOfThisFile({ access: ACCESS });

const mint = (options) => ground.access.mint(options);

describe("the other routes of the provider, as recorded", () => {
  for (const name of [
    "GET start",
    "GET start?env=production with valid token",
    "GET handler/frame",
    "POST logout",
    "PUT refresh",
  ]) {
    const { method, path, status, body } = recorded(name);
    const expected = JSON.parse(body);
    test(`${method} ${path} is ${expected.error.name}, with and without an assertion`, async () => {
      const { gate, origin } = ground;
      for (const token of [undefined, await mint()]) {
        const answer = await unseenBy(origin, () => gate.send(path, { method, token }));
        const { name: error } = expected.error;
        const code = status === 501 ? "route_unsupported" : "route_unknown";
        assertRefused(answer, { status, name: error, code, method, url: expected.request.url });
        assert.equal(answer.json.error.message, expected.error.message);
      }
    });
  }

  test("start and handler/frame are 501 for every method", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      for (const path of ["/api/auth/cfaccess/start", "/api/auth/cfaccess/handler/frame"]) {
        assert.equal((await ground.gate.send(path, { method })).status, 501, `${method} ${path}`);
      }
    }
  });

  test("whatever else is below the provider's path is 404 and is not forwarded", async () => {
    const { gate, origin } = ground;
    const token = await mint();
    await unseenBy(origin, async () => {
      for (const path of [
        "",
        "refresh/x",
        "refreshx",
        "REFRESH",
        "handler",
        "start/",
        "../cfaccess/",
      ]) {
        const answer = await gate.send(`/api/auth/cfaccess/${path}`, { token });
        assert.equal(answer.json.error.code, "route_unknown", path);
      }
    });
  });
});
