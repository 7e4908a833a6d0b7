// The tables of the suite.

import { table } from "../../bench/report/text.mjs";
import { EXPECTED, FAULTS, STATES } from "./expected.mjs";

/** Dependency × fault: in how many of the four states the Worker did what is expected. */
export function cellsTable(results) {
  const rows = Object.entries(EXPECTED).map(([dependency, { title }]) => [
    title,
    ...FAULTS.map((fault) =>
      summary(results.filter((it) => it.dependency === dependency && it.fault === fault)),
    ),
  ]);
  return table(["dependency", ...FAULTS], rows);
}

function summary(cells) {
  if (cells.length === 0) return "–";
  const off = cells.filter((cell) => cell.off.length > 0);
  if (off.length === 0) return `${cells.length} ok`;
  const states = STATES.filter((state) => off.some((cell) => cell.state === state));
  return `**off**: ${states.join(", ")}`;
}

export function floodsTable(floods) {
  const rows = floods.map(({ name, sent, answers, peak, mb, off }) => [
    name,
    sent?.toLocaleString("en-GB") ?? "–",
    answers ?? "–",
    peak === undefined ? "–" : `${peak} (≤ ${mb})`,
    off.length > 0 ? "**off**" : "as expected",
  ]);
  const head = [
    "flood",
    "requests:",
    "answers that were read to their end",
    "memory of workerd, MB:",
  ];
  return table([...head, "result"], rows);
}
