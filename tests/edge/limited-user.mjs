// Limited-user tokens, which a backend derives from a user token for cookies.

import { decodeJwt, decodeProtectedHeader } from "jose";

/** The limited-user token of a user token, as `@backstage/backend-defaults` makes it. */
export function limited(token) {
  const { kid } = decodeProtectedHeader(token);
  const { sub, iat, exp, uip } = decodeJwt(token);
  const header = { typ: "vnd.backstage.limited-user", alg: "ES256", kid };
  const parts = [header, { sub, iat, exp }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return `${parts.join(".")}.${uip}`;
}
