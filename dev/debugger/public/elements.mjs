// Small pieces of the page. Text is always set as text: claims and log lines hold what others have chosen.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children, which are elements or text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export const hint = (text) => element("p", { class: "hint" }, text);

/** Terms and descriptions, which may be any JSON. */
export function facts(entries) {
  const rows = entries.map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, textOf(value))),
  );
  return element("dl", {}, ...rows);
}

/** Claims that are times, in seconds since 1970. */
const TIMES = new Set(["exp", "iat", "nbf"]);

/** The claims of a token, one a row. A list has one entry a line. */
export function claims(values) {
  const rows = Object.entries(values).flatMap(([name, value]) => [
    element("dt", {}, name),
    element("dd", {}, ...linesOf(name, value)),
  ]);
  return element("dl", { class: "claims" }, ...rows);
}

function linesOf(name, value) {
  const text = textOf(value);
  if (!TIMES.has(name)) return [text];
  return [
    text,
    " ",
    element(
      "time",
      {},
      new Date(value * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "medium" }),
    ),
  ];
}

/** JSON behind a summary. It can be focused, so that the keyboard scrolls it. */
export function json(summary, value) {
  const text = JSON.stringify(value, null, 2);
  const code = element("pre", { tabindex: "0", "aria-label": summary }, text);
  return element("details", {}, element("summary", {}, summary), code);
}

export function table(caption, head, rows) {
  const cells = (name, row) => element("tr", {}, ...row.map((text) => element(name, {}, text)));
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element("thead", {}, cells("th", head)),
      element("tbody", {}, ...rows.map((row) => cells("td", row))),
    ),
  );
}

export const milliseconds = (ms) =>
  ms === undefined ? "" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** A list and an object have one entry a line. */
function textOf(value) {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return value.map(inner).join("\n");
  return Object.entries(value)
    .map(([name, entry]) => `${name} ${inner(entry)}`)
    .join("\n");
}

const inner = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
