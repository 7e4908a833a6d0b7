/**
 * The method, the URL and the headers of a request as one string, so that they cross into the module at
 * once: a line each for method and URL, then one for each header, `name,value`. The name of a header has
 * no comma, and neither a URL nor a header has a line break.
 */
export function textOf(request) {
  return `${request.method}\n${request.url}\n${[...request.headers].join("\n")}`;
}
