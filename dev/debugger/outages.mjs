// What is down, of what the Worker depends on.

const FAULTS = {
  certs: { status: 503, body: { err: "down" } },
  identity: { status: 503, body: { err: "down" } },
};

export class Outages {
  /** By target, whether it is down. */
  down = { certs: false, identity: false, kv: false, origin: false };
  #parts;

  constructor(parts) {
    this.#parts = parts;
  }

  /** Returns whether there is such a target. */
  async set(target, isDown) {
    if (!Object.hasOwn(this.down, target)) return false;
    this.down[target] = isDown;
    await this.apply();
    return true;
  }

  async apply() {
    const { access, worker, origin } = this.#parts;
    const { certs, identity, kv, origin: originIsDown } = this.down;
    access.setFault({
      certs: certs ? FAULTS.certs : undefined,
      identity: identity ? FAULTS.identity : undefined,
    });
    await worker.setKvOutages(kv ? { CATALOG: "unreachable", ACCESS_CACHE: "unreachable" } : {});
    await worker.setOutages(originIsDown ? { [new URL(origin).host]: "unreachable" } : {});
  }
}
