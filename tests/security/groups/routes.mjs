// Spellings of routes.

import { PRIVATE, PUBLIC, REFRESH } from "../ground.mjs";
import { sessionIn } from "../judge.mjs";

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"];

/** Nothing arrives that is not below a public path, and no session is given, without an assertion. */
export async function routes({ access }) {
  const targets = [
    PRIVATE,
    "/",
    "/api/auth/cfaccess/start",
    "/api/auth/github/refresh",
    "/api/auth/v1/jwks",
    REFRESH,
  ];
  const spellings = (path) => [
    path,
    path.toUpperCase(),
    `/${path}`,
    `//evil.example.com${path}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}/x/..`,
    `${path}?a=${PUBLIC}`,
    `${path}#${PUBLIC}`,
    `${path};${PUBLIC}`,
    `${path}%00`,
    `${path}%20`,
    `${path}%2f`,
    path.replaceAll("/", "%2f"),
    path.replaceAll("/", "\\"),
    path.replaceAll("e", "%65"),
    path.replaceAll("e", "%2565"),
    path.replace("/", "/./"),
    path.replace("/", "/x/../"),
    path.replace("/", "/%2e/"),
    `${PUBLIC}/..${path}`,
    `${PUBLIC}/%2e%2e${path}`,
    `${PUBLIC}/.%2e${path}`,
    `${PUBLIC}/..;${path}`,
    `${PUBLIC}/..%3b${path}`,
    `${PUBLIC}/..%2f${path.slice(1)}`,
    `${PUBLIC}%2f..${path}`,
    `${PUBLIC}\\..${path}`,
    `${PUBLIC}/..\\${path.slice(1)}`,
    `${PUBLIC}/%252e%252e${path}`,
    `${PUBLIC}/x/../..${path}`,
    `${PUBLIC};x/..${path}`,
    `${PUBLIC}.${path}`,
    `${PUBLIC}x${path}`,
    `/.${PUBLIC}/..${path}`,
    `${PUBLIC.toUpperCase()}${path}`,
    `http://backstage.example.com${path}`,
    `https://backstage.example.com${path}`,
    `http://evil.example.com${path}`,
    `http://backstage.example.com${PUBLIC}/..${path}`,
    `http://${PUBLIC.slice(1)}${path}`,
    "*",
  ];
  const attacks = [];
  for (const target of targets) {
    for (const spelling of new Set(spellings(target))) {
      for (const method of METHODS) {
        attacks.push({
          name: `${method} ${spelling}`,
          run: async (ground) => {
            const { id, text } = await ground.send(
              ground.gate.url,
              `${method} ${spelling} HTTP/1.1`,
            );
            const arrival = ground.arrived(id).find(({ url }) => !isPublic(url));
            return arrival ? `${arrival.method} ${arrival.url}` : sessionIn(text);
          },
        });
      }
    }
  }
  const token = await access.mint();
  const passes = (line, headers = []) => ({
    name: `good: ${line}`,
    run: async (ground) => {
      const { id } = await ground.send(ground.gate.url, `${line} HTTP/1.1`, headers);
      return ground.arrived(id)[0]?.url;
    },
  });
  return {
    attacks,
    controls: [
      passes(`GET ${PUBLIC}`),
      passes(`GET ${PUBLIC}/deep?x=1`),
      passes(`POST ${PRIVATE}`, [`Cf-Access-Jwt-Assertion: ${token}`]),
    ],
  };
}

/** As an origin reads it that resolves and decodes whatever it can. */
function isPublic(url) {
  const path = decodeURIComponent(url.split("?")[0].replaceAll(/%(?![0-9a-f]{2})/gi, "%25"));
  const isPlain = !/\.\.|\\|%|;|\/\//.test(path);
  return isPlain && (path === PUBLIC || path.startsWith(`${PUBLIC}/`));
}
