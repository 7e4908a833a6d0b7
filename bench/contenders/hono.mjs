// The middleware that one would take today, in front of a Worker that forwards.

import { cloudflareAccess } from "@hono/cloudflare-access";
import { Hono } from "hono";

const app = new Hono();
// The middleware keeps its keys: it is made once, as at the top of a module with its team written in.
let middleware;

app.use("*", (context, next) => {
  middleware ??= cloudflareAccess(context.env.TEAM, context.env.AUDIENCE);
  return middleware(context, next);
});
app.all("*", (context) => fetch(context.req.raw));

export default app;
