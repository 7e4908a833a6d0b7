// The login page of the emulator, and the page after log-out.

/** The emulator's own paths begin with it. */
export const DEBUGGER_PATH = "/cdn-cgi/access/emulator/";

const STYLE = `
  :root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --line: #d5dbe3;
    --paper: #ffffff; --ground: #f2f4f7; --accent: #b7410e; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #9aa5b4;
    --line: #364152; --paper: #1c2430; --ground: #121820; --accent: #ff9466; } }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
    background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { width: 100%; max-width: 28rem; background: var(--paper); padding: 2rem;
    border: 1px solid var(--line); border-radius: 12px; }
  h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
  p { margin: 0 0 1.25rem; color: var(--soft); }
  ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
  button { width: 100%; padding: .6rem .9rem; text-align: left; font: inherit; color: inherit;
    background: none; border: 1px solid var(--line); border-radius: 8px; cursor: pointer; }
  button:hover { border-color: var(--accent); }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  button span { display: block; color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
  a { color: var(--accent); }
  .foot { margin: 1.5rem 0 0; font-size: .875rem; }
`;

export function loginPage(users, redirectUrl) {
  const choices = users.map(
    ({ email, name, note }) => `
      <li><button name="email" value="${escapeHtml(email)}" data-testid="user-${escapeHtml(email)}">
        <strong>${escapeHtml(name ?? email)}</strong>
        <span>${escapeHtml(email)}${note ? ` · ${escapeHtml(note)}` : ""}</span>
      </button></li>`,
  );
  return page(
    "Sign in",
    `
    <h1>Sign in</h1>
    <p>Choose a user. The emulator asks for no password.</p>
    <form method="post" action="/cdn-cgi/access/login">
      <input type="hidden" name="redirect_url" value="${escapeHtml(redirectUrl)}">
      <ul aria-label="Sample users">${choices.join("")}
      </ul>
    </form>`,
  );
}

export function signedOutPage() {
  return page(
    "Signed out",
    `
    <h1 data-testid="signed-out">You are signed out</h1>
    <p>The Access session of this browser has ended.</p>
    <a href="/cdn-cgi/access/login">Sign in again</a>`,
  );
}

function page(title, main) {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · Access emulator</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <main>${main}
      <p class="foot">Access emulator · <a href="${DEBUGGER_PATH}">Debugger</a></p>
    </main>
  </body>
</html>
`;
}

function escapeHtml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (character) => entities[character]);
}
