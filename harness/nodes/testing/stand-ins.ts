import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeEngine, Engine } from "../../engine";
import { bundleText, makeTestDirectory } from "../../testing";
import type { NodeContext } from "../context";

/** The embedded engine, as the run's global set-up found it. */
export const embeddedEngine = (): Engine => decodeEngine(process.env["NEON_TEST_EMBEDDED_ENGINE"] ?? "");

/** A directory of programs that stand in for Neon's binaries, and a context whose nodes are these. */
export class StandIns implements Disposable {
  readonly dir = makeTestDirectory("neon-stand-ins");
  readonly #neonBin = join(this.dir, "bin");

  constructor() {
    mkdirSync(this.#neonBin);
    writeFileSync(join(this.#neonBin, "package.json"), '{"type":"module"}');
  }

  /** A node program of a few lines; what it prints is its log. */
  program(name: string, text: string): this {
    return this.#executable(name, `#!/usr/bin/env node\n${text}\n`);
  }

  /** A program of our own, bundled, for the nodes' user may not be able to enter the project. */
  bundle(name: string, source: string): this {
    const path = fileURLToPath(source);
    const text = readFileSync(path, "utf8");
    return this.program(name, bundleText({ format: "esm", text, resolveDir: dirname(path) }));
  }

  /** The nodes run in `<dir>/repo`, with these environment variables. */
  context(environment: Record<string, string> = {}): NodeContext {
    const facts = embeddedEngine().facts;
    const engine = new Engine({ ...facts, neonBin: this.#neonBin });
    return { engine, repoDir: join(this.dir, "repo"), environment: { ...facts.environment, ...environment } };
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #executable(name: string, text: string): this {
    const path = join(this.#neonBin, name);
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return this;
  }
}
