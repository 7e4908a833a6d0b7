// The module that workerd loads: the Worker's events, handed to the Rust code behind them.

import * as glue from "wasm-glue";
import { recovering } from "./recovery.mjs";

const { onError, onRejection, ...handlers } = recovering({
  fetch: glue.fetch,
  scheduled: glue.scheduled,
  reset: glue.__wbg_reset_state,
});

addEventListener("error", onError);
addEventListener("unhandledrejection", onRejection);

export default handlers;
