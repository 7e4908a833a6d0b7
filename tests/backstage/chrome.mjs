// A Chromium with one page, for the tests of the front ends.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CHROME, FLAGS } from "../browser/chromium.mjs";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/**
 * Opens it. `errors` are what the page has thrown, `requests` those to the backend's /api, with their
 * headers.
 */
export async function openChrome() {
  const profile = await mkdtemp(join(tmpdir(), "cfaccess-app-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROME,
    headless: true,
    args: FLAGS,
    viewport: { width: 1100, height: 720 },
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(60_000);
  const errors = [];
  const requests = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/api/")) requests.push(request);
  });
  return {
    context,
    page,
    errors,
    requests,
    /** Makes a picture for docs/ if it is missing; PICTURES=1 makes all anew. */
    async picture(name, options) {
      const path = join(DOCS, `${name}.png`);
      if (!process.env.PICTURES && existsSync(path)) return;
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path, ...options });
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

export const INGRID = "ingrid.solheim@meridian.example";

/** Opens a page, and logs in at the emulator if that asks for it. */
export async function logIn(page, url, email = INGRID) {
  await page.goto(url);
  await page.getByTestId(`user-${email}`).click();
}

/** The catalog page has its entities: "All components (0)". */
export const catalogShown = (page) =>
  page
    .getByRole("heading", { name: /\(\d+\)/ })
    .first()
    .waitFor();

/** The settings page says this of the user, once names have taken the place of refs. */
export async function settingsShow(page, url, text) {
  await page.goto(`${url}/settings`);
  await page.locator("body", { hasText: text }).waitFor();
}
