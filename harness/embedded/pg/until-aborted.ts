/** Passes pieces on until the signal is aborted; then it throws the signal's reason. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  for await (const piece of source) {
    signal?.throwIfAborted();
    yield piece;
  }
}
