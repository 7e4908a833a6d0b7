// What `npm run dev` says once everything is up.

import { CI_BOT, USERS } from "./people.mjs";

/** `page` is what there is to say of the page, and a command. */
export function banner(url, [page, command]) {
  const width = Math.max(...USERS.map(({ email }) => email.length));
  const users = USERS.map(({ email, note }) => `    ${email.padEnd(width)}  ${note}`);
  return `
  Backstage behind Cloudflare Access, on this machine:

    ${url}

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
