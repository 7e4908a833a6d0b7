// The figures of the catalog as Markdown, for the terminal and for docs/catalog.md.

import { cpus } from "node:os";
import packaged from "workerd";
import { number, spread, table } from "../report/text.mjs";
import { median } from "../statistics.mjs";

const MB = 1e6;

export function catalogReport({ sizes, lookups, token, settings }) {
  const first = table(
    [
      "users",
      "groups",
      "records:",
      "in KV, MB:",
      "largest value, KB:",
      "`catalog build`, s:",
      "of that processor, s:",
    ],
    sizes.map((size) => [
      number(size.users, 0),
      number(size.groups, 0),
      number(size.records, 0),
      number(size.bytes / MB, size.bytes < MB ? 2 : 0),
      number(size.largest / 1e3, 1),
      number(median(size.seconds), 2),
      number(median(size.cpuSeconds), 2),
    ]),
  );
  const writes = table(
    [
      "users",
      "lists of keys:",
      "first run, writes:",
      "1 % changed, writes:",
      "deletions:",
      "nothing changed:",
    ],
    sizes.map(({ users, again, first, changes }) => [
      number(users, 0),
      number(again.pages, 0),
      number(first.written, 0),
      number(changes.written, 0),
      number(changes.deleted, 0),
      number(again.written + again.deleted, 0),
    ]),
  );
  const cost = table(
    [
      "users",
      "CPU µs of a sign-in:",
      `times that of ${number(sizes[0].users, 0)}:`,
      "KV reads:",
      "",
    ],
    lookups.map(({ cpu, more, kvReads, text }, at) => [
      number(sizes[at].users, 0),
      spread(cpu, 0),
      spread(more, 2),
      number(kvReads, 2),
      at === 0 ? "" : `≤ 1.10: ${text}`,
    ]),
  );
  const [{ model }] = cpus();
  return `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench:catalog\`: ${model.trim()}, ${cpus().length} cores,
workerd ${packaged.version}. A user has ${number(sizes.at(-1).memberships, 0)} groups on average, half of the users fewer than 10, one in a
hundred ${number(token.groups, 0)}; the groups are a tree; users and groups each say one half of who belongs to what.

${first}

What \`catalog push\` then writes, against an imitation of KV's REST interface with its sizes of pages
and batches:

${writes}

A sign-in of the same hundred users, with an assertion never seen before and by an address never looked
up before (\`name+1@\`, \`name+2@\`, …), so that nothing remembered answers it; the processor time of the
whole workerd process, median (lowest–highest) of ${settings.rounds} rounds, which alternate between the sizes:

${cost}

The token of a user with ${number(token.groups, 0)} groups has ${number(token.length, 0)} characters; Backstage takes 32,768. With
names as long as here (${"`payments-engineering-01234`"}), ${number(token.most, 0)} groups go in, and with ${number(token.refused, 0)} the sign-in says
\`token_too_large\`: "${token.message}".`;
}
