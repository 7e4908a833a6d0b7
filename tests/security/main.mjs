// `npm run test:security`, once the Worker is built (scripts/security.mjs).

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { between } from "../../bench/report/markers.mjs";
import { table } from "../../bench/report/text.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { startAttackGround } from "./ground.mjs";
import { backstageTokens, configurations } from "./groups/backstage.mjs";
import { attachedTokens, identityHeaders } from "./groups/headers.mjs";
import { identityDocuments, keySets } from "./groups/peers.mjs";
import { cors, smuggling } from "./groups/requests.mjs";
import { routes } from "./groups/routes.mjs";
import { algorithms, claims, forms, keyReferences } from "./groups/tokens.mjs";

const PAGE = join(ROOT, "docs", "security.md");
const AT_ONCE = 12;
/** What is forwarded after its answer has arrived by then. */
const LATE_MS = 300;

/** Each group: what it tries, and the attacks of it: `{attacks, controls, gates}`. */
const GROUPS = {
  "forms of the assertion": forms,
  algorithms,
  "references to keys": keyReferences,
  claims,
  "key sets": keySets,
  "documents of get-identity": identityDocuments,
  "spellings of routes": routes,
  "identity headers and cookies": identityHeaders,
  smuggling,
  CORS: cors,
  "attached tokens": attachedTokens,
  "Backstage tokens at userinfo": backstageTokens,
  configurations,
};

/** Log lines that the check must find. */
const UNCLEAN = [
  "{",
  '{"a":"\t"}',
  '{"detail":"jane@example.com"}',
  `{"detail":"eyJ${"a".repeat(40)}.eyJ"}`,
];

const { values } = parseArgs({ options: { write: { type: "boolean" }, only: { type: "string" } } });
const { only, write: isWriting } = values;
const ground = await startAttackGround();
const rows = [];
const failures = [];
try {
  for (const [title, make] of Object.entries(GROUPS)) {
    if (only === undefined || title.includes(only)) rows.push(await group(title, make));
  }
  checkLogLines();
} finally {
  await ground.close();
}
const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
const report = table(
  ["group", "tried:", "refused:", "accepted:"],
  [...rows, { title: "**all**", tried: sum("tried"), accepted: sum("accepted") }].map(
    ({ title, tried, accepted }) => [title, tried, tried - accepted, accepted],
  ),
);
console.log(`\n${report}\n`);
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
else if (only !== undefined) console.log("Only a part: nothing is compared with docs/security.md.");
else await keepOrCompare();

/** The table of docs/security.md is that of this run. */
async function keepOrCompare() {
  const page = await readFile(PAGE, "utf8");
  const after = between(page, "attacks", report);
  if (isWriting) return writeFile(PAGE, after);
  if (after === page) return undefined;
  console.error("docs/security.md has another table: npm run test:security -- --write");
  process.exitCode = 1;
  return undefined;
}

/** Runs the attacks of a group. What should be refused and is accepted is a failure, and the other way round. */
async function group(title, make) {
  const { attacks, controls, gates = {} } = await make(ground);
  const closers = [];
  const t = { after: (close) => closers.push(close) };
  const running = {};
  const onLog = ({ message }) => ground.logs.push(message);
  for (const [name, overrides] of Object.entries(gates)) {
    running[name] = await ground.startGate(t, { onLog, ...overrides });
  }
  const run = (attack) => attack.run(ground, running[attack.gate]);
  // Before and after: a Worker that an attack has ended must not pass for one that refuses.
  const control = () =>
    each(controls, async (it) => {
      if (!(await run(it))) failures.push(`${title}: refused, and should not be: ${it.name}`);
    });
  await control();
  let accepted = 0;
  await each(attacks, async (attack) => {
    const result = await run(attack).catch((error) => error);
    if (!result) return;
    accepted += 1;
    failures.push(`${title}: ACCEPTED: ${attack.name}: ${String(result).slice(0, 400)}`);
  });
  await control();
  await sleep(LATE_MS);
  for (const id of ground.late()) failures.push(`${title}: ${id} arrived at the origin late`);
  for (const close of closers) await close();
  console.log(`${title}: ${attacks.length - accepted} of ${attacks.length} refused`);
  return { title, tried: attacks.length, accepted };
}

/** Some at once; those that are `alone` one after the other. */
async function each(list, use) {
  for (const item of list.filter(({ alone }) => alone)) await use(item);
  const rest = list.filter(({ alone }) => !alone);
  const work = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await use(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Every line that the Workers have logged meanwhile is one JSON object, without a token or a known email. */
function checkLogLines() {
  const { logs } = ground;
  const bad = logs.filter((line) => !isClean(line));
  failures.push(...bad.slice(0, 20).map((line) => `log lines: ${line}`));
  console.log(`log lines: ${logs.length - bad.length} of ${logs.length} clean`);
  if (logs.length === 0) failures.push("log lines: there are none");
  for (const line of UNCLEAN) if (isClean(line)) failures.push(`taken for clean: ${line}`);
}

function isClean(line) {
  try {
    JSON.parse(line);
  } catch {
    return false;
  }
  return !/eyJ[\w-]{20,}\.|(jane|bob)@example\.com/.test(line);
}
