// Takes users out of the catalog in KV, and puts them back.

export class Catalog {
  #worker;
  #records;
  #removed = new Map();

  constructor(worker, records) {
    this.#worker = worker;
    this.#records = records;
  }

  /** The entity refs of the removed users. */
  get removed() {
    return [...this.#removed.keys()];
  }

  /** Deletes each record of a user. Returns how many there were. */
  async remove(ref) {
    const records = this.#records.filter(({ value }) => userOf(value) === ref);
    if (records.length === 0) return 0;
    this.#removed.set(ref, records);
    const namespace = await this.#worker.kv("CATALOG");
    await Promise.all(records.map(({ key }) => namespace.delete(key)));
    return records.length;
  }

  /** Returns the refs of the users who are back. */
  async restore() {
    const namespace = await this.#worker.kv("CATALOG");
    const users = this.removed;
    const records = [...this.#removed.values()].flat();
    await Promise.all(
      records.map(({ key, value, metadata }) => namespace.put(key, value, { metadata })),
    );
    this.#removed.clear();
    return users;
  }
}

/** The user of a record, if it is the record of one user. */
function userOf(value) {
  try {
    return JSON.parse(value).user?.ref;
  } catch {
    return undefined;
  }
}
