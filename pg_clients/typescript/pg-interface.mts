/** The checks for drivers that have pg's interface: pg itself, and Neon's over WebSockets. */
import { CANCEL_IF_ASLEEP, type Check, refusal, runChecks, total, untilUnderWay } from "./program.mjs";

interface Query {
  readonly text: string;
  readonly values?: unknown[];
  readonly name?: string;
  readonly rowMode?: "array";
}

interface PgClient {
  connect(): Promise<unknown>;
  end(): Promise<unknown>;
  query(query: Query): Promise<{ rows: any[] }>;
  on(event: "error", listener: () => void): unknown;
}

/** `open` makes a client that is not connected yet; `copy` finds what the check of that name is to tell. */
export async function runPgChecks<Client extends PgClient>(
  open: () => Client,
  copy: (client: Client) => Check,
): Promise<void> {
  const quiet = (): Client => {
    const client = open();
    // The query that is under way says it, too.
    client.on("error", () => undefined);
    return client;
  };
  const client = quiet();
  const run = (text: string) => client.query({ text });
  const column = async (text: string, values: unknown[] = []): Promise<number[]> =>
    (await client.query({ text, values, rowMode: "array" })).rows.map(([value]) => value as number);
  await runChecks({
    connect: async () => {
      await client.connect();
      return String((await run("select current_user")).rows[0].current_user);
    },
    select: async () => String((await column("select 1"))[0]),
    parameters: async () => String((await column("select $1::int + length($2::text)", [38, "žába"]))[0]),
    prepared: async () => {
      const results: number[] = [];
      for (const value of [1, 2, 3]) {
        const { rows } = await client.query({ name: "times ten", text: "select $1::int * 10 as i", values: [value] });
        results.push(rows[0].i);
      }
      return results.join(" ");
    },
    rollback: async () => {
      await run("create temp table numbers (i int primary key)");
      await run("begin");
      await run("insert into numbers values (1)");
      const within = await column("select count(*)::int from numbers");
      await run("rollback");
      const after = await column("select count(*)::int from numbers");
      return `${within[0]} ${after[0]}`;
    },
    sqlstate: () => refusal(run("select 1 / 0")),
    rows: async () => total(await column("select generate_series(1, 1000)")),
    copy: copy(client),
    cancel: async () => {
      const [processId] = await column("select pg_backend_pid()");
      const [state] = await Promise.all([refusal(run("select pg_sleep(30)")), cancelFromAnother(quiet(), processId)]);
      return state;
    },
  });
  await client.end();
}

/** There is no public way to send a request to cancel, so a second session asks the server. */
async function cancelFromAnother(other: PgClient, processId: number | undefined): Promise<void> {
  try {
    await other.connect();
    const ask = () => other.query({ text: CANCEL_IF_ASLEEP, values: [processId] });
    await untilUnderWay(async () => (await ask()).rows.length !== 0);
  } finally {
    await other.end();
  }
}
