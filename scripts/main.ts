import { readFileSync } from "node:fs";
import { HarnessError } from "../harness/types";
import { helpText, parseOptions } from "./options";
import { PROJECT_ROOT } from "./project";
import { runTests } from "./run-tests";
import { up } from "./up";

/** Exit codes: 0 all passed, 1 a test failed or something broke, 2 the command was used wrongly. */
async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    process.stdout.write(helpText());
    return 0;
  }
  if (options.version) {
    const manifest = JSON.parse(readFileSync(`${PROJECT_ROOT}/package.json`, "utf8")) as { version: string };
    process.stdout.write(`neon-test ${manifest.version}\n`);
    return 0;
  }
  return options.positionals[0] === "up" ? up(options) : runTests(options);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!HarnessError.is(error)) throw error;
  // The message says what to do; a stack would only hide it.
  process.stderr.write(`neon-test: ${error.message}\n`);
  process.exitCode = error.fault === "user" ? 2 : 1;
}
