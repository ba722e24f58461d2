import { createLogger, errorText, type Logger, pause, startFailpoints, UsageError, VERSION_TEXT } from "../service";
import { type CommandLine, parseCommandLine } from "./command-line";
import { ComputeNode } from "./compute-node";
import { createHttpApi } from "./http/api";

/** How long /status goes on to tell why a start failed, or that Postgres was terminated. */
const LAST_STATUS_MS = 30_000;

function readCommandLine(): CommandLine {
  try {
    return parseCommandLine(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`error: ${errorText(error)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

function followSignals(node: ComputeNode, log: Logger): void {
  const follow = (received: NodeJS.Signals, forwarded: "SIGINT" | "SIGQUIT") =>
    process.on(received, () => {
      log.info(`received ${received}`);
      node.stop(forwarded);
    });
  follow("SIGTERM", "SIGINT");
  follow("SIGINT", "SIGINT");
  follow("SIGQUIT", "SIGQUIT");
}

async function runNode(node: ComputeNode, log: Logger): Promise<number> {
  try {
    await node.start();
  } catch (error) {
    log.error(`could not start the compute node: ${errorText(error)}`);
    await pause(LAST_STATUS_MS, node.stopRequested);
    return 1;
  }
  const code = await node.wait();
  // Whoever asked for that knows, and would take an exit for a reason to start again.
  if (node.wasTerminated) await pause(LAST_STATUS_MS, node.stopRequested);
  return code;
}

/** compute_ctl itself. The exit code is Postgres'; 1 when the compute could not start or was fenced. */
export async function runComputeCtl(): Promise<void> {
  if (process.argv.includes("--version")) {
    process.stdout.write(`Neon compute_ctl ${VERSION_TEXT}\n`);
    return;
  }
  const commandLine = readCommandLine();
  const log = createLogger();
  const die = (error: unknown) => {
    log.error(`compute_ctl failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    node.stop("SIGQUIT");
    process.exit(1);
  };
  const node = new ComputeNode({ commandLine, log, writeLine: (line) => void process.stdout.write(`PG:${line}\n`) });
  process.on("unhandledRejection", die);
  process.on("uncaughtException", die);
  followSignals(node, log);
  startFailpoints(log);
  log.info(`compute_ctl version: ${VERSION_TEXT}`);
  const http = createHttpApi(node, log);
  await http.listen("127.0.0.1", commandLine.httpPort).catch(die);
  const code = await runNode(node, log);
  await http.close();
  process.exit(code);
}
