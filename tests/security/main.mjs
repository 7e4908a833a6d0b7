// `npm run test:security`, once the Worker is built (scripts/security.mjs).

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { between } from "../../bench/report/markers.mjs";
import { table } from "../../bench/report/text.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { startAttackGround } from "./ground.mjs";
import { backstageTokens, configurations } from "./groups/backstage.mjs";
import { identityDocuments, keySets } from "./groups/peers.mjs";
import { attachedTokens, cors, identityHeaders, routes, smuggling } from "./groups/requests.mjs";
import { algorithms, claims, forms, keyReferences } from "./groups/tokens.mjs";

const PAGE = join(ROOT, "docs", "security.md");
const AT_ONCE = 12;

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

const { values } = parseArgs({ options: { write: { type: "boolean" }, only: { type: "string" } } });
const { only, write: isWriting } = values;
const ground = await startAttackGround();
const rows = [];
const failures = [];
try {
  for (const [title, make] of Object.entries(GROUPS)) {
    if (only === undefined || title.includes(only)) rows.push(await group(title, make));
  }
  rows.push(logLines());
} finally {
  await ground.close();
}
const tried = rows.reduce((sum, row) => sum + row.tried, 0);
const accepted = rows.reduce((sum, row) => sum + row.accepted, 0);
const report = table(
  ["group", "tried:", "refused:", "accepted:"],
  [...rows, { title: "**all**", tried, accepted }].map(({ title, tried, accepted }) => [
    title,
    tried,
    tried - accepted,
    accepted,
  ]),
);
console.log(`\n${report}\n`);
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
else if (only !== undefined) console.log("Only a part: nothing is compared with docs/security.md.");
else if (isWriting) await writeFile(PAGE, between(await readFile(PAGE, "utf8"), "attacks", report));
else await compare();

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
  await each(controls, async (control) => {
    const result = await run(control);
    if (!result) failures.push(`${title}: refused, and should not be: ${control.name}`);
  });
  let accepted = 0;
  await each(attacks, async (attack) => {
    const result = await run(attack);
    if (!result) return;
    accepted += 1;
    failures.push(`${title}: ACCEPTED: ${attack.name}: ${String(result).slice(0, 400)}`);
  });
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
function logLines() {
  const bad = ground.logs.filter((line) => !isClean(line));
  failures.push(...bad.slice(0, 20).map((line) => `log lines: ${line}`));
  console.log(`log lines: ${ground.logs.length - bad.length} of ${ground.logs.length} clean`);
  return {
    title: "log lines: a token, an email, a control character",
    tried: ground.logs.length,
    accepted: bad.length,
  };
}

function isClean(line) {
  try {
    JSON.parse(line);
  } catch {
    return false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return !/[\u0000-\u001f\u007f]|eyJ[\w-]{20,}\.|(jane|bob)@example\.com/.test(line);
}

/** The numbers in docs/security.md are those of this run, but for the log lines, of which there are more or fewer. */
async function compare() {
  const page = await readFile(PAGE, "utf8");
  const missing = rows.filter(
    ({ title, tried }) =>
      !title.startsWith("log lines") && !page.includes(`| ${title} | ${tried} |`),
  );
  for (const { title, tried } of missing) {
    console.error(
      `docs/security.md does not have "${title}: ${tried}": npm run test:security -- --write`,
    );
    process.exitCode = 1;
  }
}
