import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { readLogTail } from "../process";
import { HarnessError, describeExit } from "../types";
import type { ExitFacts, WatchedProcess } from "../types";
import type { Observation } from "./observation";

export interface WaitSubject {
  readonly name: string;
  readonly budgetMs: number;
  readonly component?: string | undefined;
  readonly process?: WatchedProcess | undefined;
  readonly logPath?: string | undefined;
  readonly last: Observation;
}

const FULL_BELOW_BYTES = 1024 * 1024;

export async function timeoutError(subject: WaitSubject): Promise<HarnessError> {
  const component = componentOf(subject);
  const log = await logOf(subject);
  return new HarnessError(subject.process === undefined ? "WAIT_TIMEOUT" : "NODE_NOT_READY", {
    summary: `${component === undefined ? "" : `${component}: `}waited ${subject.budgetMs} ms in vain for: ${subject.name}`,
    found: `last observed: ${subject.last}`,
    todo: log.logPath === undefined ? undefined : `read ${log.logPath}`,
    facts: { component, phase: subject.name, budgetMs: subject.budgetMs, lastObserved: String(subject.last) },
    ...log,
  });
}

/** NODE_DIED, or DISK_FULL when that is what it died of. */
export async function diedError(subject: WaitSubject, process: WatchedProcess, exit: ExitFacts): Promise<HarnessError> {
  const log = await logOf(subject);
  const diskFull = /no space left on device|ENOSPC/i.test(log.logTail ?? "") || (await isDiskFull(process.logPath));
  const why = diskFull ? `, and ${dirname(process.logPath)} or the disk of its data is full` : "";
  return new HarnessError(diskFull ? "DISK_FULL" : "NODE_DIED", {
    summary: `${process.name} died while we waited for: ${subject.name}`,
    expected: "it to run",
    found: `${describeExit(exit)}${why}; last observed: ${subject.last}`,
    todo: diskFull ? "free some space, or choose another folder with TEST_OUTPUT" : `read ${process.logPath}`,
    facts: { component: process.name, pid: process.pid, phase: subject.name, code: exit.code, signal: exit.signal },
    ...log,
  });
}

const componentOf = (subject: WaitSubject): string | undefined => subject.component ?? subject.process?.name;

async function logOf(subject: WaitSubject): Promise<{ logPath?: string; logTail?: string }> {
  const logPath = subject.logPath ?? subject.process?.logPath;
  if (logPath === undefined) return {};
  const own = subject.process?.logPath === logPath ? await subject.process.logTail() : await readLogTail(logPath);
  return { logPath, logTail: own };
}

async function isDiskFull(logPath: string): Promise<boolean> {
  const facts = await statfs(dirname(logPath)).catch(() => undefined);
  return facts !== undefined && facts.bavail * facts.bsize < FULL_BELOW_BYTES;
}
