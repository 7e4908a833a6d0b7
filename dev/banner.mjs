// What `npm run dev` says once everything is up.

import { DEBUGGER_PATH } from "./access/pages.mjs";
import { CI_BOT } from "./people.mjs";

/** The login page has all of them. */
const USERS_SHOWN = 10;

/** `page` is what there is to say of the page, and a command. */
export function banner(url, [page, command], all) {
  const shown = all.slice(0, USERS_SHOWN);
  const width = Math.max(...shown.map(({ email }) => email.length));
  const users = shown.map(({ email, note }) => `    ${email.padEnd(width)}  ${note}`.trimEnd());
  if (all.length > shown.length) users.push(`    and ${all.length - shown.length} more`);
  return `
  Backstage behind Cloudflare Access, on this machine:

    ${url}

  Debugger: claims, tokens, calls of the Worker, outages:

    ${url}${DEBUGGER_PATH}

  ${page}
    ${command}

  Log in as
${users.join("\n")}

  As a machine, with ci-bot's service token:
    curl -H 'CF-Access-Client-Id: ${CI_BOT.clientId}' \\
      -H 'CF-Access-Client-Secret: ${CI_BOT.clientSecret}' \\
      ${url}/api/auth/cfaccess/refresh

  Rotate Access's keys; a session outlives one rotation, not two:
    curl -X POST ${url}/cdn-cgi/access/emulator/rotate

  Below is the Worker's log. Ctrl-C stops everything.
`;
}
