// What the team's own endpoints may answer: key sets, and documents of get-identity.

import { generateKeyPairSync, sign } from "node:crypto";
import { REFRESH, VICTIM } from "../ground.mjs";
import { sessionIn, tokenAttacks, tokenControls } from "../judge.mjs";

const KID = "a".repeat(64);

/** Each in a fresh Worker, whose team publishes this and nothing else. */
export async function keySets({ access }) {
  const strong = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = (key, more) => ({
    ...key.publicKey.export({ format: "jwk" }),
    kid: KID,
    alg: "RS256",
    use: "sig",
    ...more,
  });
  const signed = (key, header) =>
    access.mint({ key: key.privateKey, header: { kid: KID, ...header } });
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  // jose refuses to sign with it.
  const input = (await signed(strong)).split(".").slice(0, 2).join(".");
  const byWeak = `${input}.${sign("sha256", Buffer.from(input), weak.privateKey).toString("base64url")}`;
  const curve = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const good = await signed(strong);
  const { n, e } = jwk(strong);
  const sets = {
    "an RSA key of 1024 bits": [{ keys: [jwk(weak)] }, byWeak],
    "an EC key": [{ keys: [jwk(curve, { alg: "ES256" })] }, await signed(curve, { alg: "ES256" })],
    "a symmetric key": [
      { keys: [{ kty: "oct", k: "c2VjcmV0", kid: KID, alg: "HS256" }] },
      await access.mint({ key: Buffer.from("secret"), header: { kid: KID, alg: "HS256" } }),
    ],
    "a key for encryption": [{ keys: [jwk(strong, { use: "enc" })] }, good],
    "a key for another algorithm": [{ keys: [jwk(strong, { alg: "RS512" })] }, good],
    "a key without a kid": [{ keys: [jwk(strong, { kid: undefined })] }, good],
    "a key whose kid is a number": [{ keys: [jwk(strong, { kid: 1 })] }, good],
    "a key with the kid of another": [{ keys: [jwk(strong, { kid: "b".repeat(64) })] }, good],
    "an exponent of 1": [{ keys: [jwk(strong, { e: "AQ" })] }, good],
    "an even exponent": [{ keys: [jwk(strong, { e: "AgA" })] }, good],
    "no modulus": [{ keys: [jwk(strong, { n: undefined })] }, good],
    "a modulus that is no base64url": [{ keys: [jwk(strong, { n: `${n}!` })] }, good],
    "keys that are no list": [{ keys: { 0: jwk(strong) } }, good],
    "a list without an object": [[jwk(strong)], good],
    "no keys": [{ keys: [] }, good],
    "HTML with a key inside": [`<html>${JSON.stringify({ keys: [jwk(strong)] })}</html>`, good],
    "keys twice": [`{"keys":[],"keys":[${JSON.stringify({ kty: "RSA", kid: KID, n, e })}]}`, good],
  };
  const faults = Object.entries(sets).map(([name, [body, token]]) => [
    name,
    { status: 200, body },
    token,
  ]);
  // By the team's own key, in a set that only its size is wrong with.
  faults.push(["a set of 32 MB", { huge: true }, await access.mint()]);
  const attacks = faults.map(([name, certs, token]) => ({
    name,
    // The published set is the same for all Workers, so one after the other.
    alone: true,
    run: (ground) =>
      withFault(ground, { certs }, () =>
        ground.withGate({}, async (gate) => {
          for (const attack of tokenAttacks(name, token, gate).slice(0, 4)) {
            const accepted = await attack.run(ground);
            if (accepted) return `${attack.name}: ${accepted}`;
          }
          return undefined;
        }),
      ),
  }));
  const control = {
    name: "a key set that is as it should be",
    alone: true,
    run: (ground) =>
      withFault(ground, { certs: { status: 200, body: { keys: [jwk(strong)] } } }, () =>
        ground.withGate({}, async (gate) => {
          for (const it of tokenControls(good, gate)) if (!(await it.run(ground))) return undefined;
          return "accepted";
        }),
      ),
  };
  return { attacks, controls: [control] };
}

/** Whatever get-identity says, the session is of the user whose email Access has signed, or there is none. */
export async function identityDocuments({ access }) {
  const documents = {
    "another user's email": { id: "1", name: "x", email: "bob@example.com" },
    "another user's email, as a list": { email: ["bob@example.com"] },
    "another user's sub": { email: VICTIM, user_uuid: "bob", id: "bob" },
    "an email in other letters": { email: "BOB@EXAMPLE.COM" },
    "email twice": '{"email":"jane@example.com","email":"bob@example.com"}',
    "a list": [{ email: "bob@example.com" }],
    "a string": '"bob@example.com"',
    null: "null",
    "no JSON": "{",
    HTML: "<html>bob@example.com</html>",
    "groups of text": { email: VICTIM, groups: "group:default/admins" },
    ["__proto__"]: '{"__proto__":{"email":"bob@example.com"}}',
  };
  const faults = Object.entries(documents).map(([name, body]) => [name, { status: 200, body }]);
  faults.push(["a document of 32 MB", { huge: true }]);
  const token = await access.mint();
  const ask = async (ground, gate) => {
    const { text } = await ground.send(gate.url, `GET ${REFRESH} HTTP/1.1`, [
      `Cf-Access-Jwt-Assertion: ${token}`,
    ]);
    return { text, user: sessionIn(text) };
  };
  const attacks = faults.map(([name, identity]) => ({
    name,
    alone: true,
    run: (ground) =>
      withFault(ground, { identity }, () =>
        ground.withGate({}, async (gate) => {
          const { text, user } = await ask(ground, gate);
          if (user !== undefined && user !== "user:default/jane.doe") return text;
          return /admins/.test(text.split('"ownershipEntityRefs"')[1] ?? "") ? text : undefined;
        }),
      ),
  }));
  for (const status of [401, 403]) {
    attacks.push({
      name: `status ${status}: the session has ended`,
      alone: true,
      run: (ground) =>
        withFault(ground, { identity: { status } }, () =>
          ground.withGate({}, async (gate) => (await ask(ground, gate)).user),
        ),
    });
  }
  return {
    attacks,
    controls: [
      { name: "a good document", run: async (ground) => (await ask(ground, ground.gate)).user },
    ],
  };
}

async function withFault({ access }, fault, use) {
  access.setFault(fault);
  try {
    return await use();
  } finally {
    access.setFault();
  }
}
