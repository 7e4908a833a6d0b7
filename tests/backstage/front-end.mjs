// The front ends, built with Backstage's CLI if what they are built from has changed: the app that
// create-app writes, from the template of its npm package, and a small app of the old front-end system.
// Both have the sign-in page of examples/sign-in-page/ copied into them, as its README says.

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TEMPLATE_ENV, templateConfig } from "../../dev/backstage/folder.mjs";
import { must, ROOT } from "../../scripts/process.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TEMPLATE = join(HERE, "node_modules", "@backstage", "create-app", "templates", "default-app");
const SIGN_IN_PAGE = join(ROOT, "examples", "sign-in-page", "src");

const TEMPLATE_CONFIG = templateConfig(HERE);

const PACKAGES = { app: prepareApp, "legacy-app": prepareLegacyApp };

export async function buildFrontEnds() {
  const inputs = await digest();
  for (const [name, prepare] of Object.entries(PACKAGES)) {
    const folder = join(HERE, name);
    const stamp = join(folder, "dist", ".inputs");
    if ((await readFile(stamp, "utf8").catch(() => "")) === inputs) continue;
    console.error(`setup: building Backstage's front end, ${name} (about 1 min) …`);
    await rm(join(folder, "dist"), { recursive: true, force: true });
    await prepare(folder);
    await must(join(HERE, "node_modules", ".bin", "backstage-cli"), buildArgs(name), {
      cwd: folder,
      env: { ...TEMPLATE_ENV, NODE_OPTIONS: "--max-old-space-size=4096" },
      capture: "all",
    });
    await writeFile(stamp, inputs);
  }
}

/** `app.packages: all` is read by the build: it decides which plugins the bundle has. */
const buildArgs = (name) => [
  "package",
  "build",
  ...(name === "app" ? ["--config", TEMPLATE_CONFIG] : []),
];

/** As create-app writes it, with one module more among the features of App.tsx. */
async function prepareApp(folder) {
  const template = join(TEMPLATE, "packages", "app");
  await copyAnew(join(template, "src"), join(folder, "src"));
  await copyAnew(join(template, "public"), join(folder, "public"));
  await cp(join(TEMPLATE, "app-config.yaml.hbs"), TEMPLATE_CONFIG);
  await copyAnew(SIGN_IN_PAGE, join(folder, "src", "modules", "access"));
  const app = join(folder, "src", "App.tsx");
  const before = await readFile(app, "utf8");
  const after = before
    .replace("homeModule]", "homeModule, accessModule]")
    .replace(
      /^(?=import .*homeModule)/m,
      "import { accessModule } from './modules/access/newSystem';\n",
    );
  if (after.split("accessModule").length !== 3) throw new Error(`${app} is not what it was`);
  await writeFile(app, after);
}

async function prepareLegacyApp(folder) {
  await copyAnew(join(TEMPLATE, "packages", "app", "public"), join(folder, "public"));
  await copyAnew(SIGN_IN_PAGE, join(folder, "src", "access"));
}

async function copyAnew(from, to) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  await cp(from, to, { recursive: true });
}

/** The template is part of the packages, and so of their lock file. */
async function digest() {
  const hash = createHash("sha256");
  const files = [
    "front-end.mjs",
    "package-lock.json",
    "app/package.json",
    "legacy-app/package.json",
  ];
  for (const file of files) hash.update(await readFile(join(HERE, file)));
  for (const folder of [SIGN_IN_PAGE, join(HERE, "legacy-app", "src")]) {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    for (const name of names.sort()) hash.update(await readFile(join(folder, name)));
  }
  return hash.digest("hex");
}
