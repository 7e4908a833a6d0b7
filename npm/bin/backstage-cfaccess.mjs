#!/usr/bin/env node
// The command of the npm package: init, dev and deploy, and everything that the native program does.

import { readFile } from "node:fs/promises";
import { deploy } from "../lib/deploy.mjs";
import { dev } from "../lib/dev.mjs";
import { UsageError } from "../lib/errors.mjs";
import { init } from "../lib/init.mjs";
import { runNative } from "../lib/native.mjs";

const USAGE = `backstage-cfaccess COMMAND [ARGUMENT…]

  init      write wrangler.jsonc and package.json for your Backstage
  dev       the Access emulator and the Worker on http://localhost:8787
  deploy    doctor, and if it finds no problem, wrangler deploy of the same file

  keygen    create or rotate the signing keys
  catalog   catalog files, or a running Backstage, into KV
  doctor    every problem of the configuration, and its fix
  resolve   whether a caller can sign in, as which user, and why not
  verify    what the Worker says of an assertion

  "backstage-cfaccess COMMAND --help" has the arguments.`;

const COMMANDS = { init, dev, deploy };
/** The first that wrangler and miniflare run on. */
const NODE = 22;

const [command, ...args] = process.argv.slice(2);
try {
  if (Number.parseInt(process.versions.node, 10) < NODE) {
    throw new UsageError(`Node ${NODE} or later is needed; this is ${process.version}`);
  }
  if (command === undefined || ["help", "--help", "-h"].includes(command)) {
    console.log(USAGE);
  } else if (["--version", "-V"].includes(command)) {
    console.log(JSON.parse(await readFile(new URL("../package.json", import.meta.url))).version);
  } else if (Object.hasOwn(COMMANDS, command)) {
    await COMMANDS[command](args);
  } else {
    process.exitCode = await runNative([command, ...args]);
  }
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}
