// The chart of the main part: for each path a bar for each contender, and the target as a line that
// our bar should not reach over. Plain SVG, readable on white and on black.

import { CONTENDERS } from "../contenders.mjs";
import { PATHS, TARGETS } from "../paths.mjs";
import { contenderTitle, number, pathTitle } from "./text.mjs";

const WIDTH = 880;
const LEFT = 300;
const RIGHT = 70;
const BAR = 20;
const GAP = 6;
const HEAD = 34;
const TOP = 64;
const FOOT = 46;

const STYLE = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 17px; font-weight: 600; }
    .path { font-weight: 600; }
    .soft { fill: #59636e; font-size: 12px; }
    .bar { fill: #8c959f; } .ours { fill: #b7410e; }
    .spread { stroke: #1f2328; stroke-width: 1.5; }
    .target { stroke: #0969da; stroke-width: 2; stroke-dasharray: 4 3; }
    .axis { stroke: #d1d9e0; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .soft { fill: #9198a1; }
      .bar { fill: #656c76; } .ours { fill: #ff9466; }
      .spread { stroke: #f0f6fc; } .target { stroke: #4493f8; } .axis { stroke: #3d444d; }
    }`;

/** The chart of `{rows, measured, machine}`. */
export function chart({ rows, measured, machine }) {
  const widest = Math.max(...rows.map(({ cpu }) => cpu.high));
  const x = (micros) => LEFT + (micros / widest) * (WIDTH - LEFT - RIGHT);
  let y = TOP;
  const parts = [];
  for (const path of Object.keys(PATHS)) {
    const group = rows.filter((row) => row.path === path);
    parts.push(label("path", 16, y + 14, pathTitle(path)));
    y += HEAD - 10;
    const begin = y;
    for (const row of group) {
      parts.push(bar(row, x, y));
      y += BAR + GAP;
    }
    parts.push(...targetLines(group, path, x, begin));
    y += HEAD - 14;
  }
  const height = y + FOOT;
  const where = `${machine.cpu}, ${machine.cores} cores, workerd ${machine.workerd}, ${measured}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
  <title id="title">Processor time per request</title>
  <desc id="description">${escapeXml(description(rows))}</desc>
  <style>${STYLE}
  </style>
  ${label("title", 16, 28, "Processor time per request, µs of the whole workerd process")}
  ${label("soft", 16, 48, "less is better; thin line: lowest to highest round; dashed: where our bar may end at most")}
  <line class="axis" x1="${LEFT}" x2="${LEFT}" y1="${TOP}" y2="${y - 8}"/>
  ${parts.join("\n  ")}
  ${label("soft", 16, height - 18, where)}
</svg>
`;
}

function bar({ contender, cpu }, x, y) {
  const middle = y + BAR / 2;
  const kind = CONTENDERS[contender].isOurs ? "bar ours" : "bar";
  const end = Math.max(x(cpu.median), x(cpu.high));
  return [
    label("", 28, middle + 5, contenderTitle(contender)),
    `<rect class="${kind}" x="${LEFT}" y="${y}" width="${round(x(cpu.median) - LEFT)}" height="${BAR}" rx="2"/>`,
    `<line class="spread" x1="${round(x(cpu.low))}" x2="${round(x(cpu.high))}" y1="${middle}" y2="${middle}"/>`,
    label("", round(end + 8), middle + 5, number(cpu.median, 0)),
  ].join("\n  ");
}

/** A target is a ratio: in µs it is so much of what the peer took. The strictest one is drawn. */
function targetLines(group, path, x, y) {
  const cpu = (name) => group.find(({ contender }) => contender === name).cpu.median;
  const limits = TARGETS.filter((target) => target.path === path).map(
    ({ to, atMost }) => atMost * cpu(to),
  );
  if (limits.length === 0) return [];
  const at = round(x(Math.min(...limits)));
  return [`<line class="target" x1="${at}" x2="${at}" y1="${y - 4}" y2="${y + BAR + 4}"/>`];
}

function label(kind, x, y, text) {
  return `<text${kind && ` class="${kind}"`} x="${x}" y="${y}">${escapeXml(text)}</text>`;
}

/** What there is to see, for those who do not see it. */
function description(rows) {
  return rows
    .map(
      ({ path, contender, cpu }) =>
        `${pathTitle(path)}: ${contenderTitle(contender)} ${number(cpu.median, 0)}.`,
    )
    .join(" ");
}

const round = (value) => Math.round(value * 10) / 10;

function escapeXml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character]);
}
