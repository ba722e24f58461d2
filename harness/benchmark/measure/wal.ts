import type { ComparedSystem } from "../systems/compared-system";
import { Lsn } from "../../types";

/** How far Postgres has written WAL. */
export async function walPosition(system: ComparedSystem): Promise<Lsn> {
  const [row] = await system.query("select pg_current_wal_insert_lsn()::text as lsn");
  return Lsn.parse(String(row?.["lsn"]));
}

/** MB of WAL that Postgres has written since `from`. */
export async function walWrittenMb(system: ComparedSystem, from: Lsn): Promise<number> {
  return Number((await walPosition(system)) - from) / 1024 / 1024;
}
