// The files that `init` writes.

import { UsageError } from "./errors.mjs";

/** The newest that the workerd of this version knows. `npm run package` fills it in. */
const COMPATIBILITY_DATE = "COMPATIBILITY-DATE";

/** package.json: a new one, or `text` with what is missing. */
export function manifest(version, text) {
  const before = text === undefined ? { private: true } : parsed(text);
  const scripts = { dev: "backstage-cfaccess dev", deploy: "backstage-cfaccess deploy" };
  const isThere = before.dependencies?.[NAME] ?? before.devDependencies?.[NAME];
  const content = {
    ...before,
    scripts: { ...scripts, ...before.scripts },
    ...(!isThere && { dependencies: { ...before.dependencies, [NAME]: `^${version}` } }),
  };
  if (text !== undefined && JSON.stringify(content) === JSON.stringify(before)) return text;
  return `${JSON.stringify(content, null, 2)}\n`;
}

const NAME = "backstage-cfaccess";

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch ({ message }) {
    throw new UsageError(`package.json: ${message}`);
  }
}

const IGNORED = ["node_modules/", ".dev/", ".dev.vars*", ".wrangler/", "keys/"];

/** .gitignore: a new one, or `text` with what is missing. `keys/` has the private keys. */
export function ignored(text = "") {
  const lines = text.split(/\r?\n/);
  const missing = IGNORED.filter((name) => !lines.includes(name));
  if (missing.length === 0) return text;
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
}

export function wranglerJsonc({ team, audience, "base-url": url, trust, zone }) {
  const { hostname } = new URL(url);
  const baseUrl = url.replace(/\/+$/, "");
  // A prefix of the zone's own name would be another zone.
  const staging = `staging${hostname === zone ? "." : "-"}${hostname}`;
  const cfaccess = {
    teamName: team,
    audience: [audience],
    signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
  };
  const backstage = { baseUrl, trust };
  return `{
  "$schema": "node_modules/backstage-cfaccess/schema/wrangler.schema.json",
  "name": "backstage-cfaccess",
  // An upgrade is "npm update backstage-cfaccess" and a deployment.
  "main": "node_modules/backstage-cfaccess/build/worker.mjs",
  "compatibility_date": "${COMPATIBILITY_DATE}",

  // An address on workers.dev would have no Access in front of it.
  "workers_dev": false,
  "preview_urls": false,

  "routes": [
    { "pattern": "${hostname}/*", "zone_name": "${zone}" }
    // With "trust": "service", the backend reads two paths of the Worker without a session:
    //   /api/auth/.well-known/jwks.json and /api/auth/v1/userinfo.
    // Variant 1, recommended: an Access application with a Bypass policy for these two paths. No more routes.
    // Variant 2, if the backend cannot reach the host above: a second host name without Access.
    // , { "pattern": "auth-internal.${zone}/*", "zone_name": "${zone}" }
  ],

  // Without an id, wrangler creates the namespace when it deploys.
  "kv_namespaces": [{ "binding": "CATALOG" }, { "binding": "ACCESS_CACHE" }],

  // npx backstage-cfaccess keygen --out keys
  // npx wrangler secret put SIGNING_KEYS < keys/signing-keys.json
  "secrets": { "required": ["SIGNING_KEYS"] },

  // The log lines, in the dashboard.
  "observability": { "enabled": true },

  // Keeps CATALOG in step with Backstage, instead of "catalog push". It needs "origin" in BACKSTAGE, the URL of
  // the backend behind Access, and a second secret, a static token of backend.auth.externalAccess:
  //   npx wrangler secret put CATALOG_TOKEN
  // "triggers": { "crons": ["*/5 * * * *"] },

  "vars": {
    "CFACCESS": ${indented(cfaccess, 4)},
    // To try it without an effect for users, add "mode": "shadow": the origin answers, the log says what differs.
    "BACKSTAGE": ${indented(backstage, 4)}
  },

  // An environment is a Worker of its own, with its own KV, secrets and variables.
  //   npx backstage-cfaccess deploy --env staging
  "env": {
    "staging": {
      "name": "backstage-cfaccess-staging",
      "routes": [{ "pattern": "${staging}/*", "zone_name": "${zone}" }],
      "kv_namespaces": [{ "binding": "CATALOG" }, { "binding": "ACCESS_CACHE" }],
      "secrets": { "required": ["SIGNING_KEYS"] },
      "observability": { "enabled": true },
      "vars": {
        // Replace the AUD tag by that of the staging application.
        "CFACCESS": ${indented(cfaccess, 8)},
        "BACKSTAGE": ${indented({ ...backstage, baseUrl: baseUrl.replace(hostname, staging) }, 8)}
      }
    }
  }
}
`;
}

const indented = (value, spaces) =>
  JSON.stringify(value, null, 2).replaceAll("\n", `\n${" ".repeat(spaces)}`);
