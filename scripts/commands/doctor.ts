import { existsSync, readFileSync, statfsSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { prepareEngine } from "../../harness/engine";
import type { Engine } from "../../harness/engine";
import { liveRuns } from "../../harness/process";
import { messageOfUnknown } from "../../harness/types";
import { defineCommand } from "../command/command";
import { thisMachine, workersFor } from "../runner/workers";

interface Finding {
  readonly what: string;
  readonly found: string;
  /** What can't be done without it; undefined where all is well. */
  readonly missing?: string | undefined;
  /** Without it nothing runs at all. */
  readonly isVital?: boolean;
}

const GB = 1024 ** 3;
const ENOUGH_FILES = 4096;

/** What this machine has for tests, and what is missing for what. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "shows what this machine has for tests, and what is missing for what",
  details: "Exit code: 1 if tests can't run at all, else 0.",
  options: {},
  run: async () => {
    const engine = await prepareEngine().catch((error: unknown) => messageOfUnknown(error));
    const findings = [
      node(),
      engineFinding(engine),
      machine(engine),
      room("temporary files", tmpdir()),
      room("computes' data", "/dev/shm"),
      openFiles(),
      await docker(),
      realS3(),
      stacks(),
      runs(),
    ];
    const width = Math.max(...findings.map(({ what }) => what.length));
    for (const { what, found, missing, isVital } of findings) {
      const mark = missing === undefined ? "ok  " : isVital === true ? "FAIL" : "note";
      process.stdout.write(`${mark}  ${what.padEnd(width)}  ${found.replaceAll("\n", "\n      ")}\n`);
      if (missing !== undefined) process.stdout.write(`      ${" ".repeat(width)}  ${missing}\n`);
    }
    return findings.some(({ missing, isVital }) => missing !== undefined && isVital === true) ? 1 : 0;
  },
});

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isGood = major > 20 || (major === 20 && minor >= 19);
  const missing = isGood ? undefined : "Node.js 20.19 or later is needed";
  return {
    what: "Node.js",
    found: `${process.version} on ${process.platform}-${process.arch}, kernel ${release()}`,
    missing,
    isVital: true,
  };
}

/** `engine`: or why there is none. */
function engineFinding(engine: Engine | string): Finding {
  if (typeof engine === "string") return { what: "engine", found: engine, missing: "no test can run", isVital: true };
  const { description, neonBin, pgDistribDir, pgVersions, features, identity } = engine.facts;
  const user = identity === undefined ? `uid ${process.getuid?.()}` : `${identity.name}, for you are root`;
  const versions = pgVersions.map((version) => `v${version}`).join(", ");
  return {
    what: "engine",
    found: `${description} from ${neonBin}\nPostgres ${versions} from ${pgDistribDir}\nfeatures: ${[...features].join(", ") || "none"}\nnodes run as ${user}`,
  };
}

function machine(engine: Engine | string): Finding {
  const facts = thisMachine();
  const { cores, memory, tasks } = facts;
  const limit = Number.isFinite(tasks) ? `, ${tasks} processes at most` : "";
  const found = `${cores} cores, ${(memory / GB).toFixed(1)} GB free${limit}`;
  if (typeof engine === "string") return { what: "machine", found };
  const workers = workersFor(facts, engine.facts.environmentCost);
  const isFew = workers < Math.floor(cores);
  return {
    what: "machine",
    found: `${found}: -n auto is ${workers}`,
    missing: isFew ? "environments of fewer tests fit at a time than there are cores" : undefined,
  };
}

function room(what: string, path: string): Finding {
  if (!existsSync(path))
    return { what, found: `${path} is not there`, missing: "data directories stand on the disk, which is slower" };
  const { bavail, bsize } = statfsSync(path);
  const free = (bavail * bsize) / GB;
  return {
    what,
    found: `${free.toFixed(1)} GB free in ${path}`,
    missing: free < 1 ? "tests that write much will fail" : undefined,
  };
}

function openFiles(): Finding {
  const what = "open files";
  if (!existsSync("/proc/self/limits")) return { what, found: "not known on this system" };
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "";
  const isFew = soft !== "unlimited" && Number(soft) < ENOUGH_FILES;
  return { what, found: `${soft} per process`, missing: isFew ? `raise it: ulimit -n ${ENOUGH_FILES}` : undefined };
}

async function docker(): Promise<Finding> {
  const result = await execa("docker", ["version", "--format", "{{.Server.Version}}"], {
    reject: false,
    timeout: 5_000,
  });
  const found = result.exitCode === 0 ? `server ${result.stdout}` : "no docker that answers";
  return {
    what: "Docker",
    found,
    missing: result.exitCode === 0 ? undefined : "needed for MinIO in a container and for pg_clients in images",
  };
}

function realS3(): Finding {
  const names = ["ENABLE_REAL_S3_REMOTE_STORAGE", "REMOTE_STORAGE_S3_BUCKET", "REMOTE_STORAGE_S3_REGION"];
  const missing = names.filter((name) => !process.env[name]);
  const hasKeys = Boolean(process.env["AWS_PROFILE"] ?? process.env["AWS_ACCESS_KEY_ID"]);
  if (missing.length === 0 && hasKeys)
    return { what: "real S3", found: `bucket ${process.env["REMOTE_STORAGE_S3_BUCKET"]}` };
  const lacking = [...missing, ...(hasKeys ? [] : ["AWS_ACCESS_KEY_ID or AWS_PROFILE"])];
  return { what: "real S3", found: "not set up", missing: `for tests on real S3 set ${lacking.join(", ")}` };
}

function stacks(): Finding {
  const found = ["gdb", "eu-stack"].find((command) => isInPath(command));
  return {
    what: "stacks",
    found: found ?? "neither gdb nor eu-stack",
    missing: found === undefined ? "a hung test shows no stacks of native nodes" : undefined,
  };
}

function runs(): Finding {
  const alive = liveRuns();
  return { what: "other runs", found: alive.length === 0 ? "none" : `${alive.length} go on` };
}

const isInPath = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
