import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ManagedProcess } from "../../process";
import { pollUntil } from "../../wait";
import { readFileSync } from "node:fs";

/** Built with the command: see scripts/build-command.mjs. */
const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "../../../dist/command/echo-page-service.js");

/** Starts a page service that does nothing; its log stands in `directory`. */
export class EchoPageService implements AsyncDisposable {
  readonly port: number;
  readonly #process: ManagedProcess;

  private constructor(process: ManagedProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(directory: string): Promise<EchoPageService> {
    const logPath = join(directory, "echo-page-service.log");
    const spec = { name: "echo page service", command: process.execPath, args: [PROGRAM], cwd: directory, logPath };
    const echo = await ManagedProcess.spawn(spec);
    const port = await pollUntil("the echo page service to listen", () => portIn(logPath), {
      ...{ budgetMs: 10_000, component: "echo page service", logPath },
    });
    return new EchoPageService(echo, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop({ steps: [{ signal: "SIGTERM", budgetMs: 2_000 }] });
  }
}

function portIn(logPath: string): number | undefined {
  const [, port] = /listening on (\d+)/.exec(readFileSync(logPath, "utf8")) ?? [];
  return port === undefined ? undefined : Number(port);
}
