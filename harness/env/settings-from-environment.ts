import { parse } from "smol-toml";
import { HarnessError, messageOfUnknown } from "../types";
import type { NeonEnvSettings } from "./settings";

type FromEnvironment = Pick<
  NeonEnvSettings,
  "pageserverVirtualFileIoEngine" | "pageserverVirtualFileIoMode" | "pageserverDefaultTenantConfigCompactionAlgorithm"
>;

const IO_ENGINE = "PAGESERVER_VIRTUAL_FILE_IO_ENGINE";
const IO_MODE = "PAGESERVER_VIRTUAL_FILE_IO_MODE";
const COMPACTION = "PAGESERVER_DEFAULT_TENANT_CONFIG_COMPACTION_ALGORITHM";

/** Pageserver settings that a whole run is made with, as the original's CI does for its matrix. Throws BAD_ENV. */
export function settingsFromEnvironment(env: NodeJS.ProcessEnv): FromEnvironment {
  return {
    pageserverVirtualFileIoEngine: oneOf(env, IO_ENGINE, ["std-fs", "tokio-epoll-uring"]),
    pageserverVirtualFileIoMode: oneOf(env, IO_MODE, ["buffered", "direct"]),
    pageserverDefaultTenantConfigCompactionAlgorithm: tomlTable(env, COMPACTION),
  };
}

function oneOf(env: NodeJS.ProcessEnv, name: string, known: readonly string[]): string | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  if (known.includes(value)) return value;
  throw badVariable(name, `one of ${known.join(", ")}`, value);
}

/** A TOML document such as `kind = "tiered"`. */
function tomlTable(env: NodeJS.ProcessEnv, name: string): Record<string, unknown> | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  try {
    const table = parse(value);
    if (typeof table["kind"] === "string") return table;
  } catch (error) {
    throw badVariable(name, 'TOML such as kind = "tiered"', messageOfUnknown(error));
  }
  throw badVariable(name, 'TOML with a kind, such as kind = "tiered"', value);
}

function badVariable(name: string, expected: string, found: string): HarnessError {
  return new HarnessError("BAD_ENV", {
    summary: `${name} has no usable value`,
    expected,
    found,
    todo: `correct it, or unset ${name}`,
  });
}
