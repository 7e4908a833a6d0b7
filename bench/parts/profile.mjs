// Where the time of one path goes: a profile of V8's, taken through workerd's inspector while the load
// runs. The Worker is a build whose functions have names.

import { join } from "node:path";
import WebSocket from "ws";
import { assemble, compile } from "../../scripts/build.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { bindgenTool } from "../../scripts/setup.mjs";
import { tokensOf } from "../answers.mjs";
import { addBeside, CONTENDERS, configure } from "../contenders.mjs";
import { KEPT } from "../ground.mjs";
import { load } from "../load/index.mjs";
import { PATHS } from "../paths.mjs";
import { startWorkerd } from "../workerd.mjs";

const SETTINGS = { seconds: 5, unseen: 4_000 };
const SAMPLE_MICROS = 100;
/** Rows of a table. */
const MOST = 25;

/** Profiles the Worker and the first peer that does the same work, on each path that is named. */
export async function measureProfile({ ground, only = ["unseen"], generator, say }) {
  const named = join(KEPT, "named");
  say("profile: building the Worker with the names of its functions");
  await assemble(await compile(ROOT), await bindgenTool(), named, { names: true });
  addBeside(named);
  const profiles = [];
  for (const path of only) {
    for (const contender of ["beside", peerOf(path)]) {
      say(`profile: ${path}, ${contender}`);
      profiles.push(await profile({ ground, path, contender, generator }));
    }
  }
  return { profiles };
}

const peerOf = (path) => PATHS[path].contenders.find((name) => !CONTENDERS[name].isOurs);

async function profile({ ground, path, contender, generator }) {
  const { dir, signingKeys, services, pool } = ground;
  const setup = { dir, as: `profiled-${contender}`, signingKeys, services: services.address };
  const server = await startWorkerd(await configure(contender, setup), {
    args: ["--inspector-addr=127.0.0.1:0"],
  });
  try {
    const { lines, tokens, ...what } = PATHS[path];
    if (tokens) ground.tokens ??= await tokensOf(server, ground);
    const send = async (round) =>
      load(generator, {
        server,
        path: what.path,
        status: contender === "hello" ? 200 : what.status,
        email: what.email,
        mode: what.mode,
        lines: tokens ? ground.tokens : await lines?.(pool, round, SETTINGS),
        seconds: SETTINGS.seconds,
      });
    await send(-1);
    const inspector = await inspect(server.inspector);
    await inspector.call("Profiler.enable");
    await inspector.call("Profiler.setSamplingInterval", { interval: SAMPLE_MICROS });
    await inspector.call("Profiler.start");
    const { requests } = await send(0);
    const { profile } = await inspector.call("Profiler.stop");
    inspector.close();
    return { path, contender, requests, rows: rowsOf(profile, requests) };
  } finally {
    await server.close();
  }
}

/** A connection to workerd's inspector, which speaks the protocol of Chrome's developer tools. */
async function inspect(address) {
  const [target] = await (await fetch(`http://${address}/json`)).json();
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const waiting = new Map();
  socket.on("message", (data) => {
    const { id, result, error } = JSON.parse(data);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
  });
  let last = 0;
  return {
    call(method, params = {}) {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    close: () => socket.close(),
  };
}

/** The time of each function itself, per request, most of it first. Waiting is left out. */
function rowsOf({ nodes, samples, timeDeltas }, requests) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((it) => [it, id])));
  const times = new Map();
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const name = nameOf(byId.get(id), byId.get(parents.get(id)));
    if (name === "(idle)") continue;
    busy += timeDeltas[at];
    times.set(name, (times.get(name) ?? 0) + timeDeltas[at]);
  }
  return [...times]
    .sort(([, left], [, right]) => right - left)
    .slice(0, MOST)
    .map(([name, time]) => ({ name, micros: time / requests, share: time / busy }));
}

/** A function without a name is called by that of its caller: what it calls natively is its time. */
function nameOf({ callFrame }, parent) {
  const own = callFrame.functionName;
  const text = own || `in ${parent?.callFrame.functionName || "the runtime"}`;
  // Hashes of Rust's and of wasm-bindgen's.
  return text.replace(/::h[0-9a-f]{16}|_[0-9a-f]{16}$|\[[0-9a-f]{16}\]/g, "");
}
