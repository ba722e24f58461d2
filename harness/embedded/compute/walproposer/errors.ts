/** A safekeeper has seen a higher term: another compute was started, or somebody has raised it by hand. */
export class FencedError extends Error {
  override readonly name = "FencedError";

  constructor(safekeeper: string, theirs: bigint, ours: bigint) {
    const meaning = "meaning another compute is running at the same time, and it conflicts with us";
    super(`WAL acceptor ${safekeeper} with term ${theirs} rejected our request, our term ${ours}, ${meaning}`);
  }
}

/** What only a bug or broken data can bring about; going on would risk committed rows. */
export class WalproposerPanic extends Error {
  override readonly name = "WalproposerPanic";
}
