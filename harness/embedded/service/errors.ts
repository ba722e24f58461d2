/** The message of an error with those of its causes, on one line: `a: b: c`. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  const own = error.message === "" ? (code ?? error.name) : error.message;
  return (error.cause === undefined ? own : `${own}: ${errorText(error.cause)}`).replaceAll("\n", " ");
}

/** Whether a file system or socket error has this code, such as "ENOENT". */
export function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** What comes of an operation on a file, or undefined when there is no such file or directory. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
