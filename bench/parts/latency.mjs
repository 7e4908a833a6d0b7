// How long a user waits for a sign-in when the services are as far away as they are in production, and what
// the Worker waited for in that time. Beside it a Backstage with the official provider.

import { startBackstage, USERS } from "../backstage.mjs";
import { configure } from "../contenders.mjs";
import { ask } from "../load/index.mjs";
import { REFRESH } from "../paths.mjs";
import { median, percentile } from "../statistics.mjs";
import { startWorkerd } from "../workerd.mjs";

/** Milliseconds until each service has answered. */
export const DELAYS = { kvHot: 5, kvCold: 60, certs: 80, identity: 120 };
const CACHE = "cache-of-latency";

/** `starts`: processes for what only a fresh one shows; `users`: sign-ins of a process that runs. */
const FULL = { starts: 15, users: USERS };
const QUICK = { starts: 4, users: 40 };

export async function measureLatency({ ground, quick, say }) {
  const settings = quick ? QUICK : FULL;
  const { services } = ground;
  const rows = [];
  const add = (who, title, samples) => rows.push({ who, title, ...figures(samples) });
  await services.delay(DELAYS);

  say("latency: fresh isolates");
  const worker = await ourWorker(ground);
  const [first, known, moved] = [[], [], []];
  for (let start = 0; start < settings.starts; start += 1) {
    // Nothing is known anywhere.
    await services.clear(CACHE);
    await services.delay(DELAYS);
    first.push(await worker.firstOf(start));
    // The keys are in KV, from another isolate.
    await services.delay(DELAYS);
    known.push(await worker.firstOf(start + settings.starts));
    // So is the user's identity.
    await services.delay(DELAYS);
    moved.push(await worker.firstOf(start));
  }
  add("ours", "fresh isolate, keys not in KV", first);
  add("ours", "fresh isolate, keys in KV", known);
  add("ours", "fresh isolate, user signed in elsewhere before", moved);

  say("latency: an isolate that runs");
  await services.clear(CACHE);
  await services.delay(DELAYS);
  const running = await worker.start();
  await running.ask(0);
  const [fresh, again] = [[], []];
  for (let user = 1; user < settings.users; user += 1) fresh.push(await running.ask(user));
  for (let user = 1; user < settings.users; user += 1) again.push(await running.ask(user));
  await running.close();
  add("ours", "isolate that runs, first sign-in of a user", fresh);
  add("ours", "isolate that runs, the same again", again);

  say("latency: Backstage");
  await services.delay({});
  const backstage = await startBackstage(ground);
  await services.delay(DELAYS);
  try {
    const sign = (user) => timed(backstage.url, ground, user).then((ms) => ({ ms }));
    const [official, repeated] = [[], []];
    // The first one also fetches the keys.
    await sign(0);
    for (let user = 1; user < settings.users; user += 1) official.push(await sign(user));
    for (let user = 1; user < settings.users; user += 1) repeated.push(await sign(user));
    add("backstage", "process that runs, first sign-in of a user", official);
    add("backstage", "process that runs, the same again", repeated);
  } finally {
    await backstage.close();
    await services.delay({});
  }
  return { settings, delays: DELAYS, rows };
}

/** Our Worker, asking get-identity, whose log is read. */
async function ourWorker(ground) {
  const { dir, signingKeys, services } = ground;
  const setup = { dir, as: "latency", signingKeys, services: services.address, cache: CACHE };
  const config = await configure("identity", setup);
  const start = async () => {
    let noted;
    const server = await startWorkerd(config, {
      onLine: (line) => {
        const event = eventOf(line);
        if (event?.route === "refresh") noted?.(event);
      },
    });
    return {
      async ask(user) {
        const event = new Promise((resolve) => {
          noted = resolve;
        });
        const ms = await timed(server.url, ground, user);
        return { ms, waits: (await event).waits ?? {} };
      },
      close: () => server.close(),
    };
  };
  const firstOf = async (user) => {
    const server = await start();
    try {
      return await server.ask(user);
    } finally {
      await server.close();
    }
  };
  return { start, firstOf };
}

function eventOf(line) {
  try {
    return JSON.parse(line);
  } catch {
    // Not a line of the Worker's log.
    return undefined;
  }
}

/** Milliseconds until the whole answer to a refresh is there. */
async function timed(url, { pool }, user) {
  const assertion = await pool.line(user);
  const begin = performance.now();
  const { status, body } = await ask(url, REFRESH, assertion);
  const milliseconds = performance.now() - begin;
  if (status !== 200) throw new Error(`latency: ${status}: ${body}`);
  return milliseconds;
}

/** p50 and p99, and the median of each wait. */
function figures(samples) {
  const times = samples.map(({ ms }) => ms);
  const names = [...new Set(samples.flatMap(({ waits = {} }) => Object.keys(waits)))];
  return {
    count: samples.length,
    p50: median(times),
    p99: percentile(times, 99),
    waits: names.map((name) => ({
      name,
      ms: median(samples.map(({ waits }) => waits[name] ?? 0)),
    })),
  };
}
