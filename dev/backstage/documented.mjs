// The configuration in the documentation, for `npm run dev` and for tests, which use it as it is. Only
// the names of the example are replaced.

import { readFile } from "node:fs/promises";

const DOCS = new URL("../../docs/", import.meta.url);

/**
 * The named blocks of a page: `<!-- app-config: alone -->` before a fence names what is in the fence.
 * `names` replaces the example's names.
 */
export async function blocksOf(page, { url, team, audience }) {
  const text = (await readFile(new URL(page, DOCS), "utf8"))
    .replaceAll("https://backstage.example.com", url)
    .replaceAll("acme", team)
    .replaceAll("0123456789abcdef".repeat(4), audience)
    .replace(/\$\{AUTH_GITHUB_CLIENT_ID\}/, "a-client")
    .replace(/\$\{AUTH_GITHUB_CLIENT_SECRET\}/, "a-secret");
  const blocks = text.matchAll(/<!-- (.+?) -->\n```\w+\n(.*?)```/gs);
  return new Map(Array.from(blocks, ([, name, block]) => [name, block]));
}

/** The paths of clients without a browser, as docs/backstage.md lists them. */
export async function documentedClientPaths() {
  const text = await readFile(new URL("backstage.md", DOCS), "utf8");
  return JSON.parse(/<!-- client paths -->\n```json\n(.*?)```/s.exec(text)[1]);
}
