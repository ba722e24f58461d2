import type { Client } from "pg";
import type { Random } from "../../../types";
import { oneOf } from "../../../types";
import type { Change, World } from "./world";

/** Hands out names and numbers that nobody used yet. */
export interface Numbers {
  next(): number;
}

/** How the text of a row follows from its id and its length in units of 32 bytes, in SQL. */
const padOf = (id: string, length: string): string =>
  `coalesce((select string_agg(md5(${id}::text || u), '' order by u) from generate_series(1, ${length}) u), '')`;

/** Rows of a table, each with whether its text is as it was written. */
export const SELECT_ROWS = `id, value, pad = ${padOf("id", "length")} as intact`;

/** One client that has a table of its own, so that no two wait for each other; its transactions interleave with others'. */
export class WalSession {
  readonly client: Client;
  readonly #random: Random;
  readonly #numbers: Numbers;
  table = "";
  /** Of the open transaction; undefined outside of one. */
  changes: Change[] | undefined;
  #savepoint: number | undefined;

  constructor(client: Client, random: Random, numbers: Numbers) {
    this.client = client;
    this.#random = random;
    this.#numbers = numbers;
  }

  /** Opens a transaction if none is open, and does something in it. `world` has what is committed. */
  async work(world: World): Promise<void> {
    if (this.changes === undefined) {
      await this.client.query("begin");
      this.changes = [];
    }
    if (this.table === "") return this.createTable();
    const pick = this.#random(12);
    if (pick < 5) await this.#insert(this.changes, 1 + this.#random(60), this.#random(4));
    else if (pick === 5) await this.#insert(this.changes, 1, 300 + this.#random(2000));
    else if (pick === 6) await this.#forgetSome(this.changes, world);
    else if (pick === 7) await this.#raiseSome(this.changes, world);
    else if (pick === 8) await this.#alter();
    else await this.#subtransaction(this.changes);
  }

  async createTable(): Promise<void> {
    this.table = `t_${this.#numbers.next()}`;
    await this.client.query(`create table ${this.table} (id int primary key, value int, length int, pad text)`);
    this.changes?.push({ kind: "create", table: this.table });
  }

  /** Whether this table exists only if the open transaction commits. */
  get isTableNew(): boolean {
    return this.changes?.some((change) => change.kind === "create" && change.table === this.table) ?? false;
  }

  /** Ends the transaction; returns what it has changed if it committed. */
  async end(how: "commit" | "rollback"): Promise<Change[]> {
    await this.client.query(how);
    const changes = this.#close();
    if (how === "commit") return changes;
    if (changes.some((change) => change.kind === "create" && change.table === this.table)) this.table = "";
    return [];
  }

  /** Its table is left alone from now on, for the prepared transaction has locks in it. */
  async prepare(gid: string): Promise<Change[]> {
    await this.client.query(`prepare transaction '${gid}'`);
    this.table = "";
    return this.#close();
  }

  #close(): Change[] {
    const changes = this.changes ?? [];
    this.changes = undefined;
    this.#savepoint = undefined;
    return changes;
  }

  async #insert(changes: Change[], rows: number, length: number): Promise<void> {
    const ids = Array.from({ length: rows }, () => this.#numbers.next());
    const values = ids.map((id) => `(${id}, 0, ${length}, ${padOf(String(id), String(length))})`);
    await this.client.query(`insert into ${this.table} values ${values.join(", ")}`);
    for (const id of ids) changes.push({ kind: "put", table: this.table, id, value: 0 });
  }

  /** Committed rows of its table that this transaction has not touched. */
  #some(changes: readonly Change[], world: World): number[] {
    const touched = new Set(changes.flatMap((change) => ("id" in change ? [change.id] : [])));
    const rows = [...(world.tables.get(this.table)?.keys() ?? [])].filter((id) => !touched.has(id));
    return rows.filter(() => this.#random(4) === 0).slice(0, 50);
  }

  async #forgetSome(changes: Change[], world: World): Promise<void> {
    const ids = this.#some(changes, world);
    if (ids.length > 0) await this.client.query(`delete from ${this.table} where id in (${ids.join()})`);
    for (const id of ids) changes.push({ kind: "remove", table: this.table, id });
  }

  async #raiseSome(changes: Change[], world: World): Promise<void> {
    const value = this.#random(1_000_000);
    const ids = this.#some(changes, world);
    if (ids.length > 0) {
      await this.client.query(`update ${this.table} set value = ${value} where id in (${ids.join()})`);
    }
    for (const id of ids) changes.push({ kind: "put", table: this.table, id, value });
  }

  async #alter(): Promise<void> {
    const name = `x_${this.#numbers.next()}`;
    const index = `create index ${name} on ${this.table} (value)`;
    await this.client.query(oneOf(this.#random, [index, `alter table ${this.table} add column ${name} int default 7`]));
  }

  async #subtransaction(changes: Change[]): Promise<void> {
    if (this.#savepoint === undefined) {
      await this.client.query("savepoint s");
      this.#savepoint = changes.length;
      return;
    }
    const rollBack = this.#random(2) === 0;
    await this.client.query(rollBack ? "rollback to savepoint s" : "release savepoint s");
    if (rollBack) changes.length = this.#savepoint;
    this.#savepoint = undefined;
  }
}
