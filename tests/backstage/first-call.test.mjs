// The first calls of a user that Backstage has never seen.
//
// With the shared key, the Worker registers a user with the origin before its first answer, so that
// userinfo of the backend knows them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeJwt } from "jose";
import { catalogShown, logIn, openChrome } from "./chrome.mjs";
import { Browser, STOCK_CATALOG, startGround } from "./ground.mjs";

describe("a user that Backstage has never seen, with the shared key", () => {
  const ground = {};
  before(async () => {
    Object.assign(ground, await startGround({ trust: "shared-key", catalog: STOCK_CATALOG }));
  });
  after(() => ground.close?.());

  test("the first call to the catalog, right after the sign-in, succeeds", async () => {
    const mei = await Browser.signedIn(ground, "mei.tanaka@meridian.example");
    const { status, text } = await mei.get("/api/catalog/entities/by-query?filter=kind=user");
    assert.equal(status, 200, text);
  });

  test("userinfo of the backend knows the user right after the sign-in", async () => {
    const lars = await Browser.signedIn(ground, "lars.devries@meridian.example");
    const answer = await fetch(`${ground.backend.url}/api/auth/v1/userinfo`, {
      headers: { authorization: `Bearer ${lars.token}` },
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.equal(JSON.parse(text).claims.sub, decodeJwt(lars.token).sub);
  });

  test("in Chromium, the first page has no request that fails", async () => {
    const chrome = await openChrome();
    try {
      const failed = [];
      chrome.page.on("response", (response) => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
      });
      await logIn(chrome.page, ground.url, "olga.lind@meridian.example");
      await catalogShown(chrome.page);
      await chrome.page.waitForLoadState("networkidle");
      assert.deepEqual(failed, []);
    } finally {
      await chrome.close();
    }
  });
});
