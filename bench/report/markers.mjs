// The parts of a document that a command writes stand between markers.

import { Failure } from "../../scripts/process.mjs";

/** The document with `text` between `<!-- NAME:begin … -->` and `<!-- NAME:end -->`. */
export function between(document, name, text) {
  const begin = document.match(new RegExp(`<!-- ${name}:begin[^>]*-->\n`));
  const end = `<!-- ${name}:end -->`;
  const endAt = document.indexOf(end);
  if (!begin || endAt < begin.index)
    throw new Failure(`there are no markers "${name}" to write between`);
  const from = begin.index + begin[0].length;
  return `${document.slice(0, from)}\n${text}\n\n${document.slice(endAt)}`;
}
