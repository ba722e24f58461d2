import { HarnessError } from "../../harness/types";

/** Whether what is asked for holds, given which words hold. */
export type Expression = (holds: (word: string) => boolean) => boolean;

/**
 * pytest's language of `-k` and `-m`: words, joined by `and`, `or`, `not` and parentheses. Throws BAD_ARGUMENT for an
 * expression that can't be read; `option` is where it was typed.
 */
export function parseExpression(option: string, expression: string): Expression {
  const tokens = expression.match(/\(|\)|"[^"]*"|[^\s()]+/g) ?? [];
  return new ExpressionParser(tokens, { option, expression }).whole();
}

class ExpressionParser {
  readonly #tokens: readonly string[];
  readonly #source: { option: string; expression: string };
  #next = 0;

  constructor(tokens: readonly string[], source: { option: string; expression: string }) {
    this.#tokens = tokens;
    this.#source = source;
  }

  whole(): Expression {
    const matcher = this.#or();
    if (this.#next < this.#tokens.length) throw this.#error(`"${this.#tokens[this.#next]}" is one too many`);
    return matcher;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#take("or")) {
      const [first, second] = [left, this.#and()];
      left = (holds) => first(holds) || second(holds);
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#take("and")) {
      const [first, second] = [left, this.#not()];
      left = (holds) => first(holds) && second(holds);
    }
    return left;
  }

  #not(): Expression {
    if (!this.#take("not")) return this.#word();
    const inner = this.#not();
    return (holds) => !inner(holds);
  }

  #word(): Expression {
    if (this.#take("(")) {
      const inner = this.#or();
      if (!this.#take(")")) throw this.#error("a closing parenthesis is missing");
      return inner;
    }
    const token = this.#tokens[this.#next];
    if (token === undefined || ["and", "or", ")"].includes(token)) throw this.#error("a word is missing");
    this.#next += 1;
    const word = token.replaceAll('"', "");
    return (holds) => holds(word);
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next += 1;
    return true;
  }

  #error(found: string): HarnessError {
    return new HarnessError("BAD_ARGUMENT", {
      summary: `the expression of ${this.#source.option} can't be read`,
      expected: "words joined by and, or, not and parentheses, e.g. 'slow and not detach'",
      found: `${JSON.stringify(this.#source.expression)}: ${found}`,
    });
  }
}
