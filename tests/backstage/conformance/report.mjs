// docs/conformance.md: the differences as tables, with how often each shows.

import { SUBJECTS } from "./differences.mjs";

/** docs/conformance.md. `found` has how often each difference was seen. */
export function report({ found, total, configurations, assertions }) {
  return `# How it differs from the official provider

Written by \`npm run test:backstage\`: do not edit, change tests/backstage/conformance/ instead.

The test starts a real Backstage backend with
\`@backstage/plugin-auth-backend-module-cloudflare-access-provider\` and, beside it, the Worker with the
same configuration, its KV filled from that backend's catalog. Both get the same ${total} requests, under
${configurations} configurations of the resolvers: every person of a made-up organisation with odd names,
namespaces and memberships, their addresses in capitals, with tags, of other domains; strangers and
service tokens; assertions that are wrong in ${assertions} ways; groups as names, as objects and missing; outages
of get-identity; header, cookie, both and neither. The answers are compared field by field: status,
headers, profile, claims, identity, ownership refs and their order, the Backstage token's header,
claims and both its signatures, and the shape of errors.

Every difference is in these tables, with the number of requests in which it shows; any other makes
the test fail.

${tables([...found.keys()], "##", (row) => found.get(row))}
What is in none of the tables is the same. Not compared, because the official provider cannot be asked
for it: team domains other than \`<team>.cloudflareaccess.com\`, several audiences,
\`identity: "claims"\`.
`;
}

/** A table for each subject. `countOf` is the last column. */
function tables(rows, heading, countOf) {
  const table = ([subject, title]) => {
    const lines = rows
      .filter(({ about }) => about === subject)
      .map((row) => line([row.what, row.official, row.worker, row.why, countOf(row)]));
    const head = line(["", "official provider", "the Worker", "why", "requests"]);
    const rule = line(["---", "---", "---", "---", "---"]);
    return `${heading} ${title}\n\n${[head, rule, ...lines].join("\n")}\n`;
  };
  return Object.entries(SUBJECTS).map(table).join("\n");
}

function line(cells) {
  return `|${cells.map((cell) => (cell === "" ? " " : ` ${cell} `)).join("|")}|`;
}
