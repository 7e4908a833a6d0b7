// The table of the two cryptographies.

import { spread, table } from "./text.mjs";

export function cryptoReport({ rows }) {
  return table(
    ["", "WebCrypto, CPU µs:", "RustCrypto, CPU µs:", "times WebCrypto:"],
    rows.map(({ title, web, rust, times }) => [
      title,
      spread(web, 0),
      spread(rust, 0),
      spread(times, 1),
    ]),
  );
}
