// The tables of profiles.

import { contenderTitle, number, pathTitle, table } from "./text.mjs";

export function profileReport({ profiles }) {
  return profiles
    .map(({ path, contender, requests, rows }) => {
      const title = contenderTitle(contender === "beside" ? "ours" : contender);
      const head = `${pathTitle(path)}: ${title}, ${number(requests, 0)} requests`;
      return `${head}\n\n${table(
        ["function", "µs per request:", "share:"],
        rows.map(({ name, micros, share }) => [
          `\`${name.replaceAll("|", "/").slice(0, 100)}\``,
          number(micros, 1),
          `${number(share * 100, 1)} %`,
        ]),
      )}`;
    })
    .join("\n\n");
}
