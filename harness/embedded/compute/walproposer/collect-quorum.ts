/** Fewer than a quorum can still succeed; `errors` say why. */
export class NoQuorumError extends AggregateError {
  override readonly name = "NoQuorumError";
}

/**
 * The values of the first `quorum` promises to succeed, and of those that follow within `graceMs`: waiting a little for
 * the rest gives a better choice, and a hung one holds nothing back. Rejects when too many have failed.
 */
export function collectQuorum<T>(pending: readonly Promise<T>[], quorum: number, graceMs: number): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const values: T[] = [];
    const errors: unknown[] = [];
    let grace: NodeJS.Timeout | undefined;
    const settle = () => {
      if (values.length + errors.length === pending.length && values.length >= quorum) {
        clearTimeout(grace);
        resolve(values);
      } else if (values.length >= quorum) {
        grace ??= setTimeout(() => resolve(values), graceMs);
      } else if (pending.length - errors.length < quorum) {
        reject(new NoQuorumError(errors, errors.map(String).join("; ")));
      }
    };
    for (const promise of pending) {
      promise
        .then(
          (value) => values.push(value),
          (error: unknown) => errors.push(error),
        )
        .then(settle, reject);
    }
  });
}
