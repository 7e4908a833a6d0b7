// The official provider in a real backend and the Worker get the same assertions; what they answer
// is compared field by field. Whatever differs is in conformance/differences.mjs with its reason;
// docs/conformance.md is written from there.
//
// CONFORMANCE_SEED and CONFORMANCE_CASES (mixtures per configuration) try others than the usual, and
// write nothing.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { importJWK } from "jose";
import { newSigningKey } from "../../dev/access/keys.mjs";
import { ACCESS_NAMES, assertionKinds, casesOf, personOf, prepare } from "./conformance/cases.mjs";
import { organisation } from "./conformance/catalog.mjs";
import { differences } from "./conformance/compare.mjs";
import { CONFIGURATIONS, SERVICE_TOKENS } from "./conformance/configurations.mjs";
import { DIFFERENCES, explanationOf } from "./conformance/differences.mjs";
import { Random } from "./conformance/random.mjs";
import { report } from "./conformance/report.mjs";
import { startGround } from "./ground.mjs";

const DEFAULT_SEED = 20261124;
const DEFAULT_CASES = 30;
const SEED = Number(process.env.CONFORMANCE_SEED ?? DEFAULT_SEED);
const CASES = Number(process.env.CONFORMANCE_CASES ?? DEFAULT_CASES);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("the Worker answers as the official provider does, but for what is on the list", () => {
  const random = new Random(SEED);
  const entities = organisation(random);
  const people = entities.filter(({ kind }) => kind === "User").map(personOf);
  const ground = {};
  const facts = {};
  const found = new Map(DIFFERENCES.map((row) => [row, 0]));
  let total = 0;
  let compared = 0;

  before(async () => {
    Object.assign(
      ground,
      await startGround({
        trust: "shared-key",
        users: [],
        catalog: writeCatalog(entities),
        configs: ({ cfaccessConfig }) => [{ auth: { providers: providersOf(cfaccessConfig) } }],
      }),
    );
    const { access, signingKeys } = ground;
    const pem = access.keys.current.publicKey.export({ type: "spki", format: "pem" });
    Object.assign(facts, {
      audience: access.audience,
      issuer: access.issuer,
      publicPem: new TextEncoder().encode(pem),
      strangersKey: await newSigningKey(),
      key: await importJWK({ ...signingKeys.keys[0], d: undefined }, "ES256"),
    });
  });
  after(() => ground.close?.());

  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    test(`with the resolvers of “${name}”`, async () => {
      const providerId = `cfaccess-${name}`;
      const { resolvers, keys, workersOwn, thorough } = configuration;
      const worker = await ground.startWorker({
        cfaccess: {
          providerId,
          signIn: { resolvers },
          ...keys,
          ...workersOwn,
          serviceTokens: SERVICE_TOKENS,
        },
        backstage: { trust: "service" },
      });
      await ground.fill(worker);
      const names = {
        header: keys?.jwtHeaderName ?? ACCESS_NAMES.header,
        cookie: keys?.authorizationCookieName ?? ACCESS_NAMES.cookie,
      };
      const cases = casesOf(name, people, random, { thorough, count: CASES });
      const unexplained = [];
      for (const kase of cases) {
        // The Worker pauses its calls of get-identity after two failures in a row; the official provider
        // does not. With a good answer between the cases there are never two.
        const good = await prepare(WELL, ground.access, facts, `${total}-well`, names);
        await ask(`${worker.url}/api/auth/${providerId}/refresh`, "GET", good.headers);
        const { headers } = await prepare(kase, ground.access, facts, total, names);
        total += 1;
        const both = (method) =>
          Promise.all(
            [ground.backend.url, worker.url].map((url) =>
              ask(`${url}/api/auth/${providerId}/${kase.path}`, method, headers),
            ),
          );
        const [official, ours] = await both(kase.method);
        const differing = await differences(official, ours, facts);
        if (differing.length === 0) continue;
        // An answer to HEAD does not say why it is what it is.
        const [theirReason, ourReason] =
          kase.method === "HEAD" ? await both("GET") : [official, ours];
        const reasons = {
          code: ourReason.json?.error?.code,
          says: theirReason.json?.error?.message ?? "",
        };
        for (const difference of differing) {
          const row = explanationOf({ ...difference, ...reasons, case: kase, configuration });
          if (row) found.set(row, found.get(row) + 1);
          else unexplained.push({ case: kase, ...reasons, ...difference });
        }
      }
      await worker.close();
      compared += 1;
      assert.deepEqual(unexplained, [], `${unexplained.length} differences without a reason`);
    });
  }

  test("every difference on the list exists", () => {
    const none = [...found].filter(([, count]) => count === 0).map(([{ what }]) => what);
    assert.deepEqual(none, []);
  });

  // The numbers are those of the usual cases.
  if (SEED === DEFAULT_SEED && CASES === DEFAULT_CASES) {
    const configurations = Object.keys(CONFIGURATIONS).length;
    const wasWhole = () =>
      assert.equal(compared, configurations, "no numbers without all requests");

    test("docs/conformance.md has the list as it is", () => {
      wasWhole();
      const text = report({ found, total, configurations, assertions: assertionKinds() });
      return upToDate("docs/conformance.md", () => text);
    });
  }

  function providersOf(base) {
    return Object.fromEntries(
      Object.entries(CONFIGURATIONS).map(([name, { resolvers, keys }]) => [
        `cfaccess-${name}`,
        { ...base, ...keys, serviceTokens: SERVICE_TOKENS, signIn: { resolvers } },
      ]),
    );
  }
});

/** A login like any other. */
const WELL = { email: "well@corp.example", identity: "as it is", transport: "header" };

/** Catalog files are YAML, and JSON is YAML: one document each. */
function writeCatalog(entities) {
  return async (dir) => {
    const file = join(dir, "organisation.yaml");
    await writeFile(file, entities.map((entity) => JSON.stringify(entity)).join("\n---\n"));
    return [file];
  };
}

async function ask(url, method, headers) {
  const answer = await fetch(url, { method, headers, redirect: "manual" });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {}
  return { status: answer.status, headers: answer.headers, text, json };
}

/** Fails if a file is not what it has to be, and makes it so. */
async function upToDate(name, wanted) {
  const file = join(ROOT, name);
  const before = await readFile(file, "utf8").catch(() => "");
  const text = wanted(before);
  assert.ok(text !== undefined, `${name} has lost the marks around what is written there`);
  if (text === before) return;
  await writeFile(file, text);
  assert.fail(`${name} was out of date. It has been written: read and commit it`);
}
