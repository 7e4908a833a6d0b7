// Load from wrk, whose Lua script can send another assertion each time.

import { fileURLToPath } from "node:url";
import { output } from "../children.mjs";

export const CONNECTIONS = 16;
/** A run that sends each line once is over when it has, and at the latest after so long. */
const ONCE_LIMIT_SECONDS = 60;

const SCRIPT = fileURLToPath(new URL("rotate.lua", import.meta.url));

/** Resolves to `{sent, answered, seconds, statuses, broken, latency: {p50, p99, max}}`. */
export async function loadFromWrk({ wrk, url, path, email, lines, mode, seconds }) {
  const limit = mode === "once" ? ONCE_LIMIT_SECONDS : seconds;
  const script = [
    mode,
    path,
    email ?? "-",
    ...(lines ? [lines.header, lines.file, lines.offset, lines.count] : []),
  ];
  const text = await output(
    wrk,
    ["-t1", `-c${CONNECTIONS}`, `-d${limit}s`, "--timeout", "10s", "-s", SCRIPT, url, "--"].concat(
      script.map(String),
    ),
    { limitMs: (limit + 30) * 1000, endAt: /^OVER$/m },
  );
  return JSON.parse(text.match(/^RESULT (.+)$/m)[1]);
}
