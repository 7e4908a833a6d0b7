// Loaded into the backend before anything else: connections to teams of Cloudflare Access go to
// TEAM_PORT of this machine, where the emulator stands behind TLS. DNS and the certificate checks
// of everything else stay as they are.

const net = require("node:net");

const connect = net.Socket.prototype.connect;
const port = Number(process.env.TEAM_PORT);

net.Socket.prototype.connect = function (...args) {
  // Node passes the normalized form: a list of options and callback.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof options?.host === "string" && options.host.endsWith(".cloudflareaccess.com")) {
    Object.assign(options, { host: "127.0.0.1", port });
  }
  return connect.apply(this, args);
};
