// The table beside Backstage.

import { number, spread, table } from "./text.mjs";

export function backstageReport({ rows }) {
  const figures = ({ cpu, perSecond, p99 }) => [
    spread(cpu, 0),
    number(perSecond, 0),
    number(p99 / 1000, 0),
  ];
  const costs = table(
    ["path", "contender", "CPU µs per request:", "requests/s:", "p99 ms:"],
    rows.flatMap(({ title, ours, backstage }) => [
      [title, "this Worker", ...figures(ours)],
      [title, "Backstage with the official provider", ...figures(backstage)],
    ]),
  );
  const targets = table(
    ["target", "at most:", "measured:", ""],
    rows.map(({ title, atMost, measured, text }) => [
      title,
      `≤ ${number(atMost, 2)} ×`,
      spread(measured, 3),
      text,
    ]),
  );
  return `${targets}\n\n${costs}`;
}
