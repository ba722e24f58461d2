import { Client } from "pg";
import { Lsn, oneOf } from "../../../types";
import type { PgVersion, Random } from "../../../types";
import { scalar } from "./server";
import { WalSession } from "./wal-session";
import { World } from "./world";
import type { Change, Moment } from "./world";

/** One record as Postgres itself reads its WAL (pg_walinspect). */
export interface InspectedRecord {
  start: Lsn;
  end: Lsn;
  previous: Lsn;
  /** Such as `Transaction/COMMIT`. */
  type: string;
}

export interface WorkloadResult {
  moments: Moment[];
  records: InspectedRecord[];
  /** Databases and the LSNs between which they surely exist. */
  databases: { name: string; from: Lsn; to: Lsn }[];
}

interface Step {
  /** The record that made it true lies behind `after` and not behind `before`. */
  after: Lsn;
  before: Lsn;
  type: string;
  changes: readonly Change[];
}

const SESSIONS = 3;
const MOST_PREPARED = 5;

/**
 * Transactions of several sessions that interleave, with two-phase commits, savepoints, DDL, databases, records larger
 * than a page, segment switches and checkpoints. One statement runs at a time, so all follows from the random numbers.
 */
export class WalWorkload {
  readonly #control: Client;
  readonly #random: Random;
  readonly #version: PgVersion;
  readonly #sessions: WalSession[] = [];
  readonly #steps: Step[] = [];
  readonly #world = new World();
  #last = 0;

  constructor(control: Client, random: Random, version: PgVersion) {
    this.#control = control;
    this.#random = random;
    this.#version = version;
  }

  async run(port: number, steps: number): Promise<WorkloadResult> {
    const from = await this.#position();
    await this.#control.query("create extension pg_walinspect");
    const numbers = { next: () => (this.#last += 1) };
    for (let index = 0; index < SESSIONS; index += 1) {
      const client = new Client({ host: "127.0.0.1", port, user: "cloud_admin", database: "postgres" });
      await client.connect();
      this.#sessions.push(new WalSession(client, this.#random, numbers));
    }
    try {
      for (let step = 0; step < steps; step += 1) await this.#step();
      return await this.#result(from);
    } finally {
      await Promise.all(this.#sessions.map(({ client }) => client.end()));
    }
  }

  async #step(): Promise<void> {
    const session = oneOf(this.#random, this.#sessions);
    const pick = this.#random(20);
    if (pick < 11) await session.work(this.#world);
    else if (pick < 16 && session.changes !== undefined) await this.#end(session);
    else if (pick < 18 && session.changes === undefined) await this.#maintain(session);
    else if (pick === 18) await this.#resolve();
    else await this.#disturb();
  }

  async #end(session: WalSession): Promise<void> {
    const prepares = this.#random(4) === 0 && this.#world.prepared.size < MOST_PREPARED;
    if (prepares) {
      const gid = `gid-${(this.#last += 1)}`;
      await this.#measured("Transaction/PREPARE", async () => {
        return [{ kind: "prepared", gid, changes: await session.prepare(gid) }];
      });
    } else {
      const how = this.#random(5) === 0 ? "rollback" : "commit";
      await this.#measured("Transaction/COMMIT", () => session.end(how));
    }
  }

  async #resolve(): Promise<void> {
    const [gid] = [...this.#world.prepared.keys()];
    if (gid === undefined) return;
    const changes = this.#world.prepared.get(gid) ?? [];
    const commits = this.#random(3) > 0;
    await this.#measured(`Transaction/${commits ? "COMMIT" : "ABORT"}_PREPARED`, async () => {
      await this.#control.query(`${commits ? "commit" : "rollback"} prepared '${gid}'`);
      return [{ kind: "resolved", gid, changes: [] }, ...(commits ? changes : [])];
    });
  }

  /** What can't run in a transaction, or would wait for one: only on the table of a session without one. */
  async #maintain(session: WalSession): Promise<void> {
    const { table, client } = session;
    const commit = (sql: string, changes: Change[]) =>
      this.#measured("Transaction/COMMIT", async () => {
        await client.query(sql);
        return changes;
      });
    const pick = this.#random(7);
    const [database] = this.#world.databases;
    if (pick === 0 && database !== undefined) {
      return commit(`drop database ${database}`, [{ kind: "dropDatabase", name: database }]);
    }
    if (pick < 2) return this.#createDatabase(commit);
    if (table === "") return;
    if (pick === 2) await commit(`truncate ${table}`, [{ kind: "truncate", table }]);
    else if (pick === 3) await client.query(`vacuum full ${table}`);
    else if (pick === 4) await client.query(`vacuum (freeze) ${table}`);
    else if (pick === 5) await client.query(`reindex table ${table}`);
    else {
      await commit(`drop table ${table}`, [{ kind: "drop", table }]);
      session.table = "";
    }
  }

  async #createDatabase(commit: (sql: string, changes: Change[]) => Promise<void>): Promise<void> {
    const name = `d_${(this.#last += 1)}`;
    const strategy = this.#version < 15 ? "" : ` strategy ${oneOf(this.#random, ["wal_log", "file_copy"])}`;
    await commit(`create database ${name}${strategy}`, [{ kind: "createDatabase", name }]);
  }

  async #disturb(): Promise<void> {
    const statements = ["checkpoint", "select pg_switch_wal()", "select pg_log_standby_snapshot()"];
    const message = "select pg_logical_emit_message(false, 'm', repeat('x', 20000))";
    const known = statements.filter((text) => this.#version >= 16 || !text.includes("standby_snapshot"));
    await this.#control.query(oneOf(this.#random, [...known, message]));
  }

  async #measured(type: string, action: () => Promise<Change[]>): Promise<void> {
    const after = await this.#position();
    const changes = await action();
    this.#world.apply(changes);
    if (changes.length > 0) this.#steps.push({ after, before: await this.#position(), type, changes });
  }

  async #position(): Promise<Lsn> {
    return Lsn.parse(String(await scalar(this.#control, "select pg_current_wal_insert_lsn()")));
  }

  async #result(from: Lsn): Promise<WorkloadResult> {
    // What was inserted last must be on disk to be inspected.
    await this.#control.query("create table the_end ()");
    const to = await scalar(this.#control, "select pg_current_wal_flush_lsn()");
    const records = await inspect(this.#control, from, String(to));
    const moments = this.#steps.map(({ after, before, type, changes }) => {
      const made = records.findLast((record) => record.type === type && record.end <= before && record.end > after);
      if (made === undefined) throw new Error(`no ${type} between ${Lsn.format(after)} and ${Lsn.format(before)}`);
      return { end: made.end, changes };
    });
    const ofTheEnd = { end: records.findLast(({ type }) => type === "Transaction/COMMIT")?.end ?? 0n };
    moments.push({ ...ofTheEnd, changes: [{ kind: "create", table: "the_end" }] });
    return { moments, records, databases: this.#databases() };
  }

  #databases(): WorkloadResult["databases"] {
    return this.#steps.flatMap(({ before: from, changes: [made] }) => {
      if (made?.kind !== "createDatabase") return [];
      const { name } = made;
      const drop = this.#steps.find(({ changes: [change] }) => change?.kind === "dropDatabase" && change.name === name);
      return [{ name, from, to: drop?.after ?? 2n ** 63n }];
    });
  }
}

async function inspect(client: Client, from: Lsn, to: string): Promise<InspectedRecord[]> {
  const { rows } = await client.query<Record<"start" | "end" | "previous" | "type", string>>(
    `select start_lsn::text as start, end_lsn::text as end, prev_lsn::text as previous,
            resource_manager || '/' || split_part(record_type, ' ', 1) as type
     from pg_get_wal_records_info($1, $2) order by start_lsn`,
    [Lsn.format(from), to],
  );
  return rows.map(({ start, end, previous, type }) => ({
    start: Lsn.parse(start),
    end: Lsn.parse(end),
    previous: Lsn.parse(previous),
    type,
  }));
}
