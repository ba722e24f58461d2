export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  trace(message: string): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** A logger whose lines carry `name{k=v …}:` after the spans of this one. */
  span(name: string, fields?: Record<string, string | number>): Logger;
}

/** Lines logged by this process per level, for the metric libmetrics_tracing_event_count. */
export const loggedEvents: Record<LogLevel, number> = { trace: 0, debug: 0, info: 0, warn: 0, error: 0 };

/** RFC 3339 with microseconds, as Rust's tracing prints it. */
export function timestamp(): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const millis = Math.floor(micros / 1000);
  return `${new Date(millis).toISOString().slice(0, -1)}${String(micros % 1000).padStart(3, "0")}Z`;
}

/** The level of a RUST_LOG text such as `info,walreceiver=debug`: its last directive without a target; `info` if none. */
export function levelFrom(rustLog: string | undefined): LogLevel {
  const directives = (rustLog ?? "").split(",").map((directive) => directive.trim().toLowerCase());
  return LOG_LEVELS.findLast((level) => directives.includes(level)) ?? "info";
}

function spanText(name: string, fields: Record<string, string | number>): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? `${name}:` : `${name}{${pairs.join(" ")}}:`;
}

/** Logs to stdout in the format of Neon's daemons: `2026-11-22T12:50:07.206001Z  INFO span{k=v}:inner: message`. */
export function createLogger(
  write: (line: string) => void = (line) => void process.stdout.write(line),
  level: LogLevel = levelFrom(process.env["RUST_LOG"]),
): Logger {
  const threshold = LOG_LEVELS.indexOf(level);
  const at = (prefix: string): Logger => {
    const emit = (lineLevel: LogLevel) => (message: string) => {
      if (LOG_LEVELS.indexOf(lineLevel) < threshold) return;
      loggedEvents[lineLevel] += 1;
      write(`${timestamp()} ${lineLevel.toUpperCase().padStart(5)} ${prefix === "" ? "" : `${prefix} `}${message}\n`);
    };
    return {
      trace: emit("trace"),
      debug: emit("debug"),
      info: emit("info"),
      warn: emit("warn"),
      error: emit("error"),
      span: (name, fields = {}) => at(prefix + spanText(name, fields)),
    };
  };
  return at("");
}
