// Numbers that are the same at every run with the same seed.

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to and without `limit` (mulberry32). */
  below(limit) {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** One of a list. */
  pick(list) {
    return list[this.below(list.length)];
  }

  /** Some of a list, up to `limit`, in any order, each once. */
  some(list, limit) {
    const rest = [...list];
    const chosen = [];
    for (let count = this.below(limit + 1); count > 0 && rest.length > 0; count -= 1) {
      chosen.push(...rest.splice(this.below(rest.length), 1));
    }
    return chosen;
  }

  chance(percent) {
    return this.below(100) < percent;
  }
}
