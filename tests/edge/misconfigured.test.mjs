// A broken configuration: every request is answered with 503, and the log names every problem.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  assertRefused,
  groundOfThisFile,
  newSigningKey,
  REFRESH,
  UNAVAILABLE,
  unseenBy,
} from "./harness.mjs";

const ground = groundOfThisFile();

describe("a broken configuration", async () => {
  const other = await newSigningKey("other");
  const access = () => ({
    teamName: ground.access.team,
    audience: [ground.access.audience],
    signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
  });
  const BROKEN = {
    "has no audience": () => [
      { cfaccess: { ...access(), audience: undefined } },
      "CFACCESS.audience",
    ],
    "has an empty audience list": () => [
      { cfaccess: { ...access(), audience: [] } },
      "CFACCESS.audience",
    ],
    "has an empty text as audience": () => [
      { cfaccess: { ...access(), audience: "" } },
      "CFACCESS.audience",
    ],
    "has an unknown key": () => [
      { cfaccess: { ...access(), audiences: ["x"] } },
      "CFACCESS.audiences",
    ],
    "has a resolver that does not exist": () => [
      { cfaccess: { ...access(), signIn: { resolvers: [{ resolver: "emailMatchingUser" }] } } },
      "CFACCESS.signIn.resolvers[0].resolver",
    ],
    "has a switch that is a text": () => [
      { cfaccess: { ...access(), exposeAssertion: "false" } },
      "CFACCESS.exposeAssertion",
    ],
    "is not JSON": () => [{ cfaccess: "{teamName: acme}" }, "CFACCESS"],
    "is not there": () => [{ cfaccess: null, backstage: null }, "CFACCESS", "BACKSTAGE"],
    "opens every path": () => [{ backstage: { publicPaths: ["/"] } }, "BACKSTAGE.publicPaths"],
    "has no signing keys": () => [{ signingKeys: undefined }, "SIGNING_KEYS"],
    "has an empty set of signing keys": () => [{ signingKeys: { keys: [] } }, "SIGNING_KEYS"],
    "has a public key for a signing key": () => {
      const { d, ...key } = ground.signingKeys.keys[0];
      return [{ signingKeys: { keys: [key] } }, "SIGNING_KEYS"];
    },
    "has the private half of another signing key": () => [
      { signingKeys: { keys: [{ ...ground.signingKeys.keys[0], d: other.d }] } },
      "SIGNING_KEYS keys[0]",
    ],
    "has it in a key that does not sign": () => {
      const [key] = ground.signingKeys.keys;
      return [{ signingKeys: { keys: [key, { ...other, d: key.d }] } }, "SIGNING_KEYS keys[1]"];
    },
    "has a signing key that is not on the curve": () => {
      const [key] = ground.signingKeys.keys;
      return [{ signingKeys: { keys: [{ ...key, y: key.x }] } }, "SIGNING_KEYS keys[0]"];
    },
    "has a signing key whose secret is out of range": () => {
      const [key] = ground.signingKeys.keys;
      const d = Buffer.alloc(32, 0xff).toString("base64url");
      return [{ signingKeys: { keys: [{ ...key, d }] } }, "SIGNING_KEYS keys[0]"];
    },
  };
  const PATHS = [
    ["GET", REFRESH],
    ["POST", REFRESH],
    ["OPTIONS", REFRESH],
    ["GET", "/api/auth/.well-known/jwks.json"],
    ["GET", "/api/auth/v1/userinfo"],
    ["GET", "/healthcheck"],
    ["GET", "/api/echo?a=b"],
    ["DELETE", "/"],
  ];

  for (const [what, broken] of Object.entries(BROKEN)) {
    test(`one that ${what} serves nothing on any path and forwards nothing`, async (t) => {
      const [overrides, ...places] = broken();
      const gate = await ground.startGate(t, overrides);
      const token = await ground.access.mint();
      await unseenBy(ground.origin, async () => {
        for (const [method, path] of PATHS) {
          const answer = await gate.send(path, { method, token });
          const expected = { ...UNAVAILABLE, code: "misconfigured", method, url: path };
          assertRefused(answer, expected);
          for (const place of places) assert.ok(!answer.text.includes(place), "why is for the log");
        }
        const head = await gate.send("/healthcheck", { method: "HEAD", token });
        assert.deepEqual([head.status, head.text], [503, ""]);
      });
      const [line] = await gate.lines(({ code }) => code === "misconfigured");
      for (const place of places) assert.ok(line.detail.includes(place), line.detail);
      assert.deepEqual(await gate.outbound(), []);
    });
  }

  test("every problem is named at once", async (t) => {
    const gate = await ground.startGate(t, {
      cfaccess: { audience: [], teamName: "https://acme", signIn: {}, identitty: "claims" },
      backstage: { baseUrl: "backstage.example.com", trust: "nobody", corsOrigins: ["*"] },
      signingKeys: "not json",
    });
    await gate.send("/");
    const [{ detail }] = await gate.lines(({ code }) => code === "misconfigured");
    for (const place of [
      "CFACCESS.audience",
      "CFACCESS.teamName",
      "CFACCESS.signIn.resolvers",
      "CFACCESS.identitty",
      "BACKSTAGE.baseUrl",
      "BACKSTAGE.trust",
      "BACKSTAGE.corsOrigins",
      "SIGNING_KEYS",
    ]) {
      assert.ok(detail.includes(`${place} `), `${place}: ${detail}`);
    }
  });

  test("the log never holds a signing key", async (t) => {
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";
    for (const signingKeys of [
      `{"keys":[{"d":"${secret}"`,
      `{"keys":[{"d":"${secret}"}]}`,
      `"${secret}"`,
    ]) {
      const gate = await ground.startGate(t, { signingKeys });
      await gate.send("/");
      await gate.lines(({ code }) => code === "misconfigured");
      assert.ok(!JSON.stringify(gate.logs).includes(secret));
    }
  });
});
