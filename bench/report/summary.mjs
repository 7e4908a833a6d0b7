// The summary for the README: three bars and a sentence.

import { number } from "./text.mjs";

const WIDTH = 48;
const TITLES = {
  ours: "this Worker",
  jose: "JavaScript Worker with jose",
  backstage: "Backstage, official provider",
};

/** Processor time of a sign-in, as multiples of this Worker's, each of one run; `parts` as in performance.json. */
export function summary({ paths, backstage }) {
  const { measured: jose } = paths.targets.find(
    ({ path, to }) => path === "rotated" && to === "jose",
  );
  const [{ measured: official }] = backstage.rows;
  const times = { ours: 1, jose: 1 / jose.median, backstage: 1 / official.median };
  const most = Math.max(...Object.values(times));
  const title = Math.max(...Object.values(TITLES).map((text) => text.length));
  const bars = Object.entries(times).map(([name, value]) => {
    const bar = "█".repeat(Math.max(1, Math.round((value / most) * WIDTH)));
    return `${TITLES[name].padEnd(title)}  ${bar} ${number(value, value < 10 ? 1 : 0)}`;
  });
  return `\`\`\`
processor time of a sign-in
${bars.join("\n")}
\`\`\`

A Worker written in JavaScript takes ${number(times.jose, 1)} times the processor time for the sign-ins of 1,000 users, and a Backstage
with the official provider ${number(times.backstage, 0)} times.`;
}
