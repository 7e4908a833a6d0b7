// The document that `/cdn-cgi/access/get-identity` answers: what the identity provider said at
// login time.

import { stableUuid } from "./assertion.mjs";

/** The identity behind a verified assertion. `user` is the sample user of that email, if any. */
export function identityDocument(claims, user, { ip, team }) {
  if (claims.common_name) return serviceTokenIdentity(claims, { ip, team });
  return {
    id: claims.sub,
    name: user?.name ?? claims.email.split("@")[0],
    email: claims.email,
    amr: ["pwd"],
    groups: user?.groups ?? [],
    idp: user?.idp ?? { id: stableUuid(`${team} idp`), type: "google-apps" },
    geo: { country: claims.country },
    user_uuid: claims.sub,
    account_id: accountId(team),
    iat: claims.iat,
    ip,
    auth_status: "NONE",
    common_name: "",
    service_token_id: "",
    service_token_status: false,
    is_warp: false,
    is_gateway: false,
    version: 2,
    device_sessions: {},
    // Tests may add or blank out members: in the real document any may be missing.
    ...user?.identity,
  };
}

function serviceTokenIdentity(claims, { ip, team }) {
  return {
    account_id: accountId(team),
    iat: claims.iat,
    ip,
    auth_status: "NONE",
    common_name: claims.common_name,
    service_token_id: stableUuid(claims.common_name),
    service_token_status: true,
    is_warp: false,
    is_gateway: false,
    version: 2,
    device_sessions: {},
  };
}

const accountId = (team) => stableUuid(`${team} account`).replaceAll("-", "");
