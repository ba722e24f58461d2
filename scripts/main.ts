import { readFileSync } from "node:fs";
import { HarnessError } from "../harness/types";
import type { Command } from "./command/command";
import { commandList, helpText } from "./command/help";
import { flag } from "./command/option";
import { parseInvocation } from "./command/parse";
import { COMMANDS, DEFAULT_COMMAND } from "./commands";
import { PACKAGE_ROOT } from "./project";

const ENVIRONMENT = `Environment: NEON_BIN, POSTGRES_DISTRIB_DIR, DEFAULT_PG_VERSION, TEST_OUTPUT, NEON_TEST_USER, NEON_COMPUTE_DATA,
RUST_LOG (see README.md).`;

const COMMON = {
  help: flag({ short: "h", group: "Help", help: "this text" }),
  version: flag({ group: "Help", help: "print the version" }),
};

/** Exit codes: 0 all passed, 1 a test failed or something broke, 2 the command was used wrongly. */
async function main(argv: readonly string[]): Promise<number> {
  const [first = ""] = argv;
  const isNamed = Object.hasOwn(COMMANDS, first);
  const command = await COMMANDS[isNamed ? first : DEFAULT_COMMAND]?.();
  if (command === undefined) throw new Error("the default command is not in the table");
  const options = { ...command.options, ...COMMON };
  const invocation = parseInvocation({ ...command, options }, isNamed ? argv.slice(1) : argv);
  if (invocation.options.help) return print(await helpOf({ ...command, options }));
  if (invocation.options.version) return print(`neon-test ${versionOfPackage()}\n`);
  return command.run(invocation);
}

async function helpOf(command: Command): Promise<string> {
  if (command.name !== DEFAULT_COMMAND) return helpText(command, `neon-test ${command.name}`);
  const others = Object.entries(COMMANDS).filter(([name]) => name !== DEFAULT_COMMAND);
  const commands = await Promise.all(others.map(async ([, load]) => load()));
  return `${helpText(command, "neon-test")}\n${commandList(commands)}\n\n${ENVIRONMENT}\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function versionOfPackage(): string {
  return (JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, "utf8")) as { version: string }).version;
}

// Who reads no further (`neon-test --list | head`) wants no more; as a shell shows SIGPIPE.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(141);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!HarnessError.is(error)) throw error;
  // The message says what to do; a stack would only hide it.
  process.stderr.write(`neon-test: ${error.message}\n`);
  process.exitCode = error.fault === "user" ? 2 : 1;
}
