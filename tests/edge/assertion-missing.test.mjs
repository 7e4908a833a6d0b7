// Requests without an assertion.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused, groundOfThisFile, REFRESH, SHOWN_REFRESH, unseenBy } from "./harness.mjs";

const ground = groundOfThisFile();

const FORWARDED = "/api/catalog/entities?filter=kind=user";

describe("no assertion", () => {
  const missing = { status: 401, name: "AuthenticationError", code: "assertion_missing" };

  for (const method of ["GET", "POST"]) {
    test(`${method} without header and cookie is refused`, async () => {
      const { gate, origin } = ground;
      await unseenBy(origin, async () => {
        const refresh = await gate.refresh(undefined, { method });
        assertRefused(refresh, { ...missing, method, url: SHOWN_REFRESH });
        const forwarded = await gate.send(FORWARDED, { method });
        assertRefused(forwarded, { ...missing, method, url: FORWARDED });
      });
    });
  }

  test("HEAD is refused with the same status and no body", async () => {
    const answer = await unseenBy(ground.origin, () =>
      ground.gate.refresh(undefined, { method: "HEAD" }),
    );
    assert.deepEqual([answer.status, answer.text], [401, ""]);
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("an empty header and an empty cookie are none", async () => {
    const answer = await ground.gate.refresh("", { headers: { cookie: "CF_Authorization=" } });
    assertRefused(answer, { ...missing, url: SHOWN_REFRESH });
  });

  test("the unsigned email header, a bearer token and other cookies are no assertion", async () => {
    const token = await ground.access.mint();
    const answer = await ground.gate.refresh(undefined, {
      headers: {
        "Cf-Access-Authenticated-User-Email": "jane@example.com",
        authorization: `Bearer ${token}`,
        cookie: `cf_authorization=${token}; CF_AppSession=x; XCF_Authorization=${token}`,
      },
    });
    assertRefused(answer, { ...missing, url: SHOWN_REFRESH });
  });

  test("a query takes no part in the check and is told back as it came", async () => {
    const answer = await ground.gate.send(`${REFRESH}?env=production&optional=%C3%A4`);
    assertRefused(answer, { ...missing, url: `${SHOWN_REFRESH}?env=production&optional=%C3%A4` });
  });
});
