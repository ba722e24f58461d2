/** Whose mistake it is: the person's who started the run, the machine's, or that of the system under test. */
export type Fault = "user" | "system" | "neon";

/** The closed table: every error that the harness raises on purpose has one of these codes. */
export const HARNESS_ERRORS = {
  // What a person typed or set.
  BAD_ARGUMENT: { fault: "user" },
  BAD_ENV: { fault: "user" },
  BAD_VALUE: { fault: "user" },
  BAD_CONFIG: { fault: "user" },
  BAD_PG_VERSION: { fault: "user" },
  UNKNOWN_SUITE: { fault: "user" },
  UNKNOWN_TEST: { fault: "user" },
  MISUSE: { fault: "user" },
  // What a person has to install, build or free.
  BINARY_MISSING: { fault: "user" },
  BINARY_BROKEN: { fault: "user" },
  MIXED_REVISIONS: { fault: "user" },
  POSTGRES_VERSION_MISSING: { fault: "user" },
  STALE_ENGINE: { fault: "user" },
  ENGINE_LACKS: { fault: "user" },
  NO_TEST_USER: { fault: "user" },
  UNSUPPORTED_PLATFORM: { fault: "user" },
  UNREADABLE_PATH: { fault: "user" },
  MACHINE_TOO_SMALL: { fault: "user" },
  REMOTE_STORAGE_UNUSABLE: { fault: "user" },
  // What the machine refuses.
  COMMAND_FAILED: { fault: "system" },
  DISK_FULL: { fault: "system" },
  NO_FREE_PORTS: { fault: "system" },
  PORT_TAKEN: { fault: "system" },
  SPAWN_FAILED: { fault: "system" },
  LEFT_BEHIND: { fault: "system" },
  // What the system under test did.
  NODE_DIED: { fault: "neon" },
  NODE_NOT_READY: { fault: "neon" },
  NODE_WILL_NOT_STOP: { fault: "neon" },
  NODE_STOPPED_BADLY: { fault: "neon" },
  WAIT_TIMEOUT: { fault: "neon" },
  HTTP_ERROR: { fault: "neon" },
  SQL_ERROR: { fault: "neon" },
  PROTOCOL_ERROR: { fault: "neon" },
  TEST_HUNG: { fault: "neon" },
  LOG_ERRORS: { fault: "neon" },
  CHECK_FAILED: { fault: "neon" },
} as const satisfies Record<string, { fault: Fault }>;

export type HarnessErrorCode = keyof typeof HARNESS_ERRORS;
