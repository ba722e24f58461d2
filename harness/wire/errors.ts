/** The peer sent bytes that are not what the protocol says; the connection cannot go on. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** A connection could not be made or was lost; `code` is the system's (`ECONNREFUSED`) where there is one. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: string | undefined;

  constructor(message: string, options: { code?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

export type PgSeverity = "ERROR" | "FATAL";

/** An ErrorResponse: thrown by handlers to be sent, and thrown by clients that received one. `code` is the SQLSTATE. */
export class PgError extends Error {
  override readonly name = "PgError";
  readonly code: string;
  readonly severity: PgSeverity;
  readonly closeAfter: boolean;
  /** Every field of the message by its one-letter key (S, C, M, D, H, …). */
  readonly fields: Readonly<Record<string, string>>;

  constructor(
    message: string,
    code = "XX000",
    options: { severity?: PgSeverity; closeAfter?: boolean; fields?: Record<string, string> } = {},
  ) {
    super(message);
    this.code = code;
    this.severity = options.severity ?? "ERROR";
    this.closeAfter = options.closeAfter ?? this.severity === "FATAL";
    this.fields = options.fields ?? { S: this.severity, C: code, M: message };
  }
}
