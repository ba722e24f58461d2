import { errorText } from "./errors";
import type { HttpRequest } from "./http";
import { badRequest } from "./api-error";
import { type FailpointAction, parseFailpointActions } from "./failpoint-actions";
import type { Logger } from "./log";

/** Thrown where a failpoint says `return`. */
export class FailpointError extends Error {}

interface Failpoint {
  readonly actions: FailpointAction[];
  /** Ends the pauses at this failpoint. */
  readonly changed: AbortController;
}

const active = new Map<string, Failpoint>();
let logger: Logger | undefined;

/** Named places of this process at which tests make it fail, wait or end. Any name may be set; most are nowhere met. */
export function setFailpoint(name: string, actions: string): void {
  const parsed = parseFailpointActions(actions);
  active.get(name)?.changed.abort();
  if (parsed.every(({ task }) => task === "off")) active.delete(name);
  else active.set(name, { actions: parsed, changed: new AbortController() });
}

/** The failpoints of the environment variable FAILPOINTS: `name=actions;name=actions`. */
export function startFailpoints(log: Logger, text = process.env["FAILPOINTS"] ?? ""): void {
  logger = log;
  for (const part of text.split(";").filter((entry) => entry.trim() !== "")) {
    const equals = part.indexOf("=");
    if (equals === -1) throw new Error(`invalid failpoint: ${part}`);
    setFailpoint(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
}

/** Body of PUT failpoints: `[{name, actions}]`. */
export async function putFailpoints(request: HttpRequest): Promise<null> {
  const configs = await request.json<unknown>();
  if (!Array.isArray(configs)) {
    throw badRequest("Failed to parse json request: invalid type: map, expected a sequence at line 1 column 1");
  }
  for (const { name, actions } of configs as { name: string; actions: string }[]) {
    request.log.info(`cfg failpoint: ${name} ${actions}`);
    try {
      setFailpoint(String(name), String(actions));
    } catch (error) {
      throw badRequest(`Failed to configure failpoints: ${errorText(error)}`);
    }
  }
  return null;
}

/** The action that is to happen now, if any. */
function take(name: string): { action: FailpointAction; changed: AbortSignal } | undefined {
  const point = active.get(name);
  if (point === undefined) return undefined;
  for (const action of point.actions) {
    if (action.frequency < 1 && Math.random() >= action.frequency) continue;
    if (action.left <= 0) continue;
    action.left -= 1;
    return action.task === "off" ? undefined : { action, changed: point.changed.signal };
  }
  return undefined;
}

function wait(milliseconds: number | undefined, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = milliseconds === undefined ? undefined : setTimeout(() => go(), milliseconds);
    const go = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", go);
      resolve();
    };
    for (const signal of signals) signal.addEventListener("abort", go, { once: true });
    if (signals.some((signal) => signal.aborted)) go();
  });
}

function endProcess(name: string, action: FailpointAction): never {
  if (action.task === "exit") {
    logger?.info("Exit requested by failpoint");
    process.exit(1);
  }
  logger?.error(`panicked at failpoint ${name}: ${action.argument ?? `failpoint ${name} panic`}`);
  process.exit(101);
}

async function reach(name: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const taken = take(name);
  if (taken === undefined) return undefined;
  const { action, changed } = taken;
  const signals = signal === undefined ? [changed] : [changed, signal];
  switch (action.task) {
    case "return":
      return action.argument ?? "";
    case "pause":
      logger?.info(`at failpoint ${name}`);
      await wait(undefined, signals);
      return undefined;
    case "sleep":
    case "delay":
      logger?.info(`failpoint "${name}": sleeping for ${action.argument}ms`);
      await wait(Number(action.argument), signal === undefined ? [] : [signal]);
      logger?.info(`failpoint "${name}": sleep done`);
      return undefined;
    case "panic":
    case "exit":
      return endProcess(name, action);
    default:
      logger?.info(`failpoint ${name} executed: ${action.argument ?? ""}`);
      return undefined;
  }
}

/** Whether something is to happen at the place. */
export const isFailpointSet = (name: string): boolean => active.has(name);

const NOTHING: Promise<undefined> = Promise.resolve(undefined);

/**
 * Does what was set for the place: waits, ends the process, or resolves with the argument of `return`. A pause ends when
 * the failpoint is set anew or `signal` aborts.
 */
export function failpoint(name: string, signal?: AbortSignal): Promise<string | undefined> {
  return active.has(name) ? reach(name, signal) : NOTHING;
}

/** As `failpoint`, but `return` throws, with the words that Neon uses for it. */
export async function failAt(name: string, signal?: AbortSignal, message = `failpoint ${name}`): Promise<void> {
  if ((await failpoint(name, signal)) !== undefined) throw new FailpointError(message);
}

/** As `failAt`, where nothing can be awaited: only `return` means something there. */
export function failNow(name: string, message: string): void {
  if (!active.has(name) || take(name)?.action.task !== "return") return;
  logger?.info(`${name} failpoint hit`);
  throw new FailpointError(message);
}

/** `return(500)` at a place where Neon only sleeps asynchronously: the number of milliseconds. */
export async function sleepAt(name: string, signal?: AbortSignal): Promise<void> {
  const value = await failpoint(name, signal);
  if (value === undefined) return;
  const milliseconds = Number(value);
  logger?.info(`failpoint "${name}": sleeping for ${milliseconds}ms`);
  await wait(milliseconds, signal === undefined ? [] : [signal]);
  logger?.info(`failpoint "${name}": sleep done`);
}
