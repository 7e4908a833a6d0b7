// An MCP client, as far as the tests need one: a call without a session, over streamable HTTP.

const ACCEPT = { accept: "application/json, text/event-stream" };

/** Calls a method with a browser of ground.mjs, whose token it is. Returns the result. */
export async function mcpCall(browser, method, params = {}) {
  const body = { jsonrpc: "2.0", id: 1, method, params };
  const answer = await browser.send("POST", "/api/mcp-actions/v1", { body, headers: ACCEPT });
  if (answer.status !== 200) throw new Error(`${method} answers ${answer.status}: ${answer.text}`);
  const message = answer.json ?? JSON.parse(/^data: (.*)$/m.exec(answer.text)[1]);
  if (message.error) throw new Error(`${method} answers ${JSON.stringify(message.error)}`);
  return message.result;
}

export async function mcpToolNames(browser) {
  const { tools } = await mcpCall(browser, "tools/list");
  return tools.map(({ name }) => name);
}

/** What a tool says, parsed. */
export async function mcpTool(browser, name, args = {}) {
  const result = await mcpCall(browser, "tools/call", { name, arguments: args });
  const { text } = result.content[0];
  if (result.isError) throw new Error(`${name} answers ${text}`);
  return JSON.parse(text.replace(/^```json\n|\n```$/g, ""));
}
