/** A safekeeper has seen a higher term: another compute was started, and this one must end without another commit. */
export class FencedError extends Error {
  override readonly name = "FencedError";

  constructor(safekeeper: string, theirs: bigint, ours: bigint) {
    super(`safekeeper ${safekeeper} with term ${theirs} rejects our term ${ours}: another primary is running`);
  }
}

/** What only a bug or broken data can bring about; going on would risk committed rows. */
export class WalproposerPanic extends Error {
  override readonly name = "WalproposerPanic";
}
