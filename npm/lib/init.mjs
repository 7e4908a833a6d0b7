// `backstage-cfaccess init`: the files of a deployment, in this folder.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.mjs";
import { manifest, wranglerJsonc } from "./templates.mjs";

const USAGE = `backstage-cfaccess init --team NAME --audience AUD --base-url URL [--trust shared-key|service]
  --team      the team of Zero Trust: acme, or a whole domain (acme.fed.cloudflareaccess.com)
  --audience  the AUD tag of the Access application: 64 hexadecimal digits
  --base-url  backend.baseUrl of app-config: https://backstage.example.com
  --trust     shared-key: your backend keeps its auth plugin (default); service: it has none
  --force     replace files that exist
  What is missing is asked for, if there is a terminal.`;

const QUESTIONS = {
  team: "Team name of Zero Trust (such as acme): ",
  audience: "AUD tag of the Access application: ",
  "base-url": "URL of your Backstage (such as https://backstage.example.com): ",
};

/** Each value is checked when it is given; doctor checks the whole. */
const CHECKS = {
  team: [/^[a-z0-9][a-z0-9.-]*$/i, "is no team name"],
  audience: [/^[0-9a-f]{64}$/, "is no AUD tag: 64 hexadecimal digits in lower case"],
  "base-url": [/^https:\/\/[^\s/?#"\\]+(\/[^\s?#"\\]*)?$/, "is no https URL"],
  trust: [/^(shared-key|service)$/, "is neither shared-key nor service"],
};

export async function init(args) {
  const values = await answers(options(args));
  const version = JSON.parse(await readFile(new URL("../package.json", import.meta.url))).version;
  const files = {
    "wrangler.jsonc": wranglerJsonc(values),
    "package.json": manifest(version),
    ".gitignore": "node_modules/\n.dev/\n.dev.vars*\n.wrangler/\nkeys/\n",
  };
  const taken = Object.keys(files).filter((name) => existsSync(name));
  if (taken.length > 0 && !values.force) {
    throw new UsageError(
      `${taken.join(" and ")} already exist${taken.length > 1 ? "" : "s"} here. ` +
        "Choose an empty folder, or pass --force to replace.",
    );
  }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(name, text);
    console.log(`written: ${name}`);
  }
  console.log(NEXT);
}

const NEXT = `
Next:
  npm install
  npx backstage-cfaccess dev                   try it on this machine
  npx backstage-cfaccess keygen --out keys     create the signing keys
  npx wrangler secret put SIGNING_KEYS < keys/signing-keys.json
  npx backstage-cfaccess deploy                check everything, then deploy
  npx backstage-cfaccess catalog push --url URL
`;

function options(args) {
  const string = { type: "string" };
  try {
    return parseArgs({
      args,
      options: {
        team: string,
        audience: string,
        "base-url": string,
        trust: { type: "string", default: "shared-key" },
        force: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error.message}\n\n  ${USAGE}`);
  }
}

/** The values, checked. What is missing is asked for. */
async function answers(values) {
  const missing = Object.keys(QUESTIONS).filter((name) => values[name] === undefined);
  if (missing.length > 0 && !process.stdin.isTTY) {
    throw new UsageError(`Missing: --${missing.join(", --")}\n\n  ${USAGE}`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    for (const name of missing) {
      do {
        values[name] = (await terminal.question(QUESTIONS[name])).trim();
      } while (problemOf(name, values[name], console.log));
    }
  } finally {
    terminal.close();
  }
  for (const name of Object.keys(CHECKS)) {
    problemOf(name, values[name], (problem) => {
      throw new UsageError(`--${name}: ${problem}`);
    });
  }
  return values;
}

function problemOf(name, value, report) {
  const [pattern, problem] = CHECKS[name];
  if (pattern.test(value)) return false;
  report(`"${value}" ${problem}`);
  return true;
}
