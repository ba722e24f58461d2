import type { Lsn } from "../../../types";

/** Promises to keep an LSN readable until a time (ms since 1970). */
export class LsnLeases {
  readonly #validUntil = new Map<Lsn, number>();

  /** Makes or prolongs the lease of an LSN by `lengthMs` from now, never shortens it; returns when it ends. */
  make(lsn: Lsn, lengthMs: number): number {
    const validUntil = Math.max(this.#validUntil.get(lsn) ?? 0, Date.now() + lengthMs);
    this.#validUntil.set(lsn, validUntil);
    return validUntil;
  }

  /** The LSNs that are promised now. */
  held(): Lsn[] {
    const now = Date.now();
    for (const [lsn, until] of this.#validUntil) if (until <= now) this.#validUntil.delete(lsn);
    return [...this.#validUntil.keys()];
  }

  holds(lsn: Lsn): boolean {
    return (this.#validUntil.get(lsn) ?? 0) > Date.now();
  }

  /** How many leases are still valid. */
  get valid(): number {
    return this.held().length;
  }
}
