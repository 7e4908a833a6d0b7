// Mixed traffic of many users to two isolates that share KV, with faults, traps, key rotations and changes of the catalog at
// random. Every body is checked for its asker. scripts/soak.mjs starts it.

import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { decodeProtectedHeader } from "jose";
import { endWithTheBench } from "../../bench/children.mjs";
import { between } from "../../bench/report/markers.mjs";
import { number, table } from "../../bench/report/text.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { OPTIONS } from "../../scripts/soak.mjs";
import { ask, isRefused } from "./ask.mjs";
import { FAULTS } from "./expected.mjs";
import { openFolder, startInstance } from "./instance.mjs";
import { startServices } from "./services.mjs";
import { createTeam, userOf } from "./team.mjs";

const DOCUMENT = join(ROOT, "docs", "security.md");
const USERS = 5_000;
const INSTANCES = 2;
/** How many requests are under way at a time. */
const LOOPS = 12;
/** Of a hundred requests. */
const MIX = { refresh: 55, forward: 30, jwks: 5, missing: 4, forged: 4, leaving: 2 };
/** How long after an event its answers may still be seen: the pauses of docs/caching.md, and 10 s. */
const AFTERMATH_MS = 70_000;
/** How long a change of the catalog may take: the isolate's memory and a session. */
const CATALOG_LAG_MS = 130_000;
const MEGABYTE = 1024 * 1024;

/** What each event may cause, besides the good answers. */
const GOOD = ["200 full", "200", "200 whole"];
const FAULT_ANSWERS = {
  certs: ["503 keys_unavailable", "401 key_unknown"],
  identity: ["200 claims", "401 identity_refused"],
  catalog: ["503 catalog_unavailable", "503 catalog_corrupt"],
  cacheRead: ["200 claims"],
  cacheWrite: [],
  origin: [
    "502 origin_unreachable",
    "cut off",
    ...[200, 302, 403, 500].map((it) => `${it} as it came`),
  ],
  jwks: ["200 ours"],
  signing: ["500 internal", "503 refresh_timeout"],
};
const EVENTS = [fault, fault, fault, fault, trap, catalogChange, catalogChange, rotation];
const PHASE_MS = 120_000;
const SIGNING_FAULTS = ["cut", "slow", "hangs", "empty"];

const { values: options } = parseArgs({ options: OPTIONS });
const minutes = Number(options.minutes ?? 60);
endWithTheBench();

const begun = performance.now();
const end = begun + minutes * 60_000;
const [folder, team] = await Promise.all([openFolder(), createTeam()]);
const people = Array.from({ length: USERS }, (_, at) => ({ user: withVersions(userOf(at)) }));
const services = await startServices(
  team,
  people.map(({ user }) => user),
  { keepsConnections: true },
);
const instances = await Promise.all(
  Array.from({ length: INSTANCES }, () => startInstance(folder, team, services)),
);

const known = new Set();
let unverified = 0;
services.onForwarded = ({ assertion }) => {
  if (!known.has(assertion)) unverified += 1;
};
const words = new Map();
const tallies = { sent: 0, wrong: 0, lost: 0, off: 0, left: 0 };
const events = { faults: 0, traps: 0, rotations: 0, "catalog changes": 0 };
/** What is allowed until when, by word. */
const allowedUntil = new Map();
const samples = [];
let problems = 0;

try {
  await Promise.all([...Array.from({ length: LOOPS }, traffic), disturb(), watchMemory()]);
} finally {
  for (const instance of instances) await instance.close();
  await services.close();
  await folder.close();
}
const text = report();
console.log(`\n${text}\n`);
if (options.write) {
  const document = await readFile(DOCUMENT, "utf8");
  await writeFile(DOCUMENT, between(document, "soak", text));
}
process.exitCode = tallies.wrong + tallies.lost + tallies.off + unverified > 0 ? 1 : 0;

/** A user whose groups change, and who may be removed. */
function withVersions(user) {
  const versions = [{ since: 0, refs: user.ent.join() }];
  const recent = () => {
    const now = performance.now();
    return versions.filter((_, at) => now - (versions[at + 1]?.since ?? now) < CATALOG_LAG_MS);
  };
  return {
    ...user,
    versions,
    mayOwn: (refs) => recent().some((version) => version.refs === refs.join()),
    mayBeAbsent: () => recent().some((version) => version.refs === undefined),
  };
}

async function traffic() {
  while (performance.now() < end) {
    const person = people[randomInt(people.length)];
    const instance = instances[randomInt(instances.length)];
    const caller = { assertion: await assertionOf(person), user: person.user };
    const kind = pick(MIX);
    tallies.sent += 1;
    if (kind === "leaving") {
      const signal = AbortSignal.timeout(randomInt(1, 20));
      await ask("refresh", { instance, team, caller, signal });
      tallies.left += 1;
      continue;
    }
    // No request takes longer but one to an origin that hangs.
    const signal = AbortSignal.timeout(20_000);
    judge(kind, await ask(kind, { instance, team, caller, signal }), caller.user);
  }
}

function judge(kind, answer, user) {
  const { word, wrong } = answer;
  words.set(word, (words.get(word) ?? 0) + 1);
  if (wrong) note("wrong", `${kind}: ${wrong}`);
  if (kind === "missing" || kind === "forged") {
    // A trap ends it too. Nothing else explains another answer.
    const isTrapped = word === "500 internal" && isAllowed(word);
    if (!isRefused(answer) && !isTrapped) note("off", `${kind}: ${word}`);
  } else if (word === "404 user_not_found") {
    if (!user.mayBeAbsent()) note("off", `${kind}: ${word} for ${user.ref}`);
  } else if (!GOOD.includes(word) && !isAllowed(word)) {
    note(word === "no answer" || word === "cut off" ? "lost" : "off", `${kind}: ${word}`);
  }
}

function note(tally, text) {
  tallies[tally] += 1;
  problems += 1;
  if (problems <= 50) console.log(`✖ ${elapsed()} ${tally}: ${text}`);
}

function isAllowed(word) {
  return (allowedUntil.get(word) ?? 0) > performance.now();
}

function allow(allowed, milliseconds) {
  const until = performance.now() + milliseconds;
  for (const word of allowed) allowedUntil.set(word, Math.max(until, allowedUntil.get(word) ?? 0));
}

/** The assertion of someone, who logs in again now and then, and when the key of theirs is gone. */
async function assertionOf(person) {
  const isPublished = () => team.keys.find(decodeProtectedHeader(person.assertion).kid);
  if (!person.assertion || randomInt(50) === 0 || !isPublished()) {
    const { assertion } = await team.mint(people.indexOf(person));
    person.assertion = assertion;
    known.add(assertion);
  }
  return person.assertion;
}

/** Two minutes of events, then two of quiet: at the end of those every answer has to be a good one. */
async function disturb() {
  while (performance.now() < end) {
    const phaseEnd = Math.min(performance.now() + PHASE_MS, end);
    while (performance.now() < phaseEnd) {
      await sleep(randomInt(1_000, 5_000));
      await EVENTS[randomInt(EVENTS.length)]();
    }
    await sleep(Math.max(Math.min(PHASE_MS, end - performance.now()), 0));
  }
}

async function fault() {
  const dependency = Object.keys(FAULT_ANSWERS)[randomInt(Object.keys(FAULT_ANSWERS).length)];
  const kinds = dependency === "signing" ? SIGNING_FAULTS : faultsOf(dependency);
  const kind = kinds[randomInt(kinds.length)];
  const setFault = (value) =>
    dependency === "signing"
      ? Promise.all(instances.map((instance) => instance.control({ fault: value ?? null })))
      : services.of[dependency].setFault(value);
  const lasts = randomInt(2_000, 15_000);
  allow(FAULT_ANSWERS[dependency], lasts + AFTERMATH_MS);
  // A forwarded request whose origin hangs is given up by its client.
  if (dependency === "origin") allow(["no answer"], lasts + AFTERMATH_MS);
  events.faults += 1;
  services.writesArrive = dependency !== "cacheWrite";
  await setFault(kind);
  await sleep(lasts);
  await setFault(undefined);
  services.writesArrive = true;
}

/** A key set of another team would be cached for ten minutes, and a record of another is never KV's fault. */
function faultsOf(dependency) {
  if (dependency === "cacheWrite") return ["refused", "cut", "hangs", "slow", "403", "500"];
  return FAULTS.filter((kind) => kind !== "another's");
}

async function trap() {
  events.traps += 1;
  allow(["500 internal"], 10_000);
  const instance = instances[randomInt(instances.length)];
  await instance.control({ trapAfter: randomInt(8) });
}

async function catalogChange() {
  events["catalog changes"] += 1;
  for (let times = 0; times < 20; times += 1) {
    const { user } = people[randomInt(people.length)];
    const keys = [`v1:email:${user.email}`, `v1:ref:${user.ref}`];
    const isRemoved = randomInt(10) === 0;
    const ent = [user.ref, `group:default/team-${randomInt(1_000)}`];
    const { ref, email, nameInCatalog: displayName } = user;
    const value = JSON.stringify({ v: 1, user: { ref, ent, email, displayName } });
    user.versions.push({ since: performance.now(), refs: isRemoved ? undefined : ent.join() });
    for (const key of keys) {
      if (isRemoved) services.catalog.delete(key);
      else services.catalog.set(key, value);
    }
  }
}

/** Those who log in meanwhile are unknown until the isolates ask for the keys again. */
async function rotation() {
  events.rotations += 1;
  allow(["401 key_unknown"], AFTERMATH_MS);
  await team.keys.rotate();
}

async function watchMemory() {
  while (performance.now() < end) {
    await sleep(Math.min(5_000, Math.max(end - performance.now(), 0)));
    samples.push(await Promise.all(instances.map((instance) => instance.memory())));
    if (samples.length % 12 === 0) console.log(`${elapsed()} ${tallies.sent} requests`);
  }
}

function pick(shares) {
  let at = randomInt(100);
  return Object.keys(shares).find((name) => {
    at -= shares[name];
    return at < 0;
  });
}

function elapsed() {
  return `${Math.round((performance.now() - begun) / 1000)} s`;
}

function report() {
  const mb = (bytes) => `${Math.round(bytes / MEGABYTE)} MB`;
  const memory = samples[0].map((_, at) => {
    const of = samples.map((sample) => sample[at]);
    return `${mb(of[Math.floor(of.length / 10)])}, ${mb(Math.max(...of))}, ${mb(of.at(-1))}`;
  });
  const answers = [...words].sort(([, a], [, b]) => b - a);
  return table(
    ["", "figure:"],
    [
      ["minutes", String(minutes)],
      ["users, isolates", `${number(USERS)}, ${INSTANCES}`],
      ["requests", number(tallies.sent, 0)],
      ["of clients that left half-way", number(tallies.left, 0)],
      ...Object.entries(events).map(([name, times]) => [name, String(times)]),
      ...answers.map(([word, times]) => [`answers \`${word}\``, number(times, 0)]),
      ["answers of another user", String(tallies.wrong)],
      ["unverified requests that were forwarded", String(unverified)],
      ["lost: no whole answer, without a fault of the origin", String(tallies.lost)],
      ["answers that nothing explains", String(tallies.off)],
      ...memory.map((text, at) => [`memory of isolate ${at + 1}: early, most, at the end`, text]),
    ],
  );
}
