import { HarnessError } from "../../harness/types";

/** Whether a test's full name matches. */
export type KeywordMatcher = (name: string) => boolean;

/**
 * pytest's `-k` language: words are substrings (case doesn't matter), joined by `and`, `or`, `not` and parentheses.
 * Throws BAD_ARGUMENT for an expression that can't be read.
 */
export function parseKeyword(expression: string): KeywordMatcher {
  const tokens = expression.match(/\(|\)|"[^"]*"|[^\s()]+/g) ?? [];
  const parser = new KeywordParser(tokens, expression);
  return parser.whole();
}

class KeywordParser {
  readonly #tokens: readonly string[];
  readonly #expression: string;
  #next = 0;

  constructor(tokens: readonly string[], expression: string) {
    this.#tokens = tokens;
    this.#expression = expression;
  }

  whole(): KeywordMatcher {
    const matcher = this.#or();
    if (this.#next < this.#tokens.length) throw this.#error(`"${this.#tokens[this.#next]}" is one too many`);
    return matcher;
  }

  #or(): KeywordMatcher {
    let left = this.#and();
    while (this.#take("or")) {
      const [first, second] = [left, this.#and()];
      left = (name) => first(name) || second(name);
    }
    return left;
  }

  #and(): KeywordMatcher {
    let left = this.#not();
    while (this.#take("and")) {
      const [first, second] = [left, this.#not()];
      left = (name) => first(name) && second(name);
    }
    return left;
  }

  #not(): KeywordMatcher {
    if (!this.#take("not")) return this.#word();
    const inner = this.#not();
    return (name) => !inner(name);
  }

  #word(): KeywordMatcher {
    if (this.#take("(")) {
      const inner = this.#or();
      if (!this.#take(")")) throw this.#error("a closing parenthesis is missing");
      return inner;
    }
    const token = this.#tokens[this.#next];
    if (token === undefined || ["and", "or", ")"].includes(token)) throw this.#error("a word is missing");
    this.#next += 1;
    const word = token.replaceAll('"', "").toLowerCase();
    return (name) => name.toLowerCase().includes(word);
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next += 1;
    return true;
  }

  #error(found: string): HarnessError {
    return new HarnessError("BAD_ARGUMENT", {
      summary: "the expression of -k can't be read",
      expected: "words joined by and, or, not and parentheses, e.g. 'slow and not detach'",
      found: `${JSON.stringify(this.#expression)}: ${found}`,
    });
  }
}
