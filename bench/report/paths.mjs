// The tables of the main part.

import {
  contenderTitle,
  measuredText,
  number,
  pathTitle,
  spread,
  table,
  targetText,
  targetTitle,
} from "./text.mjs";

/** What each path costs. */
export function costTable({ rows }) {
  return table(
    ["path", "contender", "CPU µs per request:", "requests/s:", "p50 ms:", "p99 ms:", "KV reads:"],
    rows.map(({ path, contender, cpu, perSecond, p50, p99, kvReads }) => [
      pathTitle(path),
      contenderTitle(contender),
      spread(cpu, 0),
      number(perSecond, 0),
      number(p50 / 1000, 1),
      number(p99 / 1000, 1),
      number(kvReads, 2),
    ]),
  );
}

/** What the targets say. */
export function targetTable({ targets }) {
  return table(
    ["target", "at most:", "measured:", ""],
    targets.map((target) => [
      targetTitle(target),
      targetText(target),
      measuredText(target),
      target.text,
    ]),
  );
}

/** What the first answer takes, and what it is made of: each line but the peer's has what the one before has. */
export function startTable({ starts }) {
  return table(
    ["contender", "ms until the first answer:"],
    starts.map(({ contender, milliseconds }) => [
      contenderTitle(contender),
      spread(milliseconds, 0),
    ]),
  );
}

export function uploadTable({ upload }) {
  return table(
    ["contender", "KiB after gzip:"],
    upload.map(({ contender, kib }) => [contenderTitle(contender), number(kib, 1)]),
  );
}

/** Everything, for the terminal and for docs/performance.md alike. */
export function pathsReport(result) {
  const tables = [targetTable(result), costTable(result)];
  if (result.starts.length > 0) tables.push(startTable(result));
  return [...tables, uploadTable(result)].join("\n\n");
}
