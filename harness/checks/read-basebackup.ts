import { Parser } from "tar";
import type { ReadEntry } from "tar";
import { Lsn } from "../types";
import type { TenantId, TimelineId } from "../types";

/** A pageserver, as far as it is needed here. */
export interface BackupSource {
  readonly name: string;
  connect(): Promise<{ copyOut(command: string): AsyncIterable<Buffer>; destroy(): void }>;
}

/** The files of a pageserver's basebackup at `lsn`, by path. */
export async function readBasebackup(
  pageserver: BackupSource,
  at: { tenantId: TenantId; timelineId: TimelineId; lsn: Lsn },
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const parser = new Parser({ onReadEntry: (entry) => keep(entry, files) });
  const whole = new Promise<void>((resolve, reject) => parser.on("end", resolve).on("error", reject));
  const connection = await pageserver.connect();
  try {
    const command = `basebackup ${at.tenantId} ${at.timelineId} ${Lsn.format(at.lsn)}`;
    for await (const piece of connection.copyOut(command)) parser.write(piece);
  } finally {
    connection.destroy();
  }
  parser.end();
  await whole;
  return files;
}

function keep(entry: ReadEntry, files: Map<string, Buffer>): void {
  const parts: Buffer[] = [];
  entry.on("data", (part) => parts.push(part));
  entry.on("end", () => {
    if (entry.type === "File") files.set(entry.path.replace(/^\.\//, ""), Buffer.concat(parts));
  });
}
