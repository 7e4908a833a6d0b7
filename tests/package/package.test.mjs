// The npm package as its user has it: installed from the tarball into an empty folder, without cargo.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { USERS } from "../../dev/people.mjs";
import { nativePackage, packages, programsIn } from "../../scripts/package.mjs";
import { openBrowser } from "../browser/browser.mjs";
import { descendantsOf, leftOf } from "../dev/running.mjs";
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

/** Runs `dev` while `use` uses it, which gets its URL. */
async function withDev(cwd, use, args = []) {
  const dev = cfaccess(["dev", "--port", "0", ...args], { cwd });
  try {
    while (!dev.output.includes("Ctrl-C")) {
      const next = await Promise.race([once(dev.child.stdout, "data"), dev.closed]);
      assert.notEqual(next[0], 1, dev.output);
    }
    const [url] = /http:\/\/localhost:\d+/.exec(dev.output);
    return await use(url);
  } finally {
    dev.child.kill("SIGTERM");
    await dev.closed;
  }
}

/** Signs in as the first sample user. Returns the answer of refresh. */
const sessionOfDev = (cwd, args) =>
  withDev(
    cwd,
    async (url) => {
      const cookie = cookiesOf(await logIn({ url }, USERS[0].email));
      return (await fetch(url + REFRESH, { headers: { cookie } })).json();
    },
    args,
  );

describe("npm run package", () => {
  test("packs the programs of other platforms, all of a folder or one", async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "cfaccess-binaries-"));
    t.after(() => rm(dir, { recursive: true }));
    for (const name of ["cfaccess-darwin-arm64", "cfaccess-win32-x64.exe", "SHA256SUMS"]) {
      await writeFile(join(dir, name), name);
    }
    const found = await programsIn(dir);
    assert.deepEqual(Object.keys(found), ["darwin-arm64", "win32-x64"]);

    const out = join(dir, "out");
    const native = await nativePackage("win32-x64", found["win32-x64"], "1.2.3", out);
    assert.deepEqual((await readdir(native)).sort(), ["LICENSE", "cfaccess.exe", "package.json"]);
    const { name, os, cpu } = JSON.parse(await readFile(join(native, "package.json"), "utf8"));
    assert.deepEqual([name, os, cpu], ["@backstage-cfaccess/cli-win32-x64", ["win32"], ["x64"]]);
    const unix = await nativePackage("darwin-arm64", found["darwin-arm64"], "1.2.3", out);
    assert.equal((await stat(join(unix, "cfaccess"))).mode & 0o777, 0o755);
  });

  test("names wrong arguments before it builds", async () => {
    for (const [args, message] of [
      [["--colour"], /Unknown option '--colour'/],
      [["--platform", "linux-x64"], /give both --platform and --binary/],
      [["--binary", "x", "--binaries", "y"], /give both --platform and --binary/],
      [["--platform", "beos-x86", "--binary", "x"], /--platform beos-x86: it must be such as/],
      [["--binaries", "/none"], /--binaries: ENOENT/],
      [["--binaries", home], /no file there is named such as cfaccess-linux-x64/],
    ]) {
      await assert.rejects(packages(args), message);
    }
    assert.equal(existsSync(tarballs[0]), true);
  });
});

describe("the npm package", { concurrency: false }, () => {
  test("init says what is missing, and what is wrong with a value", async () => {
    const cwd = await folder("wrong");
    const cases = [
      [[], /^Missing: --team, --audience, --base-url\n/],
      [INIT.with(1, "a team"), /^--team: "a team" is no team name/],
      [INIT.with(1, "https://acme.cloudflareaccess.com"), /^--team: .* without https/],
      [
        INIT.with(3, AUDIENCE.toUpperCase()),
        /^--audience: .* is no AUD tag: write it in lower case/,
      ],
      [INIT.with(3, AUDIENCE.slice(1)), /^--audience: .* 64 hexadecimal digits, this has 63/],
      [INIT.with(5, "backstage.acme.com"), /^--base-url: .* is no https URL/],
      [INIT.with(5, "https://b.acme.com/api/auth"), /^--base-url: .* give backend\.baseUrl/],
      [INIT.with(5, "https://b.acme.com:7007"), /^--base-url: .* give https:\/\/b\.acme\.com/],
      [INIT.with(5, "https://localhost"), /^--base-url: .* is not on a zone/],
      [[...INIT, "--zone", "example.com"], /^--zone: .* does not contain backstage\.acme\.com/],
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
    assert.match(again.output, /^wrangler\.jsonc already exists here\. .* --force/);
    const forced = await ended(cfaccess(["init", ...INIT, "--force"], { cwd }));
    assert.equal(forced.code, 0);
    assert.match(forced.output, /^unchanged: wrangler\.jsonc\nunchanged: package\.json\n/);

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

  test("a browser signs in, and the debugger shows how", async (t) => {
    const cwd = await folder("browser");
    await ended(cfaccess(["init", ...INIT], { cwd }));
    const { page, complaints } = await openBrowser(t);
    await withDev(cwd, async (url) => {
      await page.goto(url);
      await page.getByTestId(`user-${USERS[0].email}`).click();
      await page.getByTestId("entity-ref").waitFor();
      await page.getByTestId("debugger").click();
      await page
        .getByRole("heading", { name: "Signed in as user:default/ingrid.solheim" })
        .waitFor();
      await page.getByRole("button", { name: "Empty the Worker’s memory" }).click();
      await page.getByTestId("done").getByText("The Worker's memory is empty").waitFor();
      await page.getByRole("cell", { name: "KV CATALOG" }).waitFor();
    });
    assert.deepEqual(complaints, []);
  });

  test("init keeps what a package.json and a .gitignore have", async () => {
    const cwd = await folder("existing");
    const own = { name: "ours", scripts: { dev: "own" }, dependencies: { left: "1" } };
    await writeFile(join(cwd, "package.json"), JSON.stringify(own));
    await writeFile(join(cwd, ".gitignore"), "*.log\nnode_modules/");
    const { code, output } = await ended(cfaccess(["init", ...INIT], { cwd }));
    assert.equal(code, 0, output);
    const manifest = JSON.parse(await readFile(join(cwd, "package.json"), "utf8"));
    assert.deepEqual(manifest.scripts, { dev: "own", deploy: "backstage-cfaccess deploy" });
    assert.deepEqual(Object.keys(manifest.dependencies), ["left", "backstage-cfaccess"]);
    const ignored = await readFile(join(cwd, ".gitignore"), "utf8");
    assert.equal(ignored, "*.log\nnode_modules/\n.dev/\n.dev.vars*\n.wrangler/\nkeys/\n");

    const other = await folder("toml");
    await writeFile(join(other, "wrangler.toml"), "");
    const refused = await ended(cfaccess(["init", ...INIT], { cwd: other }));
    assert.match(refused.output, /^wrangler\.toml already exists here/);
    assert.deepEqual((await readdir(other)).sort(), ["node_modules", "wrangler.toml"]);
  });

  test("zone is that of the host name, or the one that is named", async () => {
    for (const [url, args, zone] of [
      ["https://backstage.acme.co.uk/", [], "acme.co.uk"],
      ["https://acme.io", [], "acme.io"],
      ["https://a.b.acme.com", ["--zone", "b.acme.com"], "b.acme.com"],
    ]) {
      const cwd = await folder(`zone-${zone}`);
      const run = await ended(cfaccess(["init", ...INIT.with(5, url), ...args], { cwd }));
      assert.equal(run.code, 0, run.output);
      const text = await readFile(join(cwd, "wrangler.jsonc"), "utf8");
      assert.ok(text.includes(`"pattern": "${new URL(url).hostname}/*", "zone_name": "${zone}"`));
      assert.ok(text.includes(`"baseUrl": "${url.replace(/\/$/, "")}"`));
      const { hostname } = new URL(url);
      const staging = hostname === zone ? `staging.${zone}` : `staging-${hostname}`;
      assert.ok(
        text.includes(`"pattern": "${staging}/*"`) && text.includes(`"https://${staging}"`),
      );
    }
  });

  test("help, version and several configuration files", async () => {
    const cwd = await folder("help");
    for (const command of ["init", "dev", "deploy"]) {
      const { code, output } = await ended(cfaccess([command, "--help"], { cwd }));
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^backstage-cfaccess ${command} \\[`));
    }
    assert.match((await ended(cfaccess(["--version"], { cwd }))).output, /^\d+\.\d+\.\d+\n$/);
    assert.deepEqual(await readdir(cwd), ["node_modules"]);

    await writeFile(join(cwd, "wrangler.toml"), "");
    await writeFile(join(cwd, "wrangler.jsonc"), "{}");
    const several = await ended(cfaccess(["dev", "--port", "0"], { cwd }));
    assert.equal(several.code, 1);
    assert.match(several.output, /^wrangler\.jsonc and wrangler\.toml are both there/);
    await rm(join(cwd, "wrangler.toml"));
    await writeFile(join(cwd, "wrangler.jsonc"), '{ "vars": { "CFACCESS": "{" } }');
    const broken = await ended(cfaccess(["dev", "--port", "0"], { cwd }));
    assert.equal(broken.code, 1);
    assert.match(broken.output, /^wrangler\.jsonc: CFACCESS is neither an object nor JSON/);
  });

  test("dev that loses its npx ends, and workerd with it", async () => {
    const cwd = await folder("npx");
    const npx = start("npx", ["backstage-cfaccess", "dev", "--port", "0"], cwd);
    while (!npx.output.includes("Ctrl-C")) {
      const ended = npx.closed.then(() => "ended");
      const next = await Promise.race([once(npx.child.stdout, "data"), ended]);
      assert.notEqual(next, "ended", npx.output);
    }
    const pids = await descendantsOf(npx.child.pid);
    npx.child.kill("SIGKILL");
    assert.deepEqual(await leftOf(pids), []);
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
