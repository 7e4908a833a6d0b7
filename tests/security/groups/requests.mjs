// Requests: spellings of routes, headers and cookies of other proxies, smuggling, CORS.

import { PRIVATE, PUBLIC, REFRESH } from "../ground.mjs";
import { sessionIn } from "../judge.mjs";
import { exchange, statusOf } from "../wire.mjs";

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

const IDENTITY_HEADERS = [
  "Cf-Access-Authenticated-User-Email",
  "Cf-Access-Jwt-Assertion",
  "Remote-User",
  "X-Amzn-Oidc-Accesstoken",
  "X-Amzn-Oidc-Data",
  "X-Amzn-Oidc-Identity",
  "X-Auth-Request-Access-Token",
  "X-Auth-Request-Email",
  "X-Auth-Request-Groups",
  "X-Auth-Request-Preferred-Username",
  "X-Auth-Request-User",
  "X-Forwarded-Access-Token",
  "X-Forwarded-Email",
  "X-Forwarded-Groups",
  "X-Forwarded-Preferred-Username",
  "X-Forwarded-User",
  "X-Goog-Authenticated-User-Email",
  "X-Goog-Authenticated-User-Id",
  "X-Goog-Iap-Jwt-Assertion",
  "X-Ms-Client-Principal",
  "X-Ms-Client-Principal-Id",
  "X-Ms-Client-Principal-Idp",
  "X-Ms-Client-Principal-Name",
  "X-Ms-Token-Aad-Access-Token",
  "X-Ms-Token-Aad-Id-Token",
  "X-OAUTH2-PROXY-ID-TOKEN",
  "X-Remote-User",
];

/** No statement of a caller about who they are reaches the origin. */
export async function identityHeaders({ access }) {
  const forged = "forged-by-the-caller";
  const token = await access.mint();
  const spellings = (name) => [
    name,
    name.toLowerCase(),
    name.toUpperCase(),
    name.replaceAll("-", "_"),
    name.replaceAll("-", "."),
    name.replaceAll("-", "_").toLowerCase(),
  ];
  const attacks = [];
  for (const name of IDENTITY_HEADERS) {
    for (const spelling of new Set(spellings(name))) {
      for (const [where, path, headers] of [
        ["a public path", PUBLIC, []],
        ["a verified request", PRIVATE, [`Cookie: CF_Authorization=${token}`]],
      ]) {
        for (const lines of [
          [`${spelling}: ${forged}`],
          [`${spelling}: ${forged}`, `${name}: ${forged}-2`],
        ]) {
          attacks.push({
            name: `${spelling}${lines.length > 1 ? ", twice," : ""} on ${where}`,
            run: async (ground) => {
              const { id } = await ground.send(ground.gate.url, `GET ${path} HTTP/1.1`, [
                ...headers,
                ...lines,
              ]);
              const arrival = ground
                .arrived(id)
                .find(({ rawHeaders }) => rawHeaders.some((text) => text.includes(forged)));
              return arrival && JSON.stringify(arrival.rawHeaders);
            },
          });
        }
      }
    }
  }
  for (const cookie of [
    `CF_Authorization=${forged}`,
    `CF_Authorization=${token}; CF_Authorization=${forged}`,
    `CF_Authorization=${forged}; CF_Authorization=${token}`,
    `a=1; CF_Authorization =${forged}`,
    `a=1, CF_Authorization=${forged}`,
    `a=1;CF_Authorization=${forged}`,
    ` CF_Authorization=${forged}`,
    `CF_Authorization="${forged}"`,
  ]) {
    for (const [where, path, headers] of [
      ["a public path", PUBLIC, []],
      ["a verified request", PRIVATE, [`Cf-Access-Jwt-Assertion: ${token}`]],
    ]) {
      attacks.push({
        name: `cookie ${cookie.replace(token, "GOOD")} on ${where}`,
        run: async (ground) => {
          const { id } = await ground.send(ground.gate.url, `GET ${path} HTTP/1.1`, [
            ...headers,
            `Cookie: ${cookie}`,
          ]);
          const arrival = ground
            .arrived(id)
            .find(({ rawHeaders }) => rawHeaders.some((text) => text.includes(forged)));
          return arrival && JSON.stringify(arrival.rawHeaders);
        },
      });
    }
  }
  const control = {
    name: "other headers and cookies arrive",
    run: async (ground) => {
      const lines = [
        `Cf-Access-Jwt-Assertion: ${token}`,
        "X-Forwarded-For: 192.0.2.1",
        "Cookie: theme=dark",
      ];
      const { id } = await ground.send(ground.gate.url, `GET ${PRIVATE} HTTP/1.1`, lines);
      const [{ headers } = { headers: {} }] = ground.arrived(id);
      return (
        headers["x-forwarded-for"] === "192.0.2.1" &&
        headers.cookie === "theme=dark" &&
        headers["cf-access-jwt-assertion"]
      );
    },
  };
  return { attacks, controls: [control] };
}

/** A second request in the body of a first one must not arrive by itself. */
export async function smuggling({ access }) {
  const token = await access.mint();
  const attacks = [];
  const heads = {
    "Content-Length and Transfer-Encoding": ["Content-Length: 4", "Transfer-Encoding: chunked"],
    "Transfer-Encoding and Content-Length": ["Transfer-Encoding: chunked", "Content-Length: 4"],
    "two lengths": ["Content-Length: 0", "Content-Length: 200"],
    "two lengths, the larger first": ["Content-Length: 200", "Content-Length: 0"],
    "a list of lengths": ["Content-Length: 0, 200"],
    "a length with a plus": ["Content-Length: +0"],
    "a negative length": ["Content-Length: -1"],
    "a hexadecimal length": ["Content-Length: 0x0"],
    "a space before the colon": ["Content-Length : 0"],
    "a folded header": ["X-A: b", " Content-Length: 0"],
    "an unknown encoding": ["Transfer-Encoding: xchunked"],
    "an encoding with a tab": ["Transfer-Encoding:\tchunked", "Content-Length: 4"],
    identity: ["Transfer-Encoding: identity", "Content-Length: 0"],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "two encodings": ["Transfer-Encoding: chunked", "Transfer-Encoding: x"],
    "a NUL in the value": ["Transfer-Encoding: chunked\0"],
    "a bare line feed": ["X-A: b\nContent-Length: 0"],
    "a bare carriage return": ["X-A: b\rContent-Length: 0"],
    "an upgrade": ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"],
    h2c: [
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
    ],
    "no length at all": [],
  };
  const bodies = (inner) => ({
    plain: inner,
    "a last chunk before": `0\r\n\r\n${inner}`,
    "a chunk around": `4\r\nabcd\r\n0\r\n\r\n${inner}`,
  });
  for (const [name, lines] of Object.entries(heads)) {
    for (const kind of Object.keys(bodies(""))) {
      for (const [where, path, headers] of [
        ["a public path", PUBLIC, []],
        ["a verified request", PRIVATE, [`Cf-Access-Jwt-Assertion: ${token}`]],
        ["a refused request", PRIVATE, []],
      ]) {
        attacks.push({
          name: `${name}, ${kind}, behind ${where}`,
          run: async (ground) => {
            const id = ground.nextId();
            const inner = `GET /api/smuggled-${id} HTTP/1.1\r\nHost: backstage.example.com\r\n\r\n`;
            const head = [
              `POST ${path} HTTP/1.1`,
              "Host: backstage.example.com",
              ...headers,
              ...lines,
              "",
              "",
            ].join("\r\n");
            await exchange(ground.gate.url, Buffer.from(head + bodies(inner)[kind], "latin1"));
            const arrival = ground.origin.arrivals.find(({ url }) =>
              url.includes(`smuggled-${id}`),
            );
            return arrival?.url;
          },
        });
      }
    }
  }
  const control = {
    name: "a body with a length arrives",
    run: async (ground) => {
      const { id, text } = await ground.send(
        ground.gate.url,
        `POST ${PRIVATE} HTTP/1.1`,
        [`Cf-Access-Jwt-Assertion: ${token}`, "Content-Length: 4"],
        "abcd",
      );
      return statusOf(text) === 200 && ground.arrived(id)[0]?.url;
    },
  };
  return { attacks, controls: [control] };
}

/** No page of an origin that is not listed may read an answer, or have a preflight arrive. */
export async function cors({ access }) {
  const listed = "https://app.example.com";
  const token = await access.mint();
  const origins = [
    "https://evil.example.com",
    "null",
    "*",
    "https://app.example.com.evil.com",
    "https://evil.com/app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com.",
    "https://app.example.comx",
    "https://xapp.example.com",
    "file://",
    "https://app.example.com@evil.com",
    `${listed}, https://evil.com`,
    `${listed}/`,
    "",
    `${listed}%00.evil.com`,
    "app.example.com",
    "https://*.example.com",
    "chrome-extension://app.example.com",
  ];
  const attacks = origins.flatMap((origin) =>
    ["GET", "OPTIONS"].flatMap((method) =>
      [REFRESH, PRIVATE, "/api/auth/v1/userinfo"].map((path) => ({
        name: `${method} ${path} from ${origin}`,
        gate: "cors",
        run: async (ground, gate) => {
          const lines = [
            `Origin: ${origin}`,
            "Access-Control-Request-Method: GET",
            "Access-Control-Request-Headers: authorization",
          ];
          if (method === "GET") lines.push(`Cf-Access-Jwt-Assertion: ${token}`);
          const { id, text } = await ground.send(gate.url, `${method} ${path} HTTP/1.1`, lines);
          const [, allowed] = /^access-control-allow-origin: *(.*?)\r$/im.exec(text) ?? [];
          if (allowed !== undefined && (allowed === "*" || allowed === origin)) return text;
          return method === "OPTIONS" ? ground.arrived(id)[0]?.url : undefined;
        },
      })),
    ),
  );
  const controls = [
    {
      name: "a listed origin reads the refresh",
      gate: "cors",
      run: async (ground, gate) => {
        const lines = [`Origin: ${listed}`, `Cf-Access-Jwt-Assertion: ${token}`];
        const { text } = await ground.send(gate.url, `GET ${REFRESH} HTTP/1.1`, lines);
        return (
          /access-control-allow-origin: https:\/\/app\.example\.com\r/i.test(text) &&
          sessionIn(text)
        );
      },
    },
    {
      name: "a preflight of a listed origin arrives",
      gate: "cors",
      run: async (ground, gate) => {
        const lines = [`Origin: ${listed}`, "Access-Control-Request-Method: GET"];
        const { id } = await ground.send(gate.url, `OPTIONS ${PRIVATE} HTTP/1.1`, lines);
        return ground.arrived(id)[0]?.url;
      },
    },
  ];
  return { attacks, controls, gates: { cors: { backstage: { corsOrigins: [listed] } } } };
}

/** No browser's request, and none with credentials of its own, gets a Backstage token attached. */
export async function attachedTokens({ access }) {
  const user = await access.mint();
  const machine = await access.mint({ serviceToken: "11111111111111111111111111111111.access" });
  const signs = {
    "Sec-Fetch-Site": ["Sec-Fetch-Site: cross-site"],
    "Sec-Fetch-Site, same origin": ["Sec-Fetch-Site: same-origin"],
    "Sec-Fetch-Mode": ["Sec-Fetch-Mode: navigate"],
    "Sec-Fetch-Dest": ["Sec-Fetch-Dest: document"],
    Origin: ["Origin: https://evil.example.com"],
    "Origin null": ["Origin: null"],
    "its own Authorization": ["Authorization: Bearer x"],
    "its own Authorization in capitals": ["AUTHORIZATION: Basic eDp5"],
  };
  const attached = async (ground, gate, line, headers) => {
    const { id } = await ground.send(gate.url, `${line} HTTP/1.1`, headers);
    const token = ground.arrived(id)[0]?.headers.authorization;
    return token !== undefined && /^Bearer ey/.test(token) ? token : undefined;
  };
  const cases = Object.entries(signs).flatMap(([name, lines]) =>
    ["GET", "POST"].flatMap((method) => [
      [
        `a user's request with ${name}`,
        method,
        PRIVATE,
        [`Cf-Access-Jwt-Assertion: ${user}`, ...lines],
      ],
      [
        `a user's cookie with ${name}`,
        method,
        PRIVATE,
        [`Cookie: CF_Authorization=${user}`, ...lines],
      ],
    ]),
  );
  for (const method of ["GET", "POST"]) {
    cases.push(
      ["a cookie alone", method, PRIVATE, [`Cookie: CF_Authorization=${user}`]],
      [
        "a user's request with header and cookie",
        method,
        PRIVATE,
        [`Cf-Access-Jwt-Assertion: ${user}`, `Cookie: CF_Authorization=${user}`],
      ],
      [
        "a machine's request with Authorization",
        method,
        PRIVATE,
        [`Cf-Access-Jwt-Assertion: ${machine}`, "Authorization: Bearer x"],
      ],
      [
        "a machine's request with an Origin",
        method,
        PRIVATE,
        [`Cf-Access-Jwt-Assertion: ${machine}`, "Origin: https://evil.example.com"],
      ],
      [
        "a forged assertion",
        method,
        PRIVATE,
        [`Cf-Access-Jwt-Assertion: ${user.slice(0, -4)}AAAA`],
      ],
      ["a public path", method, PUBLIC, [`Cf-Access-Jwt-Assertion: ${user}`]],
      ["no assertion", method, PRIVATE, []],
    );
  }
  return {
    attacks: cases.map(([name, method, path, headers]) => ({
      name: `${method}: ${name}`,
      gate: "attach",
      run: (ground, gate) => attached(ground, gate, `${method} ${path}`, headers),
    })),
    controls: [
      {
        name: "a script of a user gets one",
        gate: "attach",
        run: (ground, gate) =>
          attached(ground, gate, `GET ${PRIVATE}`, [`Cf-Access-Jwt-Assertion: ${user}`]),
      },
      {
        name: "a machine gets one",
        gate: "attach",
        run: (ground, gate) =>
          attached(ground, gate, `POST ${PRIVATE}`, [`Cf-Access-Jwt-Assertion: ${machine}`]),
      },
    ],
    gates: { attach: { backstage: { attachToken: "non-browser" } } },
  };
}
