// A catalog that changes: people join, move and leave in a real Backstage. What is in KV follows, and
// the sign-in follows KV; until then `onUserNotFound: "origin"` has the official provider answer.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { decodeJwt } from "jose";
import { OUTSIDE_TOKEN } from "../../dev/backstage/backend.mjs";
import { Browser, cfaccess, EXAMPLE_CATALOG, eventually, startGround } from "./ground.mjs";
import { startKvRest } from "./kv-rest.mjs";
import { listening, pass } from "./server.mjs";

const REFRESH = "/api/auth/cfaccess/refresh";
/** What the Worker remembers of the catalog is over so soon, and the tests wait that long. */
const MAX_AGE = { cfaccess: { catalogMaxAge: "30s" } };
const FORGOTTEN_MS = 33_000;
const [JONAS, OLGA, TOMASZ] = ["jonas.weber", "olga.lind", "tomasz.wrona"].map(
  (name) => `${name}@meridian.example`,
);
/** Known to Access, and not to Backstage until a test adds her. */
const VERA = "vera.novak@partner.example";
const VERA_REF = "user:default/vera.novak";
const VERA_YAML = `---
apiVersion: backstage.io/v1alpha1
kind: User
metadata:
  name: vera.novak
spec:
  profile:
    displayName: Vera Novak
    email: ${VERA}
  memberOf: [booking]
`;

describe("a catalog that changes", () => {
  const ground = {};
  let kvRest;
  /** Like the ground, with a Worker that leaves the users it does not know to the origin. */
  let patient;
  /** What the origin has answered at the refresh route: status and text. */
  const answers = [];
  let usersFile;

  before(async () => {
    Object.assign(
      ground,
      await startGround({
        trust: "shared-key",
        worker: MAX_AGE,
        catalog: async (dir) => {
          const [org, users] = EXAMPLE_CATALOG;
          usersFile = join(dir, "users.yaml");
          await writeFile(usersFile, await readFile(users));
          return [org, usersFile];
        },
        configs: [{ catalog: { processingInterval: { seconds: 1 } } }],
        origin: (backendUrl) => startListener(backendUrl, answers),
      }),
    );
    const worker = await ground.startWorker({
      cfaccess: { ...MAX_AGE.cfaccess, onUserNotFound: "origin" },
    });
    patient = { access: ground.access, url: worker.url };
    kvRest = await startKvRest({
      usual: await ground.worker.kv("CATALOG"),
      patient: await worker.kv("CATALOG"),
    });
  });
  after(async () => {
    await kvRest?.close();
    await ground.close?.();
  });

  /** `cfaccess catalog push` into both namespaces. Returns its last word on each. */
  async function push() {
    const env = { ...kvRest.env, CATALOG_TOKEN: OUTSIDE_TOKEN };
    const url = ["--url", ground.backend.url];
    const summaries = [];
    for (const id of ["usual", "patient"]) {
      const args = ["catalog", "push", ...url, ...kvRest.args(id)];
      const { stdout } = await cfaccess(args, env);
      summaries.push(stdout.trimEnd().split("\n").at(-1));
    }
    return summaries;
  }

  /** Changes the file of users, and waits until the running Backstage says what it should. */
  async function change(from, to, isSeen) {
    const before = await readFile(usersFile, "utf8");
    const text = before.replace(from, to);
    assert.notEqual(text, before);
    await writeFile(usersFile, text);
    await eventually(async () => isSeen(await ground.backend.entities()), "Backstage's catalog");
  }

  const named = (entities, name) => entities.find(({ metadata }) => metadata.name === name);

  async function refreshOf(user, at = ground) {
    return new Browser(at, await ground.access.mint({ user })).get(REFRESH);
  }

  async function refsOf(user, at) {
    const { session, token } = await Browser.signedIn(at ?? ground, user);
    const { ownershipEntityRefs } = session.backstageIdentity.identity;
    assert.deepEqual(decodeJwt(token).ent, ownershipEntityRefs);
    return ownershipEntityRefs;
  }

  function assertOrigins({ status, text }) {
    const isThis = (it) => it.status === status && it.text === text;
    assert.ok(answers.some(isThis), `not what the origin has answered: ${text}`);
  }

  test("push fills an empty KV, and finds nothing to do where `catalog build` has been", async () => {
    assert.deepEqual(await push(), [
      "0 to remove, 0 to change, 0 to add, 16 unchanged",
      "0 to remove, 0 to change, 16 to add, 0 unchanged",
    ]);
    assert.deepEqual(await refsOf(JONAS, patient), await refsOf(JONAS));
  });

  test("a user who joins a group owns what is the group's, once it is pushed", async () => {
    await change(/memberOf: \[\]/, "memberOf: [platform]", (entities) =>
      named(entities, "jonas.weber").relations.some(({ targetRef }) => /platform/.test(targetRef)),
    );
    assert.deepEqual(await refsOf(JONAS), ["user:default/jonas.weber"]);
    const [said] = await push();
    assert.equal(said, "0 to remove, 2 to change, 0 to add, 14 unchanged");
    await eventually(async () => (await refsOf(JONAS)).length > 1, "their group", FORGOTTEN_MS);
    assert.deepEqual(await refsOf(JONAS), ["user:default/jonas.weber", "group:default/platform"]);
    const jonas = await Browser.signedIn(ground, JONAS);
    const { json, text } = await jonas.get("/api/probe/whoami");
    assert.deepEqual(json?.userInfo?.ownershipEntityRefs, await refsOf(JONAS), text);
  });

  test("a user whose email changes signs in with the new one alone", async () => {
    const married = "olga.berg@meridian.example";
    await change(
      `email: ${OLGA}`,
      `email: ${married}`,
      (entities) => named(entities, "olga.lind").spec.profile.email === married,
    );
    const [said] = await push();
    assert.equal(said, "1 to remove, 1 to change, 1 to add, 14 unchanged");
    assert.equal((await refsOf(married))[0], "user:default/olga.lind");
    assert.equal((await refreshOf(OLGA)).json.error.code, "user_not_found");
  });

  test("a user that neither KV nor Backstage knows gets the provider's refusal, byte for byte", async () => {
    assert.equal((await refreshOf(VERA)).json.error.code, "user_not_found");
    const answer = await refreshOf(VERA, patient);
    assert.equal(answer.status, 500);
    assert.match(answer.json.error.message, /unable to resolve user identity/);
    assertOrigins(answer);
  });

  test("who is added to Backstage then signs in at once, with the provider's answer byte for byte", async () => {
    await change(/$/, VERA_YAML, (entities) => named(entities, "vera.novak")?.relations.length);
    const answer = await refreshOf(VERA, patient);
    assert.equal(answer.status, 200, answer.text);
    assertOrigins(answer);
    assert.equal(answer.json.backstageIdentity.identity.userEntityRef, VERA_REF);
    const vera = await Browser.signedIn(patient, VERA);
    const whoami = await vera.get("/api/probe/whoami");
    assert.equal(whoami.json?.userInfo?.userEntityRef, VERA_REF, whoami.text);
    assert.equal((await refreshOf(VERA)).json.error.code, "user_not_found");
  });

  test("and from the Worker, once she is pushed", async () => {
    const [said] = await push();
    assert.equal(said, "0 to remove, 0 to change, 2 to add, 16 unchanged");
    for (const at of [ground, patient]) {
      const vera = await Browser.signedIn(at, VERA);
      assert.equal(vera.session.providerInfo.token, undefined, "it is the Worker's");
      assert.deepEqual(await refsOf(VERA, at), [VERA_REF, "group:default/booking"]);
      const whoami = await vera.get("/api/probe/whoami");
      assert.equal(whoami.json?.userInfo?.userEntityRef, VERA_REF, whoami.text);
    }
  });

  test("a user who is removed is refused, once that is pushed", async () => {
    await refsOf(TOMASZ);
    const document = (await readFile(usersFile, "utf8"))
      .split("---\n")
      .find((text) => text.includes("name: tomasz.wrona"));
    // Backstage itself looks for orphans every 30 seconds.
    await change(`${document}---\n`, "", (entities) => !named(entities, "tomasz.wrona"));
    await refsOf(TOMASZ);
    const [said] = await push();
    assert.equal(said, "2 to remove, 0 to change, 0 to add, 16 unchanged");
    const isRefused = async () => {
      const answer = await refreshOf(TOMASZ);
      return answer.status !== 200 && answer;
    };
    const answer = await eventually(isRefused, "their refusal", FORGOTTEN_MS);
    assert.deepEqual([answer.status, answer.json.error.code], [404, "user_not_found"]);
    assert.equal((await refreshOf(TOMASZ, patient)).status, 500, "the provider refuses them too");
    assert.equal((await refsOf(JONAS))[0], "user:default/jonas.weber");
  });

  test("the scheduled handler fills an empty KV by itself, and follows what changes", async () => {
    const worker = await ground.startWorker({
      ...MAX_AGE,
      bindings: { CATALOG_TOKEN: OUTSIDE_TOKEN },
    });
    const alone = { access: ground.access, url: worker.url };
    assert.equal((await refreshOf(JONAS, alone)).json.error.code, "user_not_found");
    await worker.scheduled();
    assert.deepEqual(await refsOf(JONAS, alone), await refsOf(JONAS));
    assert.equal((await refreshOf(TOMASZ, alone)).status, 404, "they were removed");

    const again = "olga.again@meridian.example";
    await change(
      /email: olga\.\w+@meridian\.example/,
      `email: ${again}`,
      (entities) => named(entities, "olga.lind").spec.profile.email === again,
    );
    await worker.scheduled();
    assert.equal((await refsOf(again, alone))[0], "user:default/olga.lind");
  });
});

/** Stands before a server and notes its answers at the refresh route, which are not compressed. */
async function startListener(url, answers) {
  return listening(
    http.createServer((request, response) => {
      delete request.headers["accept-encoding"];
      pass(request, response, url, (incoming) => {
        if (!request.url.startsWith(REFRESH)) return;
        const chunks = [];
        incoming.on("data", (chunk) => chunks.push(chunk));
        incoming.on("end", () =>
          answers.push({ status: incoming.statusCode, text: Buffer.concat(chunks).toString() }),
        );
      });
    }),
  );
}
