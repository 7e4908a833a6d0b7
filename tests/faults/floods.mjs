// Very many requests at once, and clients that do not behave: each gets what it should, and the memory of workerd is
// bounded.

import { setTimeout as sleep } from "node:timers/promises";
import { ASSERTION, ask, REFRESH } from "./ask.mjs";
import { count } from "./cell.mjs";
import { anUnreadDownload, download, echo, halfARequest, upload } from "./clients.mjs";
import { startInstance } from "./instance.mjs";
import { startServices } from "./services.mjs";

const MEGABYTE = 1024 * 1024;
/** How many looks for keys begin in a second while there are none (src/access/jwks_turns.rs). */
const COLD_LOOKS = 4;
/** What a sign-in gets that cannot be answered in time. */
const BUSY = ["503 catalog_unavailable", "503 refresh_timeout", "503 keys_unavailable"];

/**
 * Each flood: `mb`, the most memory that workerd may have; `run`, which resolves to
 * `{sent, off, note}`; `users`, how many there are.
 */
export const FLOODS = {
  "2,000 cold sign-ins at once": {
    users: 2_000,
    mb: 1_000,
    async run({ services, asks }) {
      const begun = performance.now();
      const answers = await asks("refresh", 2_000);
      const calls = services.of.certs.calls;
      const most = COLD_LOOKS * Math.ceil((performance.now() - begun) / 1_000 + 1);
      const off = unless(answers, "200 full", "200 claims", ...BUSY);
      if (calls > most) off.push(`${calls} calls of certs, over ${most}`);
      if (answers.some(({ ms }) => ms > 20_000)) off.push("an answer took over 20 s");
      // A busy machine refuses in time. Who is refused comes again.
      for (let tries = 0; tries < 10; tries += 1) {
        const again = answers.flatMap(({ word }, at) => (BUSY.includes(word) ? [at] : []));
        await inTurns(again, 100, async (at) => {
          [answers[at]] = await asks("refresh", 1, at);
        });
      }
      return { answers, off: [...off, ...unless(answers, "200 full", "200 claims")] };
    },
  },

  "1,000 made-up kids at once, cold": {
    users: 50,
    mb: 300,
    async run({ services, strangers, asks }) {
      const [forged, good] = await Promise.all([strangers(1_000), asks("refresh", 50)]);
      const off = [...unless(forged, "401 key_unknown"), ...unless(good, "200 full")];
      return { answers: [...forged, ...good], off: [...off, ...keyCalls(services, 8)] };
    },
  },

  "1,000 made-up kids at once, warm": {
    users: 50,
    mb: 300,
    async run({ services, strangers, asks }) {
      await asks("refresh", 50);
      services.of.certs.calls = 0;
      services.of.cacheWrite.calls = 0;
      const [forged, good] = await Promise.all([strangers(1_000), asks("refresh", 50)]);
      const off = [...unless(forged, "401 key_unknown"), ...unless(good, "200 full")];
      return { answers: [...forged, ...good], off: [...off, ...keyCalls(services, 2)] };
    },
  },

  "5,000 clients that leave half-way": {
    users: 50,
    // A slow machine has more of them open at once.
    mb: 800,
    async run({ services, instance, asks, callers, team }) {
      await services.of.identity.setFault("slow");
      const answers = [];
      for (let batch = 0; batch < 10; batch += 1) {
        const gone = new AbortController();
        const leaving = Array.from({ length: 500 }, (_, at) =>
          ask(at % 5 === 0 ? "forward" : "refresh", {
            ...{ instance, team, signal: gone.signal },
            caller: callers[at % callers.length],
          }),
        );
        const staying = asks("refresh", 5);
        await sleep(20 + 20 * batch);
        gone.abort();
        await Promise.all(leaving);
        answers.push(...(await staying));
      }
      await services.of.identity.setFault(undefined);
      answers.push(...(await asks("refresh", 50)), ...(await asks("forward", 50)));
      const allowed = ["200 full", "200 claims", "200"];
      return { answers, sent: 5_000 + answers.length, off: unless(answers, ...allowed) };
    },
  },

  "500 clients that send or read slowly": {
    users: 50,
    mb: 500,
    async run({ instance, asks, callers }) {
      const sockets = Array.from({ length: 500 }, (_, at) =>
        at % 2
          ? halfARequest(instance.port)
          : anUnreadDownload(instance.port, callers[at % 50].assertion),
      );
      await sleep(1_000);
      const answers = [...(await asks("refresh", 50)), ...(await asks("forward", 50))];
      const late = answers.filter(({ ms }) => ms > 5_000);
      for (const socket of sockets) socket.destroy();
      const off = unless(answers, "200 full", "200");
      if (late.length > 0) off.push(`${late.length} answers took over 5 s`);
      return { answers, sent: 500 + answers.length, off };
    },
  },

  "200 WebSockets": {
    users: 50,
    mb: 300,
    async run({ instance, callers }) {
      const ends = await Promise.all(
        Array.from({ length: 200 }, (_, at) => echo(instance.port, at, callers[at % 50].assertion)),
      );
      const refused = await Promise.all(Array.from({ length: 20 }, () => echo(instance.port, 0)));
      const answers = [...ends, ...refused].map((word) => ({ word }));
      const off = unless(
        ends.map((word) => ({ word })),
        "10 echoes",
      );
      off.push(
        ...unless(
          refused.map((word) => ({ word })),
          "Unexpected server response: 401",
        ),
      );
      return { answers, off };
    },
  },

  "200 MB each way": {
    users: 1,
    mb: 300,
    async run({ instance, callers: [{ assertion }] }) {
      const up = await upload(instance.port, assertion, 200);
      const down = await download(instance.port, assertion, 200);
      const answers = [{ word: `${up} MB up` }, { word: `${down} MB down` }];
      return { answers, off: unless(answers, "200 MB up", "200 MB down") };
    },
  },

  "a trap while 40 requests are forwarded": {
    users: 50,
    mb: 300,
    async run({ services, instance, asks, callers: [{ assertion }] }) {
      await asks("refresh", 50);
      const socket = echo(instance.port, 0, assertion, 20);
      await services.of.origin.setFault("slow");
      const [forwards, big] = [asks("forward", 40), download(instance.port, assertion, 200)];
      await sleep(200);
      await instance.control({ trapAfter: 0 });
      const trapped = await asks("refresh", 1);
      const after = await asks("refresh", 50);
      const off = [...unless(await forwards, "200"), ...unless(trapped, "500 internal")];
      const others = [{ word: await socket }, { word: `${await big} MB down` }];
      off.push(...unless(after, "200 full"), ...unless(others, "10 echoes", "200 MB down"));
      return { answers: [...(await forwards), ...trapped, ...after, ...others], off };
    },
  },

  "2,000 requests for the JWK Set whose origin hangs": {
    users: 50,
    mb: 600,
    async run({ services, asks }) {
      await services.of.jwks.setFault("hangs");
      const [sets, good] = await Promise.all([asks("jwks", 2_000), asks("refresh", 50)]);
      return {
        answers: [...sets, ...good],
        off: unless([...sets, ...good], "200 ours", "200 full"),
      };
    },
  },
};

/** Runs a flood against a Worker of its own. */
export async function runFlood({ users, mb, run }, { folder, team }) {
  const callers = [];
  for (let at = 0; at < users; at += 1) callers.push(await team.mint(at));
  const services = await startServices(
    team,
    callers.map(({ user }) => user),
    { keepsConnections: true },
  );
  const instance = await startInstance(folder, team, services);
  try {
    const asks = (kind, times, first = 0) =>
      Promise.all(
        Array.from({ length: times }, (_, at) =>
          ask(kind, { instance, team, caller: callers[(first + at) % callers.length] }),
        ),
      );
    const strangers = (times) => madeUpKids(instance, callers[0], times);
    const { answers, off, sent } = await run({
      services,
      instance,
      asks,
      strangers,
      callers,
      team,
    });
    const known = new Set(callers.map(({ assertion }) => assertion));
    const unverified = services.forwarded.filter(({ assertion }) => !known.has(assertion));
    if (unverified.length > 0) off.push(`${unverified.length} unverified requests were forwarded`);
    const wrong = answers.filter((one) => one.wrong);
    if (wrong.length > 0) off.push(`wrong: ${wrong[0].wrong} (${wrong.length} times)`);
    const peak = Math.round((await instance.peak()) / MEGABYTE);
    if (peak > mb) off.push(`${peak} MB of memory, over ${mb}`);
    if (instance.hasEnded()) off.push(`workerd has ended: ${instance.complaints.join(" ")}`);
    return { off, sent: sent ?? answers.length, answers: count(answers), peak };
  } finally {
    await instance.close();
    await services.close();
  }
}

async function inTurns(items, atOnce, act) {
  const queue = items.values();
  const loop = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
}

/** What is off where all answers should be among `words`. */
function unless(answers, ...words) {
  const others = answers.filter(({ word }) => !words.includes(word));
  return others.length > 0 ? [`${count(others)} instead of ${words.join(" or ")}`] : [];
}

function keyCalls({ of: { certs, cacheWrite } }, most) {
  const off = [];
  if (certs.calls > most) off.push(`${certs.calls} calls of certs, over ${most}`);
  // Besides the identities.
  if (cacheWrite.calls > 50 + most) off.push(`${cacheWrite.calls} writes of KV`);
  return off;
}

/** Requests with assertions under kids of the caller's making. */
async function madeUpKids(instance, { assertion }, times) {
  const [, payload, signature] = assertion.split(".");
  const answers = Array.from({ length: times }, async (_, at) => {
    const header = { alg: "RS256", kid: `made-up-${at}`, typ: "JWT" };
    const text = Buffer.from(JSON.stringify(header)).toString("base64url");
    const headers = { [ASSERTION]: `${text}.${payload}.${signature}` };
    const answer = await instance.send(REFRESH, { headers });
    return { word: `${answer.status} ${JSON.parse(answer.body).error.code}`, ms: answer.ms };
  });
  return Promise.all(answers);
}
