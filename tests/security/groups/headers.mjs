// Headers and cookies of a caller who claims to be another, and the Backstage tokens that the Worker attaches.

import { PRIVATE, PUBLIC } from "../ground.mjs";

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
