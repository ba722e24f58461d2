import { UsageError } from "./arguments";
import { errorText } from "./errors";
import { startFailpoints } from "./failpoints";
import { createLogger, type Logger } from "./log";
import { VERSION_TEXT } from "./version";

export interface DaemonContext {
  log: Logger;
  /** Aborted when the daemon was told to stop, before its stop() runs. */
  shutdown: AbortSignal;
  argv: string[];
}

export interface RunningDaemon {
  /** Settles when the daemon ends by itself; a rejection makes it exit with 1. */
  stopped?: Promise<void>;
  stop(): Promise<void>;
}

/** What immediate shutdown answers in Neon's daemons. */
const SIGQUIT_EXIT_CODE = 111;

/** How long a start that is told to stop may take to come to an end; it sees `shutdown` abort. */
const START_GRACE_MS = 3000;

function failStart(error: unknown): never {
  process.stderr.write(`${error instanceof UsageError ? "error" : "Error"}: ${errorText(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

/** The value, or undefined when it takes longer than this. */
function within<T>(milliseconds: number, value: Promise<T>): Promise<T | undefined> {
  return Promise.race([value, new Promise<undefined>((resolve) => setTimeout(resolve, milliseconds, undefined))]);
}

async function serve(name: string, log: Logger, start: (context: DaemonContext) => Promise<RunningDaemon>) {
  const shutdown = new AbortController();
  const told = new Promise<void>((resolve) => {
    const terminate = (signal: NodeJS.Signals) => {
      if (shutdown.signal.aborted) return;
      log.info(`Got signal ${signal}. Terminating gracefully in fast shutdown mode.`);
      shutdown.abort();
      resolve();
    };
    process.on("SIGTERM", terminate);
    process.on("SIGINT", terminate);
  });
  log.info(`${name} version: ${VERSION_TEXT}`);
  startFailpoints(log);
  const starting = start({ log, shutdown: shutdown.signal, argv: process.argv.slice(2) }).catch(failStart);
  const daemon = await Promise.race([starting, told.then(() => within(START_GRACE_MS, starting))]);
  await Promise.race(daemon?.stopped === undefined ? [told] : [told, daemon.stopped]);
  if (shutdown.signal.aborted) await daemon?.stop();
}

/**
 * The main function of a daemon. SIGTERM and SIGINT: stop() and exit 0; SIGQUIT: exit 111 at once;
 * a start that fails: one line on stderr and exit 1 (2 for a UsageError).
 */
export function runDaemon(name: string, start: (context: DaemonContext) => Promise<RunningDaemon>): void {
  if (process.argv.includes("--version")) {
    process.stdout.write(`Neon ${name} ${VERSION_TEXT}\n`);
    return;
  }
  const log = createLogger();
  process.on("SIGQUIT", () => {
    log.info("Got signal SIGQUIT. Terminating in immediate shutdown mode.");
    process.exit(SIGQUIT_EXIT_CODE);
  });
  const die = (error: unknown) => {
    log.error(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(1);
  };
  process.on("unhandledRejection", die);
  process.on("uncaughtException", die);
  serve(name, log, start).then(() => process.exit(0), die);
}
