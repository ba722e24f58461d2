/** A test by its file and its full name, as vitest prints it. */
export interface NamedTest {
  readonly file: string;
  readonly test: string;
}

/** A bug that is planted into a copy of the engine's source, and the test that must fail because of it. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  readonly caughtBy: NamedTest;
}

/** How often `from` stands in a source; a mutant fits when that is once. */
export function occurrences(source: string, { from }: Pick<Mutant, "from">): number {
  return source.split(from).length - 1;
}

/** The source with the bug. */
export function plant(source: string, mutant: Mutant): string {
  const found = occurrences(source, mutant);
  if (found !== 1) throw new Error(`the text to be replaced stands in ${mutant.file} ${found} times, not once`);
  return source.replace(mutant.from, () => mutant.to);
}
