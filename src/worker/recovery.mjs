// What happens when the Rust code panics.
//
// A panic is a trap: an exception in JavaScript, and in the wasm instance a stack cut off midway,
// with locks held, a task queue that believes it is running, and futures that are never polled again.
// So the instance is replaced by a new one, and every request that was in it is answered here with
// 500. The origin does not see it: a request that the gate did not decide is not forwarded. What needs
// nothing of the instance any more goes on: requests that wait for the origin, downloads, WebSockets.
//
// No library does this: wasm-bindgen replaces the instance, and leaves the requests in it unanswered.

/**
 * The longest that a call can take: a scheduled event is ended by the runtime after 15 minutes
 * (developers.cloudflare.com, "Limits" of Workers), and everything else has a shorter time limit of
 * the Worker's own.
 */
const LONGEST_CALL_MS = 15 * 60 * 1000;

/**
 * The member of a request that forwarding calls (limits.mjs) with the promise of the response: from then
 * on the request needs nothing of the instance.
 */
export const LEAVES = Symbol.for("backstage-cfaccess: leaves the instance");

/** In the place of an outcome: the handler will not have one. */
const TRAPPED = Symbol("trapped");

/** What the glue throws when a callback of a replaced instance fires: that instance, again. */
const STALE = "Cannot invoke closure from previous WASM instance";

/**
 * The Worker's handlers around those that wasm exports, and two listeners for the exceptions that
 * end in no caller's hands.
 *
 * @param glue `fetch` and perhaps `scheduled`, as wasm-bindgen exports them, and `reset`, which
 *   replaces the instance.
 */
export function recovering(glue) {
  const watched = watchList();
  let broken = false;

  /**
   * The outcome of a handler, or the promise of one if it has to wait.
   *
   * @param departure Gets `leave`, a function for what the call has left the instance with: a promise of its
   *   outcome. If the call has left before it returns, `outcome` is that already.
   */
  function call(handler, event, env, ctx, departure) {
    let result;
    try {
      replaceIfBroken();
      result = handler(event, env, ctx);
    } catch (error) {
      trapped(error, 1);
      return TRAPPED;
    }
    return result instanceof Promise ? watch(result, departure) : result;
  }

  function watch(result, departure) {
    return new Promise((resolve) => {
      const settle = (outcome) => {
        watched.delete(settle);
        resolve(outcome);
      };
      let followed;
      const follow = (promise) => {
        followed = promise;
        promise.then(settle, (error) => {
          if (followed !== promise) return;
          if (isTrap(error)) trapped(error);
          else report(error, 1);
          settle(TRAPPED);
        });
      };
      if (departure?.outcome) {
        follow(departure.outcome);
        return;
      }
      watched.add(settle);
      follow(result);
      if (!departure) return;
      departure.leave = (outcome) => {
        watched.delete(settle);
        follow(outcome);
      };
    });
  }

  /** @param besides How many calls it ends that are not watched. */
  function trapped(error, besides = 0) {
    broken = true;
    const calls = watched.take();
    report(error, calls.length + besides);
    for (const settle of calls) settle(TRAPPED);
    // Soon, so that pending callbacks do not run in the trapped instance; but not from here, where
    // there may still be wasm on the stack.
    queueMicrotask(() => {
      try {
        replaceIfBroken();
      } catch {
        // Broken it stays, and the next request tries again.
      }
    });
  }

  function replaceIfBroken() {
    if (!broken) return;
    glue.reset();
    broken = false;
  }

  /** For what is thrown from a microtask or a timer, where all of wasm's futures run. */
  function onError({ error }) {
    if (error?.message !== STALE) trapped(error);
  }

  /** For what is thrown from the callback of a promise. Other rejections are not traps. */
  function onRejection({ reason }) {
    if (isTrap(reason)) trapped(reason);
  }

  const handlers = {
    fetch(request, env, ctx) {
      const departure = {
        leave(outcome) {
          departure.outcome = outcome;
        },
      };
      request[LEAVES] = (outcome) => departure.leave(outcome);
      const outcome = call(glue.fetch, request, env, ctx, departure);
      const answer = (response) => (response === TRAPPED ? internalError(request) : response);
      return outcome instanceof Promise ? outcome.then(answer) : answer(outcome);
    },
  };
  if (glue.scheduled) {
    handlers.scheduled = async (event, env, ctx) => {
      const result = await call(glue.scheduled, event, env, ctx);
      if (result === TRAPPED) throw new Error("the scheduled handler panicked");
      // It has logged it. Thrown, it is also a failure among Cloudflare's past events.
      if (typeof result === "string") throw new Error(result);
    };
  }
  return { ...handlers, onError, onRejection };
}

/**
 * For each call that is in wasm, the function that ends it. A call whose client has left may never end,
 * so that what is older than every time limit of the Worker is forgotten.
 */
function watchList() {
  /** In the order of their time. */
  const began = new Map();
  return {
    add(settle) {
      const now = Date.now();
      for (const [oldest, time] of began) {
        if (now - time <= LONGEST_CALL_MS) break;
        began.delete(oldest);
      }
      began.set(settle, now);
    },
    delete: (settle) => began.delete(settle),
    /** All functions, which are then no longer watched. */
    take() {
      const calls = [...began.keys()];
      began.clear();
      return calls;
    },
  };
}

/** Also a stack that overflows: it is cut off like that of a trap. */
function isTrap(error) {
  const isOverflow = error instanceof RangeError && error.message.includes("call stack");
  return isOverflow || error instanceof WebAssembly.RuntimeError;
}

/** A log event as src/gate/log_event.rs makes them: why, and how many calls it ends. */
function report(error, ended) {
  const line = {
    level: "error",
    outcome: "failed",
    code: "internal",
    detail: String(error),
    ended,
  };
  console.error(JSON.stringify(line));
}

/** As every error of the Worker's own, in the shape that Backstage gives them. */
function internalError({ method, url }) {
  const { pathname, search } = new URL(url);
  return Response.json(
    {
      error: {
        name: "InternalServerError",
        message: "The request could not be handled",
        code: "internal",
      },
      request: { method, url: pathname + search },
      response: { statusCode: 500 },
    },
    { status: 500, headers: { "cache-control": "no-store" } },
  );
}
