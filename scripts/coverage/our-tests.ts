import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A test of ours, or several of one `describe` or `test.for`, and which of the original's they stand for. */
export interface OurTest {
  /** `regress/auth.test.ts` */
  readonly file: string;
  /** As it stands in the source, with `%s` where values come in. */
  readonly title: string;
  /** `test_auth.py::test_auth_failures`, or only the file. */
  readonly covers: readonly string[];
}

const COMMENT = /^\s*\/\/ covers: (.+)$/;
const ANY_COMMENT = /^\s*\/\//;
const OPENING = /^\s*(?:test|describe)\b/;
const STRING = /^\s*(["'`])((?:\\.|(?!\1).)*)\1/s;

/** Whose tests stand for the original's. */
export const COVERING_SUITES: readonly string[] = ["regress", "sql"];

/** All tests of these suites that a comment `// covers: …` stands above; throws where the comment stands elsewhere. */
export function readOurTests(): OurTest[] {
  return COVERING_SUITES.flatMap((root) => {
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
    return files.sort().flatMap((name) => testsIn(join(root, name), readFileSync(join(root, name), "utf8")));
  });
}

/** The tests of one file's text. */
export function testsIn(file: string, text: string): OurTest[] {
  const lines = text.split("\n");
  const found: OurTest[] = [];
  let covers: string[] = [];
  for (const [index, line] of lines.entries()) {
    const named = COMMENT.exec(line)?.[1];
    if (named !== undefined) covers.push(...named.split(",").map((part) => part.trim()));
    if (covers.length === 0 || ANY_COMMENT.test(line)) continue;
    const title = OPENING.test(line) ? titleOf(lines.slice(index, index + 40).join("\n")) : undefined;
    if (title === undefined) throw new Error(`${file}:${index + 1}: no test follows the comment "covers: ${covers}"`);
    found.push({ file, title, covers });
    covers = [];
  }
  return found;
}

/** The first argument of `test(…)`, or, where that is no text, of what is called after it: `test.for(…)(…)`. */
function titleOf(text: string): string | undefined {
  const opened = text.indexOf("(") + 1;
  if (opened === 0) return undefined;
  const title = STRING.exec(text.slice(opened))?.[2];
  if (title !== undefined) return title;
  let [depth, end] = [1, opened];
  for (; depth > 0 && end < text.length; end += 1) depth += Number(text[end] === "(") - Number(text[end] === ")");
  return text[end] === "(" ? STRING.exec(text.slice(end + 1))?.[2] : undefined;
}

/** Whether a recorded test, `regress/auth > …`, is this one, or one of this `describe`. */
export function isRecordOf({ file, title }: OurTest, recorded: string): boolean {
  const [stem, ...parts] = recorded.split(" > ");
  const escaped = title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const pattern = new RegExp(`^${escaped.replaceAll(/%[a-z]|\\\$\w+(?:\\\.\w+)*/g, ".*")}(?: \\[v\\d+\\])?$`);
  return `${stem}.test.ts` === file && parts.some((part) => pattern.test(part));
}
