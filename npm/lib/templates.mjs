// The files that `init` writes.

/** The newest that the workerd of this version knows. `npm run package` fills it in. */
const COMPATIBILITY_DATE = "COMPATIBILITY-DATE";

export function manifest(version) {
  const content = {
    private: true,
    scripts: { dev: "backstage-cfaccess dev", deploy: "backstage-cfaccess deploy" },
    dependencies: { "backstage-cfaccess": `^${version}` },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

export function wranglerJsonc({ team, audience, "base-url": baseUrl, trust }) {
  const { hostname } = new URL(baseUrl);
  const zone = hostname.split(".").slice(-2).join(".");
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
    // Set-up "alone" only, if the backend cannot reach the host above: a second host name without Access.
    // The recommended way needs no route: an Access Bypass application for the two public paths.
    // , { "pattern": "auth-internal.${zone}/*", "zone_name": "${zone}" }
  ],

  // Without an id, wrangler creates the namespace when it deploys.
  "kv_namespaces": [{ "binding": "CATALOG" }, { "binding": "ACCESS_CACHE" }],

  // npx backstage-cfaccess keygen --out keys
  // npx wrangler secret put SIGNING_KEYS < keys/signing-keys.json
  "secrets": { "required": ["SIGNING_KEYS"] },

  "observability": { "enabled": true },

  "vars": {
    "CFACCESS": ${indented(cfaccess, 4)},
    "BACKSTAGE": ${indented(backstage, 4)}
  },

  // npx backstage-cfaccess deploy --env staging
  "env": {
    "staging": {
      "name": "backstage-cfaccess-staging",
      "routes": [{ "pattern": "staging-${hostname}/*", "zone_name": "${zone}" }],
      "kv_namespaces": [{ "binding": "CATALOG" }, { "binding": "ACCESS_CACHE" }],
      "secrets": { "required": ["SIGNING_KEYS"] },
      "vars": {
        // The AUD tag of the staging application.
        "CFACCESS": ${indented(cfaccess, 8)},
        "BACKSTAGE": ${indented({ ...backstage, baseUrl: baseUrl.replace("://", "://staging-") }, 8)}
      }
    }
  }
}
`;
}

const indented = (value, spaces) =>
  JSON.stringify(value, null, 2).replaceAll("\n", `\n${" ".repeat(spaces)}`);
