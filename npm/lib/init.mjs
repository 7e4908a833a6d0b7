// `backstage-cfaccess init`: the files of a deployment, in this folder.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { configFiles } from "./deployment.mjs";
import { UsageError } from "./errors.mjs";
import { ignored, manifest, wranglerJsonc } from "./templates.mjs";
import { CHECKS, zoneOf } from "./values.mjs";

const USAGE = `backstage-cfaccess init [--team NAME] [--audience AUD] [--base-url URL] [--trust shared-key|service]
      [--zone NAME] [--force]
  --team      the team of Zero Trust: acme, or a whole domain (acme.fed.cloudflareaccess.com)
  --audience  the AUD tag of the Access application: 64 hexadecimal digits
  --base-url  backend.baseUrl of app-config: https://backstage.example.com
  --trust     shared-key: your backend keeps its auth plugin (default); service: it has none
  --zone      the zone at Cloudflare [default: what the host name suggests, example.com]
  --force     replace wrangler.jsonc
  What is missing is asked for, if there is a terminal.

  It writes wrangler.jsonc, and adds what is missing to package.json and .gitignore.`;

const QUESTIONS = {
  team: "Team name of Zero Trust (such as acme): ",
  audience: "AUD tag of the Access application: ",
  "base-url": "URL of your Backstage (such as https://backstage.example.com): ",
};

const CONFIG = "wrangler.jsonc";

export async function init(args) {
  const given = options(args);
  if (given.help) return console.log(USAGE);
  // Before the questions.
  mustNotExist(given.force);
  const values = await answers(given);
  const version = JSON.parse(await readFile(new URL("../package.json", import.meta.url))).version;
  const files = {
    [CONFIG]: () => wranglerJsonc(values),
    "package.json": (text) => manifest(version, text),
    ".gitignore": ignored,
  };
  for (const [name, content] of Object.entries(files)) {
    const before = existsSync(name) ? await readFile(name, "utf8") : undefined;
    const text = content(before);
    if (text !== before) await writeFile(name, text);
    console.log(`${text === before ? "unchanged" : before ? "changed" : "written"}: ${name}`);
  }
  console.log(next(values));
}

function mustNotExist(force) {
  const others = configFiles().filter((name) => name !== CONFIG);
  if (others.length > 0) {
    throw new UsageError(
      `${others.join(" and ")} already exists here, and wrangler would read only one of it and ${CONFIG}. ` +
        "Choose another folder, or remove it.",
    );
  }
  if (existsSync(CONFIG) && !force) {
    throw new UsageError(
      `${CONFIG} already exists here. Choose another folder, or pass --force to replace it.`,
    );
  }
}

const next = ({ zone, "base-url": baseUrl }) => `
The zone is ${zone}: if that is wrong, correct "routes" in ${CONFIG}.

Next:
  npm install
  npx backstage-cfaccess dev                   try it on this machine
  npx backstage-cfaccess keygen --out keys     create the signing keys
  npx wrangler secret put SIGNING_KEYS < keys/signing-keys.json
  npx backstage-cfaccess deploy                check everything, then deploy
  npx backstage-cfaccess catalog push --url ${baseUrl}

For the environment "staging", pass --env staging to the last three.
`;

function options(args) {
  const string = { type: "string" };
  const boolean = { type: "boolean", default: false };
  try {
    return parseArgs({
      args,
      options: {
        team: string,
        audience: string,
        "base-url": string,
        trust: { type: "string", default: "shared-key" },
        zone: string,
        force: boolean,
        help: { ...boolean, short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error.message}\n\n  ${USAGE}`);
  }
}

/** The values, checked. What is missing is asked for. */
async function answers(given) {
  const values = { ...given };
  // Before the questions: a wrong value of the command line cannot be answered away.
  for (const name of Object.keys(CHECKS)) {
    if (values[name] === undefined) continue;
    const problem = CHECKS[name](values[name], values);
    if (problem) throw new UsageError(`--${name}: "${values[name]}" ${problem}`);
  }
  const missing = Object.keys(QUESTIONS).filter((name) => values[name] === undefined);
  if (missing.length > 0 && !process.stdin.isTTY) {
    throw new UsageError(`Missing: --${missing.join(", --")}\n\n  ${USAGE}`);
  }
  if (missing.length > 0) Object.assign(values, await ask(missing));
  const zone = values.zone ?? zoneOf(new URL(values["base-url"]).hostname);
  const problem = CHECKS.zone(zone, values);
  if (problem) throw new UsageError(`--zone: "${zone}" ${problem}`);
  return { ...values, zone };
}

async function ask(names) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-D and Ctrl-C end a question without an answer.
  const ended = new Promise((_, reject) => {
    terminal.on("close", () => reject(new UsageError("\nNothing is written.")));
  });
  const values = {};
  try {
    for (const name of names) {
      let problem;
      do {
        values[name] = (await Promise.race([terminal.question(QUESTIONS[name]), ended])).trim();
        problem = CHECKS[name](values[name], values);
        if (problem) console.log(`"${values[name]}" ${problem}`);
      } while (problem);
    }
  } finally {
    ended.catch(() => {});
    terminal.close();
  }
  return values;
}
