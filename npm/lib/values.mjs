// What `init` accepts. doctor checks the whole afterwards.

/** Each says what is wrong with a value, in words that follow it; `undefined` if nothing is. */
export const CHECKS = { team, audience, "base-url": baseUrl, trust, zone };

function team(value) {
  if (/^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*$/i.test(value)) return undefined;
  return "is no team name: it must be such as acme, or acme.cloudflareaccess.com without https://";
}

function audience(value) {
  if (/^[0-9a-f]{64}$/.test(value)) return undefined;
  if (/^[0-9a-f]{64}$/i.test(value)) return "is no AUD tag: write it in lower case";
  return `is no AUD tag: it has 64 hexadecimal digits, this has ${value.length} characters`;
}

function baseUrl(value) {
  if (!URL.canParse(value) || !/^https:\/\/[^\s"\\]+$/.test(value)) {
    return "is no https URL such as https://backstage.example.com";
  }
  const { hostname, port, pathname, search, hash, username } = new URL(value);
  if (search || hash || username) return "has more than a host and a path";
  if (port) return `has a port, and a route at Cloudflare has none: give https://${hostname}`;
  if (/\/api(\/auth)?\/?$/.test(pathname))
    return "is an API's URL: give backend.baseUrl of app-config";
  if (!hostname.includes(".") || /^[\d.]+$|^\[/.test(hostname))
    return "is not on a zone at Cloudflare";
  return undefined;
}

function trust(value) {
  if (["shared-key", "service"].includes(value)) return undefined;
  return "is neither shared-key nor service";
}

function zone(value, { "base-url": url }) {
  if (!/^([a-z0-9-]+\.)+[a-z0-9-]+$/i.test(value)) return "is no domain name such as example.com";
  if (url === undefined) return undefined;
  const { hostname } = new URL(url);
  if (hostname === value || hostname.endsWith(`.${value}`)) return undefined;
  return `does not contain ${hostname}`;
}

/** Second levels under which countries register domains, as in example.co.uk. */
const SECOND_LEVEL = /^(ac|co|com|edu|gov|net|ne|or|org)$/;

/** The zone that a host name suggests. There is no rule: another one is named with --zone. */
export function zoneOf(hostname) {
  const labels = hostname.split(".");
  const isCountry = labels.at(-1).length === 2 && SECOND_LEVEL.test(labels.at(-2));
  return labels.slice(isCountry && labels.length > 2 ? -3 : -2).join(".");
}
