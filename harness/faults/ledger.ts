import type { SqlRow, SqlSession } from "../nodes";
import { HarnessError } from "../types";
import type { Random } from "../types";
import { pollUntil } from "../wait";

/** What the ledger's clients need of a compute: sessions, which may break off at any time. */
export interface LedgerServer {
  connect(): Promise<SqlSession>;
}

export interface LedgerFacts {
  /** Each of them was committed, for all that the client knows. */
  acknowledged: number;
  /** Whether they were committed the client doesn't know: its connection broke. */
  unknown: number;
  /** Postgres has refused them. */
  refused: number;
}

const ACCOUNTS = 64;
const NEW_SESSION_MS = 120_000;
/** Deadlock, and a transaction that could not be serialised: nothing of it was done. */
const REFUSALS = new Set(["40P01", "40001"]);

const TABLES = [
  "create table ledger (id bigint not null, source int not null, target int not null, amount int not null)",
  "create table accounts (id int primary key, balance bigint not null)",
  `insert into accounts select i, 0 from generate_series(1, ${ACCOUNTS}) as i`,
];

/** One statement, so one transaction: the transfer is there as a whole or not at all. There is no unique index to hide twins. */
const TRANSFER = `with moved as (
    update accounts set balance = balance + case id when $2::int then -$4::int else $4::int end where id in ($2, $3)
  ) insert into ledger values ($1, $2, $3, $4)`;

/**
 * Clients that transfer amounts between accounts and remember what became of each transfer, so that afterwards it can be
 * told whether the database has lost, repeated or invented any.
 */
export class Ledger {
  readonly #server: LedgerServer;
  readonly #random: Random;
  readonly #acknowledged = new Set<number>();
  readonly #unknown = new Set<number>();
  readonly #refused = new Set<number>();
  #last = 0;
  #stop = new AbortController();
  #writers: Promise<void>[] = [];

  constructor(server: LedgerServer, random: Random) {
    this.#server = server;
    this.#random = random;
  }

  get facts(): LedgerFacts {
    return { acknowledged: this.#acknowledged.size, unknown: this.#unknown.size, refused: this.#refused.size };
  }

  async create(): Promise<void> {
    await using session = await this.#server.connect();
    for (const table of TABLES) await session.query(table);
  }

  start(clients: number): void {
    this.#stop = new AbortController();
    this.#writers = Array.from({ length: clients }, () => this.#write(this.#stop.signal));
  }

  /** Resolves when every client has ended its last transfer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#writers);
  }

  /** Resolves when `count` more transfers are acknowledged. */
  async progress(count: number, budgetMs = 120_000): Promise<void> {
    const goal = this.#acknowledged.size + count;
    await pollUntil(`${count} more acknowledged transfers`, () => this.#acknowledged.size >= goal, {
      budgetMs,
      describe: () => JSON.stringify(this.facts),
    });
  }

  /** Holds what a database has against what its clients know. Throws CHECK_FAILED. */
  async check(query: (sql: string) => Promise<SqlRow[]>): Promise<void> {
    const rows = await query("select id::text, count(*)::int as n from ledger group by id");
    const found = new Map(rows.map(({ id, n }) => [Number(id), Number(n)]));
    const list = (ids: readonly number[]) =>
      `${ids.length} (${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""})`;
    const lost = [...this.#acknowledged].filter((id) => !found.has(id));
    const repeated = [...found].filter(([, n]) => n > 1).map(([id]) => id);
    const invented = [...found.keys()].filter((id) => !this.#acknowledged.has(id) && !this.#unknown.has(id));
    const balances = await query(WRONG_BALANCES);
    if (lost.length + repeated.length + invented.length + balances.length === 0) return;
    throw new HarnessError("CHECK_FAILED", {
      summary: "the ledger is not what its clients know",
      expected: `every one of ${this.#acknowledged.size} acknowledged transfers once, and no other`,
      found: `lost: ${list(lost)}; repeated: ${list(repeated)}; refused or never tried: ${list(invented)}; wrong balances: ${JSON.stringify(balances.slice(0, 5))}`,
      facts: { lost, repeated, invented, ...this.facts },
    });
  }

  async #write(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const session = await this.#session(stop);
      if (session === undefined) return;
      while (await this.#transfer(session, stop));
      // It may be broken already.
      await session.close().catch(() => undefined);
    }
  }

  /** Undefined when the ledger stops before there is one. */
  async #session(stop: AbortSignal): Promise<SqlSession | undefined> {
    const connect = async (): Promise<SqlSession | "stopped"> => (stop.aborted ? "stopped" : this.#server.connect());
    const session = await pollUntil("a session", connect, { budgetMs: NEW_SESSION_MS });
    return session === "stopped" ? undefined : session;
  }

  /** Whether the session is good for another one. */
  async #transfer(session: SqlSession, stop: AbortSignal): Promise<boolean> {
    const id = (this.#last += 1);
    const source = 1 + this.#random(ACCOUNTS);
    const target = 1 + ((source + this.#random(ACCOUNTS - 1)) % ACCOUNTS);
    try {
      await session.query(TRANSFER, [id, source, target, 1 + this.#random(1000)]);
      this.#acknowledged.add(id);
      return !stop.aborted;
    } catch (error) {
      const isRefused = REFUSALS.has((error as { code?: string }).code ?? "");
      (isRefused ? this.#refused : this.#unknown).add(id);
      return isRefused && !stop.aborted;
    }
  }
}

/** Accounts whose balance is not what their transfers add up to, and the sum where it isn't zero. */
const WRONG_BALANCES = `
  select a.id, a.balance::text, coalesce(sum(case when l.source = a.id then -l.amount else l.amount end), 0)::text as moved
    from accounts a left join ledger l on l.source = a.id or l.target = a.id
    group by a.id having a.balance <> coalesce(sum(case when l.source = a.id then -l.amount else l.amount end), 0)
  union all select null, sum(balance)::text, '0' from accounts having sum(balance) <> 0`;
