// Requests inside requests, and requests of pages of other origins.

import { PRIVATE, PUBLIC, REFRESH } from "../ground.mjs";
import { sessionIn } from "../judge.mjs";
import { exchange, statusOf } from "../wire.mjs";

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
            const arrival = ground.arrived(id).find(({ url }) => url.includes(`smuggled-${id}`));
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
