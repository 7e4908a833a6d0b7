// Users of many groups, whose requests must fit what Node.js takes: 16,384 bytes of headers in all. The
// requests go straight to the Worker, with the headers of a browser and of Cloudflare, because the
// emulator is a Node.js server too and would refuse them before the backend does.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { decodeJwt } from "jose";

/** Their token is 22,000 characters long with them, as seen at a real organisation. */
const COUNT = 400;
/** With so many groups a token is just below the 6 KiB up to which it carries them. */
const COUNT_BELOW_LIMIT = 95;
const LIMIT = 6 * 1024;
/** The longest assertion that fits into a cookie, which is 4 KiB with its name and its attributes. */
const ASSERTION_LENGTH = 4000;

const groupName = (number) => `logistics-planning-team-${String(number).padStart(3, "0")}`;
const numbers = Array.from({ length: COUNT }, (_, number) => number);
const GRO = userOf("Gro Berg", numbers);
const NILS = userOf("Nils Dahl", numbers.slice(0, COUNT_BELOW_LIMIT));

/** They have to be among the users at Access. */
export const USERS_OF_MANY_GROUPS = [GRO, NILS].map(({ email, name }) => ({
  email,
  name,
  groups: [],
  // Attributes of the identity provider, which Access copies into the assertion.
  custom: { attributes: "x".repeat(2280) },
}));

function userOf(name, members) {
  const id = name.toLowerCase().replace(" ", ".");
  const memberOf = members.map(groupName);
  const refs = [`user:default/${id}`, ...memberOf.map((group) => `group:default/${group}`)];
  return { id, name, email: `${id}@meridian.example`, memberOf, refs: refs.sort() };
}

/** Writes their catalog into a folder. Returns the path of the file. */
export async function catalogOfManyGroups(dir) {
  const group = (number) => entity("Group", groupName(number), { type: "team", children: [] });
  const user = ({ id, name, email, memberOf }) =>
    entity("User", id, { memberOf, profile: { displayName: name, email } });
  const entities = [...numbers.map(group), user(GRO), user(NILS)];
  const file = join(dir, "many-groups.yaml");
  await writeFile(file, entities.map((it) => JSON.stringify(it)).join("\n---\n"));
  return file;
}

const entity = (kind, name, spec) => ({
  apiVersion: "backstage.io/v1alpha1",
  kind,
  metadata: { name },
  spec,
});

/** Registers the tests. `ground` has the users and the catalog of this file. */
export function testsOfManyGroups(ground) {
  let workers;

  before(async () => {
    const start = async (omitIdentityTokenOwnershipClaim) => {
      const worker = await ground.startWorker({ backstage: { omitIdentityTokenOwnershipClaim } });
      await ground.fill(worker);
      return worker;
    };
    workers = { auto: await start("auto"), false: await start(false) };
  });
  after(() => ground.access.setUpstream(ground.worker.url));

  /** What answers one user's requests through one of the Workers, with everything that is sent. */
  async function callerOf({ email }, setting) {
    const worker = workers[setting];
    // The backend of the set-up “alone” asks it for userinfo.
    ground.access.setUpstream(worker.url);
    const assertion = await ground.access.mint({ user: email });
    assert.ok(assertion.length > ASSERTION_LENGTH - 200 && assertion.length <= ASSERTION_LENGTH);
    const headers = headersOf({ email, assertion, url: ground.url });
    const get = async (path, token) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(worker.url + path, { headers: { ...headers, ...authorization } });
      // With 431 Node.js ends the connection at once, which may cut off the body.
      const text = await answer
        .text()
        .catch((error) => (answer.status === 431 ? "" : Promise.reject(error)));
      return { status: answer.status, text, json: () => JSON.parse(text) };
    };
    const answer = await get("/api/auth/cfaccess/refresh");
    assert.equal(answer.status, 200, answer.text);
    const { token, identity } = answer.json().backstageIdentity;
    return { token, identity, get: (path) => get(path, token) };
  }

  for (const [what, user, hasEnt] of [
    [`a user of ${COUNT} groups`, GRO, false],
    ["a user whose token is just small enough to carry the groups", NILS, true],
  ]) {
    test(`${what} signs in, reads the catalog, and core userInfo gives all refs`, async () => {
      const { token, identity, get } = await callerOf(user, "auto");
      assert.deepEqual(identity.ownershipEntityRefs.toSorted(), user.refs);
      assert.equal("ent" in decodeJwt(token), hasEnt);
      assert.ok(token.length < LIMIT, `${token.length} characters`);
      if (hasEnt) assert.ok(token.length > LIMIT - 150, `${token.length} characters`);
      const catalog = await get("/api/catalog/entities/by-query?filter=kind=user&limit=50");
      assert.equal(catalog.status, 200, catalog.text);
      assert.ok(catalog.json().items.length > 0);
      const whoami = await get("/api/probe/whoami");
      assert.equal(whoami.status, 200, whoami.text);
      assert.deepEqual(whoami.json().userInfo.ownershipEntityRefs.toSorted(), user.refs);
    });
  }

  test("with omitIdentityTokenOwnershipClaim false, the backend answers that user 431", async () => {
    const { token, get } = await callerOf(GRO, false);
    assert.equal(decodeJwt(token).ent.length, COUNT + 1);
    for (const path of ["/api/catalog/entities/by-query?filter=kind=user", "/api/probe/whoami"]) {
      assert.equal((await get(path)).status, 431);
    }
  });
}

/** What a browser, Cloudflare and Access send with a request of the page. */
function headersOf({ email, assertion, url }) {
  const cookies = {
    CF_Authorization: assertion,
    CF_AppSession: "n0f1e2d3c4b5a6978",
    // Of Cloudflare's bot management.
    __cf_bm: `${"b".repeat(43)}-1796123456-1.0.1.1-${"c".repeat(86)}`,
  };
  return {
    accept: "application/json, text/plain, */*",
    "accept-encoding": "gzip, br",
    "accept-language": "en-GB,en;q=0.9,nb;q=0.8,de;q=0.7",
    "cache-control": "no-cache",
    "cdn-loop": "cloudflare; loops=1",
    "cf-access-authenticated-user-email": email,
    "cf-access-jwt-assertion": assertion,
    "cf-connecting-ip": "2001:db8:85a3:8d3:1319:8a2e:370:7348",
    "cf-ipcountry": "NO",
    "cf-ray": "8c0ffee0c0ffee00-OSL",
    "cf-visitor": '{"scheme":"https"}',
    cookie: Object.entries(cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join("; "),
    priority: "u=1, i",
    referer: `${url}/catalog?filters%5Bkind%5D=component&filters%5Buser%5D=owned`,
    "sec-ch-ua": '"Chromium";v="148", "Google Chrome";v="148", "Not-A.Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"macOS"',
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-origin",
    "user-agent":
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
    "x-forwarded-for": "2001:db8:85a3:8d3:1319:8a2e:370:7348",
    "x-forwarded-proto": "https",
    "x-requested-with": "XMLHttpRequest",
  };
}
