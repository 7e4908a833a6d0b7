// The tables of growth.

import { number, spread, table } from "./text.mjs";

const MIB = 1024 * 1024;

export function growthReport({ axes, everyone, memory }) {
  const grown = table(
    ["", "how many:", "CPU µs per request:", "times the first:", "KV reads:", ""],
    axes.flatMap(({ title, rows }) =>
      rows.map(({ size, cpu, more, kvReads, atMost, text }) => [
        title,
        number(size, 0),
        spread(cpu, 0),
        spread(more, 2),
        number(kvReads, 2),
        atMost ? `≤ ${number(atMost, 2)}: ${text}` : "",
      ]),
    ),
  );
  const remembered = table(
    ["assertions, each of another user:", "memory of the process, MiB:"],
    memory.map(({ assertions, bytes }) => [number(assertions, 0), number(bytes / MIB, 0)]),
  );
  return `A refresh with an assertion never seen before, of the same hundred users each time, so that nothing
but the size differs. The email is one of \`name+1@\`, \`name+2@\`, …, each only once: a look into KV for
it, and then the user by the plain email, whose record the isolate has cached.

${grown}

With ${number(memory.at(-1).assertions, 0)} users and another one each time, so that each has to be looked up, it is
${spread(everyone.cpu, 0)} µs and ${number(everyone.kvReads, 2)} KV reads.

What is remembered is bounded, in number and in bytes:

${remembered}`;
}
