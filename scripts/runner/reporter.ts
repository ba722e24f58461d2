import type { Reporter, TestCase, TestModule, TestRunEndReason, Vitest } from "vitest/node";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** One line a test; failures again at the end, with their errors; the last line is `N passed, N failed, N skipped`. */
export default class NeonReporter implements Reporter {
  #vitest: Vitest | undefined;
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #failed: TestCase[] = [];
  readonly #colors = process.stdout.isTTY;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state === "pending" || !this.#isSelected(test)) return;
    this.#counts[result.state] += 1;
    if (result.state === "failed") this.#failed.push(test);
    const took = test.diagnostic()?.duration ?? 0;
    const mark = {
      passed: this.#paint("32", "pass"),
      failed: this.#paint("31", "FAIL"),
      skipped: this.#paint("33", "skip"),
    };
    const rest =
      result.state === "skipped" ? (result.note === undefined ? "" : `  (${result.note})`) : `  ${seconds(took)}`;
    this.#print(`${mark[result.state]}  ${nameOf(test)}${rest}`);
  }

  /** Vitest reports what -k left out of a file as skipped; nobody asked for it. */
  #isSelected(test: TestCase): boolean {
    const pattern = this.#vitest?.getGlobalTestNamePattern();
    return pattern === undefined || pattern.test(test.fullName.split(" > ").join(" "));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    for (const test of this.#failed) this.#showFailure(test);
    const broken = modules.filter((module) => module.errors().length > 0);
    for (const module of broken) {
      this.#print(`\n${this.#paint("31", "FAIL")}  ${module.relativeModuleId}`);
      for (const error of module.errors()) this.#vitest?.logger.printError(error, { project: module.project });
    }
    for (const error of errors) this.#vitest?.logger.printError(error);
    if (reason === "interrupted") this.#print("interrupted");
    const { passed, failed, skipped } = this.#counts;
    // A file that does not load, and an error outside of any test, are failures too.
    const all = failed + broken.length + errors.length;
    this.#print(`${passed} passed, ${all} failed, ${skipped} skipped`);
  }

  #showFailure(test: TestCase): void {
    this.#print(`\n${this.#paint("31", "FAIL")}  ${nameOf(test)}`);
    const seen = new Set<string>();
    for (const error of test.result().errors ?? []) {
      const text = error.message;
      if (seen.has(text)) continue;
      seen.add(text);
      this.#vitest?.logger.printError(error, { project: test.project });
    }
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  #paint(color: string, text: string): string {
    return this.#colors ? `\u001b[${color}m${text}\u001b[0m` : text;
  }
}

function nameOf(test: TestCase): string {
  const file = test.module.relativeModuleId.replace(/\.test\.ts$/, "");
  const version = / v\d+$/.exec(test.project.name)?.[0] ?? "";
  return `${file} > ${test.fullName}${version === "" ? "" : ` [${version.trim()}]`}`;
}
