// Figures as people read them.

import { contender } from "../contenders.mjs";
import { PATHS } from "../paths.mjs";

/** A whole number with a comma at the thousands; a small one with what digits it needs. */
export function number(value, digits = value < 10 ? 2 : 0) {
  return value.toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `median (low–high)`. */
export function spread({ median, low, high }, digits) {
  const text = (value) => number(value, digits);
  return `${text(median)} (${text(low)}–${text(high)})`;
}

export const contenderTitle = (name) => contender(name).title;
export const pathTitle = (name) => PATHS[name].title;

/** What a target is about. */
export function targetTitle({ kind, path, of, to }) {
  switch (kind) {
    case "cpu":
      return `${pathTitle(path)}: ${contenderTitle(of)} / ${contenderTitle(to)}`;
    case "start":
      return `first answer of a fresh isolate: ${contenderTitle("ours")} / ${contenderTitle(to)}`;
    case "kv":
      return `${pathTitle(path)}: KV reads of a request`;
    case "upload":
      return "upload after gzip, KiB";
    default:
      throw new Error(`a target of kind ${kind}`);
  }
}

/** How the measured value of a target is written. */
export function measuredText({ kind, measured }) {
  if (kind === "upload") return number(measured.median, 1);
  return kind === "kv" ? number(measured.median, 2) : spread(measured, 2);
}

export function targetText({ kind, atMost }) {
  return kind === "cpu" || kind === "start" ? `≤ ${number(atMost, 2)} ×` : `≤ ${atMost}`;
}

/** Rows of cells as a Markdown table; columns whose head ends in `:` are set to the right. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = head.map((title) => (title.endsWith(":") ? "---:" : "---"));
  return [line(head.map((title) => title.replace(/:$/, ""))), line(rule), ...rows.map(line)].join(
    "\n",
  );
}
