// A browser for a test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROME, FLAGS } from "./chromium.mjs";

/**
 * A browser with a new profile and one page, until the test ends. `complaints` are the errors that the page
 * writes to the console or throws, and what its policy forbids.
 */
export async function openBrowser(t, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "cfaccess-profile-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROME,
    headless: true,
    args: FLAGS,
    viewport: { width: 1100, height: 760 },
    ...options,
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  const complaints = [];
  await context.exposeFunction("reportViolation", (text) => complaints.push(text));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      window.reportViolation(`forbidden: ${violatedDirective} ${blockedURI}`),
    );
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.setDefaultTimeout(15_000);
  return { context, page, complaints, shown: (id) => page.getByTestId(id).textContent() };
}

/** Without what a browser itself writes to the console when a response has one of these statuses. */
export const statusOnly = (complaints, ...statuses) =>
  complaints.filter(
    (text) =>
      !statuses.some((status) => text.includes(`the server responded with a status of ${status}`)),
  );
