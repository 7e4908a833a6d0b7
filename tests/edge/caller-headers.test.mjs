// The headers that speak of the caller: the Worker sets them, and no request gets its own past it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ASSERTION, EMAIL, forwardingOfThisFile } from "./forwarding.mjs";
import { SERVICE_TOKEN, unseenBy } from "./harness.mjs";

const { ground, arrived } = forwardingOfThisFile();

describe("headers that speak of the caller", () => {
  const SPOOFED = [
    "Cf-Access-Authenticated-User-Email",
    "CF-ACCESS-AUTHENTICATED-USER-EMAIL",
    "cf_access_authenticated_user_email",
    "Cf_Access-Authenticated_User-Email",
    "cf_access_jwt_assertion",
    "CF-ACCESS-JWT_ASSERTION",
    "X-Forwarded-User",
    "x_forwarded_user",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Remote-User",
    "Remote-User",
    "REMOTE_USER",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc-identity",
    "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-email",
    "x-ms-client-principal",
    "x-ms-token-aad-id-token",
  ];
  const spoofed = SPOOFED.flatMap((name) => [name, "boss@example.com"]);

  /** The values at the origin that came from the spoofed headers. */
  const believed = ({ rawHeaders }) =>
    rawHeaders.filter((_, index) => rawHeaders[index + 1] === "boss@example.com");

  test("do not get past the Worker in any spelling, and the true email takes their place", async () => {
    const token = await ground.access.mint();
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], "jane@example.com");
    assert.equal(seen.headers[ASSERTION], token);
  });

  test("are none for a service token, which has no email", async () => {
    const token = await ground.access.mint({ serviceToken: SERVICE_TOKEN.clientId });
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], undefined);
    assert.equal(seen.headers[ASSERTION], token);
  });

  test("are of the cookie's user if there is only the cookie", async () => {
    const cookie = `CF_Authorization=${await ground.access.mint({ user: "bob@example.com" })}`;
    const seen = await arrived("/x", { token: undefined, headers: [...spoofed, "cookie", cookie] });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], "bob@example.com");
    assert.equal(seen.headers[ASSERTION], undefined);
    assert.equal(seen.headers.cookie, cookie);
  });

  test("an empty assertion header beside a good cookie does not arrive", async () => {
    const cookie = `CF_Authorization=${await ground.access.mint()}`;
    const seen = await arrived("/x", { token: "", headers: { cookie } });
    assert.ok(!seen.rawHeaders.some((name) => name.toLowerCase() === ASSERTION));
  });

  test("a second assertion in a header of the same name is refused with the first", async () => {
    const [jane, bob] = [
      await ground.access.mint(),
      await ground.access.mint({ user: "bob@example.com" }),
    ];
    const answer = await unseenBy(ground.origin, () =>
      ground.gate.send("/x", { token: jane, headers: { [ASSERTION.toUpperCase()]: bob } }),
    );
    assert.equal(answer.status, 401);
  });

  test("the usual assertion header is one of them if another is configured", async (t) => {
    const gate = await ground.startGate(t, { cfaccess: { jwtHeaderName: "X-Corp-Assertion" } });
    const [jane, bob] = [
      await ground.access.mint(),
      await ground.access.mint({ user: "bob@example.com" }),
    ];
    const headers = { "x-corp-assertion": jane, x_corp_assertion: bob, [ASSERTION]: bob };
    const seen = (await gate.send("/x", { headers })).json;
    assert.equal(seen.headers["x-corp-assertion"], jane);
    assert.ok(!seen.rawHeaders.includes(bob));
  });

  test("an email that fits no header is left out", async () => {
    const token = await ground.access.mint({ user: { email: "jürgen@example.com" } });
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual([believed(seen), seen.headers[EMAIL]], [[], undefined]);
  });
});
