// Requests while the origin cannot be reached.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused, deafUrl, groundOfThisFile } from "./harness.mjs";

const ground = groundOfThisFile();

const FORWARDED = "/api/catalog/entities?filter=kind=user";

describe("an origin that cannot be reached", () => {
  const unreachable = { status: 502, name: "BadGatewayError", code: "origin_unreachable" };

  test("is told as 502, while the refresh route still answers", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t);
    await gate.setOutages({ [new URL(origin.url).host]: "unreachable" });
    const token = await access.mint();
    assertRefused(await gate.send(FORWARDED, { token }), { ...unreachable, url: FORWARDED });
    assertRefused(await gate.send("/healthcheck"), { ...unreachable, url: "/healthcheck" });
    assert.equal((await gate.refresh(token)).status, 200);
    const [forwarded, open] = await gate.lines(({ code }) => code === "origin_unreachable", 2);
    const shown = ({ level, outcome, route, subject, status }) =>
      [level, outcome, route, subject, status].join(" ");
    assert.equal(shown(forwarded), "error failed forward user 502");
    assert.equal(shown(open), "error failed public  502");

    await gate.setOutages();
    assert.equal((await gate.send("/healthcheck")).status, 200);
  });

  test("keeps the route of a refresh request that is forwarded to it in the log", async (t) => {
    const gate = await ground.startGate(t, {
      cfaccess: { onUserNotFound: "origin" },
      origin: { url: await deafUrl() },
    });
    const token = await ground.access.mint({ user: "nobody@example.com" });
    assert.equal((await gate.refresh(token)).status, 502);
    const [line] = await gate.lines(({ code }) => code === "origin_unreachable");
    assert.deepEqual([line.route, line.subject], ["refresh", "user"]);
    assert.deepEqual(line.tries, ["emailMatchingUserEntityProfileEmail: user_not_found"]);
  });

  test("is a 502 for a port without a listener", async (t) => {
    const gate = await ground.startGate(t, { origin: { url: await deafUrl() } });
    const token = await ground.access.mint();
    const answer = await gate.send("/api/echo", { method: "POST", body: "x", token });
    assertRefused(answer, { ...unreachable, method: "POST", url: "/api/echo" });
  });
});
