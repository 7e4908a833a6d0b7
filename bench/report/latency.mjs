// The table of latencies.

import { number, table } from "./text.mjs";

const TITLES = { ours: "this Worker", backstage: "Backstage with the official provider" };

export function latencyReport({ delays, rows }) {
  const times = table(
    ["", "sign-in", "p50 ms:", "p99 ms:", "sign-ins:", "waited for, ms"],
    rows.map(({ who, title, p50, p99, count, waits }) => [
      TITLES[who],
      title,
      number(p50, 0),
      number(p99, 0),
      number(count, 0),
      waits.map(({ name, ms }) => `${name} ${number(ms, 0)}`).join(", "),
    ]),
  );
  return `Each service answers after a fixed time: KV ${delays.kvHot} ms, the first read of a key ${delays.kvCold} ms;
the certs endpoint ${delays.certs} ms; get-identity ${delays.identity} ms. One sign-in at a time.

${times}`;
}
