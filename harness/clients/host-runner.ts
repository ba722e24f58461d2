import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PreparedProgram, RunOptions } from "./client-runner";
import type { Driver } from "./driver";
import { hostEnvironment } from "./host-environment";
import { installDriver } from "./install";
import { runProgram } from "./run-program";
import type { ProgramEnd } from "./run-program";
import { environmentOf } from "./target";
import type { ClientTarget } from "./target";

/** The driver's program by the toolchain of this machine. */
export async function prepareOnHost(driver: Driver): Promise<PreparedProgram> {
  const dir = await installDriver(driver);
  const hostOf = (target: ClientTarget): string =>
    driver.needsDottedName === true ? (target.dottedHost ?? target.host) : target.host;
  return { kind: "host", hostOf, run: (options) => run(driver, dir, hostOf(options.target), options) };
}

function run(driver: Driver, dir: string, host: string, options: RunOptions): Promise<ProgramEnd> {
  const { target, slotMs, scratch } = options;
  mkdirSync(scratch, { recursive: true });
  const ca = target.ca === undefined ? undefined : join(scratch, "ca.pem");
  if (ca !== undefined) writeFileSync(ca, target.ca ?? "");
  const hosts = join(scratch, "hosts");
  if (target.dottedHost !== undefined) writeFileSync(hosts, `127.0.0.1 localhost ${target.dottedHost}\n`);
  const places = (text: string): string => text.replaceAll("{dir}", dir).replaceAll("{hosts}", hosts);
  // A hosts file takes the place of all other ways to find a host, so it is only for servers of ours.
  const own = Object.entries(driver.environment ?? {}).filter(
    ([, value]) => target.dottedHost !== undefined || !value.includes("{hosts}"),
  );
  const [command, ...args] = driver.run;
  return runProgram({
    command: [places(command), ...args.map(places)],
    cwd: dir,
    environment: {
      ...hostEnvironment(),
      ...Object.fromEntries(own.map(([name, value]) => [name, places(value)])),
      ...environmentOf(target, host, ca),
    },
    slotMs,
  });
}
