// The end of `npm run dev`, however npm ends: nothing that it has started is left. Needs what main.test.mjs needs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { childrenOf, descendantsOf, leftOf, urlOf, watch } from "./running.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ARGS = ["run", "dev", "--", "--plain", "--port", "0"];

/** `npm run dev` as the leader of a process group, as a shell starts it. */
async function startNpm(t) {
  const npm = watch(t, spawn("npm", ARGS, { cwd: ROOT, detached: true }));
  const url = await urlOf(npm);
  const pids = await descendantsOf(npm.child.pid);
  if (process.platform === "linux") {
    assert.ok(pids.length >= 3, "the script, dev/main.mjs and workerd");
  }
  return { npm, url, pids };
}

/** SIGINT to npm alone is not among them: npm takes it for a Ctrl-C, which its child gets too, and goes on. */
const ENDS = {
  "SIGTERM to npm": ({ pid }) => process.kill(pid, "SIGTERM"),
  "SIGHUP to npm": ({ pid }) => process.kill(pid, "SIGHUP"),
  "SIGKILL to npm": ({ pid }) => process.kill(pid, "SIGKILL"),
  "Ctrl-C at the terminal": ({ pid }) => process.kill(-pid, "SIGINT"),
  "a terminal that is closed": ({ pid }) => process.kill(-pid, "SIGHUP"),
};

for (const [name, end] of Object.entries(ENDS)) {
  test(`${name} ends everything that npm run dev has started`, async (t) => {
    const { npm, url, pids } = await startNpm(t);
    end(npm.child);
    assert.deepEqual(await leftOf([npm.child.pid, ...pids]), []);
    await assert.rejects(fetch(url));
  });
}

test("workerd that the debugger has started anew ends too", async (t) => {
  const { npm, url } = await startNpm(t);
  const response = await fetch(`${url}/cdn-cgi/access/emulator/forget`, { method: "POST" });
  assert.equal(response.status, 200);
  const pids = await descendantsOf(npm.child.pid);
  npm.child.kill("SIGTERM");
  assert.deepEqual(await leftOf([npm.child.pid, ...pids]), []);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  test(`${signal} during a build ends the programs of the build, and says nothing of a failure`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "cfaccess-ending-"));
    t.after(() => rm(dir, { recursive: true }));
    const script = join(dir, "build.mjs");
    const process_ = pathToFileURL(join(ROOT, "scripts", "process.mjs"));
    await writeFile(
      script,
      `import { main, must } from "${process_}";
      await main(import.meta.url, () => must("sh", ["-c", "sleep 61 & echo ready; wait"]));`,
    );
    const build = watch(t, spawn(process.execPath, [script]));
    await once(build.child.stdout, "data");
    const pids = await descendantsOf(build.child.pid);
    assert.ok(process.platform !== "linux" || pids.length === 2);
    build.child.kill(signal);
    const [code] = await build.exited;
    assert.ok(code > 128, `${code}`);
    assert.deepEqual(await leftOf(pids), []);
    assert.equal(build.output, "ready\n");
  });
}

test("wrong arguments are named without cargo and npm packages, before anything is built", async (t) => {
  const cases = [
    [["--colour"], /^\nUnknown option '--colour'/],
    [["--port", "http"], /^\n--port http is no port/],
    [["--users", "/none"], /^\n--users: \/none does not exist/],
  ];
  for (const [args, message] of cases) {
    const env = { PATH: "/nowhere", HOME: "/nowhere" };
    const dev = watch(t, spawn(process.execPath, ["scripts/dev.mjs", ...args], { cwd: ROOT, env }));
    const [code] = await dev.exited;
    assert.equal(code, 1);
    assert.match(dev.output, message);
    assert.deepEqual(await childrenOf(dev.child.pid), []);
  }
});
