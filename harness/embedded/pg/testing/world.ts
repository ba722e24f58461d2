import type { Lsn } from "../../../types";

/** What a transaction does that can be seen from outside once it has committed. */
export type Change =
  | { kind: "put"; table: string; id: number; value: number }
  | { kind: "remove"; table: string; id: number }
  | { kind: "create" | "drop" | "truncate"; table: string }
  | { kind: "createDatabase" | "dropDatabase"; name: string }
  | { kind: "prepared" | "resolved"; gid: string; changes: readonly Change[] };

/** Changes that become true together, when the WAL reaches `end`. */
export interface Moment {
  end: Lsn;
  changes: readonly Change[];
}

/** The database as its clients would describe it: what is committed, and nothing else. */
export class World {
  /** Table → id → value. */
  readonly tables = new Map<string, Map<number, number>>();
  readonly databases = new Set<string>();
  /** Transactions that wait for COMMIT PREPARED, and what they would change. */
  readonly prepared = new Map<string, readonly Change[]>();

  /** As of an LSN. */
  static at(moments: readonly Moment[], lsn: Lsn): World {
    const world = new World();
    const past = moments.filter(({ end }) => end <= lsn).toSorted((a, b) => (a.end < b.end ? -1 : 1));
    for (const { changes } of past) world.apply(changes);
    return world;
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) this.#applyOne(change);
  }

  #applyOne(change: Change): void {
    if (change.kind === "put") this.#rows(change.table).set(change.id, change.value);
    else if (change.kind === "remove") this.#rows(change.table).delete(change.id);
    else if (change.kind === "truncate") this.#rows(change.table).clear();
    else if (change.kind === "create") this.tables.set(change.table, new Map());
    else if (change.kind === "drop") this.tables.delete(change.table);
    else if (change.kind === "createDatabase") this.databases.add(change.name);
    else if (change.kind === "dropDatabase") this.databases.delete(change.name);
    else if (change.kind === "prepared") this.prepared.set(change.gid, change.changes);
    else if (change.kind === "resolved") this.prepared.delete(change.gid);
  }

  #rows(table: string): Map<number, number> {
    const rows = this.tables.get(table);
    if (rows === undefined) throw new Error(`the workload changes ${table}, which it has not created`);
    return rows;
  }
}
