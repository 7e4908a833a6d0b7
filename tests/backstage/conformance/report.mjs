// docs/conformance.md.

export function report({ found, total, configurations, assertions }) {
  const rows = [...found].map(
    ([{ what, official, worker, why }, count]) =>
      `| ${what} | ${official} | ${worker} | ${why} | ${count} |`,
  );
  return `# How it differs from the official provider

Written by \`npm run test:backstage\`: do not edit, change tests/backstage/conformance/ instead.

The test starts a real Backstage backend with
\`@backstage/plugin-auth-backend-module-cloudflare-access-provider\` and, beside it, the Worker with the
same configuration, its KV filled from that backend's catalog. Both get the same ${total} requests, under
${configurations} configurations of the resolvers: every person of a made-up organisation with odd names,
namespaces and memberships, their addresses in capitals, with tags, of other domains; strangers and
service tokens; assertions that are wrong in ${assertions} ways; groups as names, as objects and missing; outages
of get-identity; header, cookie, both and neither. The answers are compared field by field: status,
headers, profile, claims, identity, ownership refs and their order, the Backstage token's header,
claims and both its signatures, and the shape of errors.

Every difference is in this table, with the number of requests in which it shows; any other makes the
test fail.

| | official provider | the Worker | why | requests |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

What is not in the table is the same. Not compared, because the official provider cannot be asked for
it: team domains other than \`<team>.cloudflareaccess.com\`, several audiences, \`identity: "claims"\`.
`;
}
