// How promises come into the module: by number, through one function that each instance leaves here.

let settled;

/** `callback(id, succeeded, result)`, from now on. */
export function onSettled(callback) {
  settled = callback;
}

/** Tells whoever is the module now what has become of a promise, under a number of its choice. */
export function settle(promise, id) {
  const callback = settled;
  promise.then(
    (value) => callback(id, true, value),
    (error) => callback(id, false, error),
  );
}
