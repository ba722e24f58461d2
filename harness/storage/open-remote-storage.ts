import { fileURLToPath } from "node:url";
import type { PortLease } from "../ports";
import { registerUndo } from "../process";
import type { ProcessIdentity } from "../process";
import type { RemoteStorageKind, StorageUser } from "./kinds";
import { LocalFsStorage } from "./local-fs-storage";
import type { MockBackend } from "./mock-backend";
import type { RealS3 } from "./real-s3";
import type { RemoteStorage } from "./remote-storage";

export interface RemoteStorageGround {
  user: StorageUser;
  /** Where a local folder stands. */
  repoDir: string;
  /** Becomes part of buckets' names and prefixes. */
  testName: string;
  /** To whom files have to belong. */
  owner: ProcessIdentity | undefined;
  ports: PortLease;
}

const FORGET_PREFIX = fileURLToPath(new URL("../../dist/command/forget-prefix.js", import.meta.url));

let mock: Promise<MockBackend> | undefined;
let real: Promise<RealS3> | undefined;

/** Storage of one test's own. What stands behind it is started, or connected to, once per worker, when it is first used. */
export async function openRemoteStorage(kind: RemoteStorageKind, ground: RemoteStorageGround): Promise<RemoteStorage> {
  if (kind === "local_fs") return LocalFsStorage.create(ground.repoDir, ground.user, ground.owner);
  const name = wordOf(ground.testName);
  // Its warning that later versions will need Node 22 would stand in every worker's output.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  if (kind === "mock_s3") {
    const { startMockBackend } = await import("./mock-backend");
    mock ??= startMockBackend(ground);
    return (await mock).openBucket(`${ground.user}-${name}`);
  }
  // The AWS SDK takes longer to load than a node to start: only those load it who need it.
  const [{ connectRealS3 }, { runPrefix, sweepStaleRunPrefixes }, { S3Storage }] = await Promise.all([
    import("./real-s3"),
    import("./run-prefix"),
    import("./s3-storage"),
  ]);
  real ??= connectRealS3().then(async (found) => {
    const { bucket, region } = found.place;
    // Each test removes its own; this is for those that are killed.
    registerUndo(process.execPath, [FORGET_PREFIX, bucket, region, runPrefix()]);
    await sweepStaleRunPrefixes(found);
    return found;
  });
  const { place, client, credentials } = await real;
  const prefix = `${runPrefix()}/${name}/${ground.user}`;
  return new S3Storage({ ...place, prefix }, client, await credentials());
}

/** At the worker's end: what was started or connected to for its tests. */
export async function closeRemoteStorage(): Promise<void> {
  const [backend, cloud] = [mock, real];
  [mock, real] = [undefined, undefined];
  await (await backend)?.close();
  (await cloud)?.client.destroy();
}

/** Letters, digits and dashes, as buckets' names have them. */
const wordOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "test";
