// The npm package as its user has it: installed from the tarball into an empty folder, without cargo.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { USERS } from "../../dev/people.mjs";
import { packages } from "../../scripts/package.mjs";
import { cookiesOf, logIn } from "../dev/support.mjs";

const AUDIENCE = "3f9a1c7e5b2d8046".repeat(4);
const INIT = ["--team", "acme", "--audience", AUDIENCE, "--base-url", "https://backstage.acme.com"];
const REFRESH = "/api/auth/cfaccess/refresh";
/** The network settings of this machine, its Node.js and programs, and nothing of this repository. */
const KEPT =
  /^(https?_proxy|no_proxy|ssl_cert_file|node_extra_ca_certs|npm_config_(registry|cafile|cache|userconfig|globalconfig))$/i;
const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name)));
const PATH = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter);

let home;
let tarballs;
let installed;
before(async () => {
  home = await mkdtemp(join(tmpdir(), "cfaccess-package-"));
  tarballs = await packages();
  installed = join(home, "installed");
  await mkdir(installed);
  await writeFile(join(installed, "package.json"), "{}");
  // npm's own settings may stand in the user's home.
  const npm = { HOME: process.env.HOME };
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--no-save"];
  const { code, output } = await ended(start("npm", [...args, ...tarballs], installed, npm));
  assert.equal(code, 0, output);
});
after(() => rm(home, { recursive: true, force: true }));

function start(command, args, cwd, env = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...ENV, HOME: home, PATH, WRANGLER_SEND_METRICS: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const started = { child, output: "", closed: once(child, "close") };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      started.output += text;
    });
  }
  return started;
}

async function ended(started) {
  const [code] = await started.closed;
  return { code, output: started.output };
}

const cfaccess = (args, { cwd = installed, env } = {}) => {
  const bin = join(installed, "node_modules", ".bin", "backstage-cfaccess");
  return start(bin, args, cwd, env);
};

/** A folder with the installed packages and without files of `init`. */
async function folder(name) {
  const dir = join(installed, name);
  await mkdir(dir);
  await symlink(join(installed, "node_modules"), join(dir, "node_modules"));
  return dir;
}

/** Runs `dev` and signs in as the first sample user. Returns the answer of refresh. */
async function sessionOfDev(cwd, args = []) {
  const dev = cfaccess(["dev", "--port", "0", ...args], { cwd });
  try {
    while (!dev.output.includes("Ctrl-C")) {
      const next = await Promise.race([once(dev.child.stdout, "data"), dev.closed]);
      assert.notEqual(next[0], 1, dev.output);
    }
    const [url] = /http:\/\/localhost:\d+/.exec(dev.output);
    const cookie = cookiesOf(await logIn({ url }, USERS[0].email));
    const debug = await fetch(`${url}/cdn-cgi/access/emulator/`);
    assert.match(await debug.text(), /<script type="module" src="page\.mjs">/);
    return await (await fetch(url + REFRESH, { headers: { cookie } })).json();
  } finally {
    dev.child.kill("SIGTERM");
    await dev.closed;
  }
}

describe("the npm package", { concurrency: false }, () => {
  test("init says what is missing, and what is wrong with a value", async () => {
    const cwd = await folder("wrong");
    const cases = [
      [[], /^Missing: --team, --audience, --base-url\n/],
      [INIT.with(1, "a team"), /^--team: "a team" is no team name/],
      [INIT.with(3, AUDIENCE.toUpperCase()), /^--audience: .* is no AUD tag/],
      [INIT.with(5, "backstage.acme.com"), /^--base-url: .* is no https URL/],
      [[...INIT, "--trust", "both"], /^--trust: "both" is neither/],
      [[...INIT, "--colour"], /^Unknown option '--colour'/],
    ];
    for (const [args, message] of cases) {
      const { code, output } = await ended(cfaccess(["init", ...args], { cwd }));
      assert.equal(code, 1);
      assert.match(output, message);
    }
    assert.deepEqual(await readdir(cwd), ["node_modules"]);
  });

  test("init, dev and deploy --dry-run work from an empty folder", async () => {
    const cwd = await folder("empty");
    assert.equal((await ended(cfaccess(["init", ...INIT], { cwd }))).code, 0);
    const again = await ended(cfaccess(["init", ...INIT], { cwd }));
    assert.equal(again.code, 1);
    assert.match(again.output, /wrangler\.jsonc and package\.json and \.gitignore already exist/);

    const { backstageIdentity } = await sessionOfDev(cwd);
    assert.equal(backstageIdentity.identity.userEntityRef, "user:default/ingrid.solheim");

    for (const env of [[], ["--env", "staging"]]) {
      const { code, output } = await ended(cfaccess(["deploy", "--dry-run", ...env], { cwd }));
      assert.equal(code, 0, output);
      assert.match(output, /env\.CATALOG.*KV Namespace.*--dry-run: exiting now/s);
      assert.ok(
        output.includes(env.length > 0 ? "https://staging-back" : "https://backstage.acme"),
      );
    }
  });

  test("deploy refuses what doctor refuses, and checks the file and environment that it deploys", async () => {
    const cwd = await folder("refused");
    await ended(cfaccess(["init", ...INIT], { cwd }));
    const file = join(cwd, "wrangler.jsonc");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('"teamName": "acme"', '"teamNam": "acme"'));
    const refused = await ended(cfaccess(["deploy", "--dry-run"], { cwd }));
    assert.equal(refused.code, 1, refused.output);
    assert.match(refused.output, /teamName/);
    assert.doesNotMatch(refused.output, /exiting now/);

    await writeFile(file, text);
    const env = { CLOUDFLARE_ENV: "staging" };
    const { output } = await ended(cfaccess(["deploy", "--dry-run"], { cwd, env }));
    assert.ok(output.includes("https://staging-back"), output);
    const other = await ended(cfaccess(["deploy", "--dry-run", "--var", "CFACCESS:x"], { cwd }));
    assert.equal(other.code, 1);
    assert.match(other.output, /^Unknown option '--var'/);

    await writeFile(join(cwd, "wrangler.toml"), 'name = "other"\n');
    const several = await ended(cfaccess(["deploy", "--dry-run"], { cwd }));
    assert.equal(several.code, 1);
    assert.match(several.output, /wrangler\.jsonc and wrangler\.toml are both there/);
  });

  test("native commands run, with their exit status", async () => {
    const cwd = await folder("native");
    assert.equal((await ended(cfaccess(["keygen", "--out", "keys"], { cwd }))).code, 0);
    assert.ok((await readdir(join(cwd, "keys"))).includes("signing-keys.json"));
    assert.notEqual((await ended(cfaccess(["verify", "not-a-token"], { cwd }))).code, 0);
    assert.notEqual((await ended(cfaccess(["nonsense"], { cwd }))).code, 0);
    const help = await ended(cfaccess(["help"], { cwd }));
    assert.equal(help.code, 0);
    assert.match(help.output, /init +write wrangler\.jsonc/);
  });

  test("without a native program, dev works with the sample users and the rest says why not", async () => {
    await rm(join(installed, "node_modules", "@backstage-cfaccess"), { recursive: true });
    const cwd = await folder("no-native");
    const { backstageIdentity } = await sessionOfDev(cwd);
    assert.equal(backstageIdentity.identity.userEntityRef, "user:default/ingrid.solheim");
    const keygen = await ended(cfaccess(["keygen"], { cwd }));
    assert.equal(keygen.code, 1);
    assert.match(keygen.output, /^There is no native program for \w+-\w+/);
    await writeFile(join(cwd, "org.yaml"), "");
    const dev = await ended(cfaccess(["dev", "--port", "0", "--catalog", "org.yaml"], { cwd }));
    assert.equal(dev.code, 1);
    assert.match(dev.output, /^--catalog: there is no cfaccess program/);
  });
});
