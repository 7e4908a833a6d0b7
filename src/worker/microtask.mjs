// In the place of the global `queueMicrotask` in the glue, where a task of Rust's runs after each thing
// that it waited for: workerd's own costs several times what the continuation of a promise does.

const native = globalThis.queueMicrotask;

export function queueMicrotask(task) {
  Promise.resolve().then(() => {
    try {
      task();
    } catch (error) {
      // Thrown from there it is an `error` event, as `recovery.mjs` expects, and no rejection.
      native(() => {
        throw error;
      });
    }
  });
}
