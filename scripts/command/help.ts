import type { Command } from "./command";
import { kebab } from "./option";
import type { FlagRow, ValueRow } from "./option";

const FLAG_WIDTH = 34;
const LINE_WIDTH = 110;

/** `--help` of one command. */
export function helpText(command: Command, usage: string): string {
  const takes = command.takes === undefined ? "" : ` ${command.takes}`;
  const hasOptions = Object.keys(command.options).length > 0;
  const rest = command.passesOn === undefined ? "" : ` [-- ${command.passesOn}]`;
  const parts = [
    `Usage: ${usage}${takes}${hasOptions ? " [OPTIONS]" : ""}${rest}`,
    sentence(command.summary),
    ...(command.details === undefined ? [] : [command.details]),
    ...optionGroups(command),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The list of commands that stands under the help of the one that needs no name. */
export function commandList(commands: readonly Pick<Command, "name" | "summary" | "takes">[]): string {
  const rows = commands.map(({ name, summary, takes }) =>
    row(takes === undefined ? name : `${name} ${takes}`, summary),
  );
  return ["Commands (each has its own --help):", ...rows].join("\n");
}

function optionGroups(command: Command): string[] {
  const groups = new Map<string, string[]>();
  for (const [key, option] of Object.entries(command.options)) {
    const title = option.group ?? "Options";
    const lines = groups.get(title) ?? [];
    lines.push(row(flagText(key, option), option.help));
    groups.set(title, lines);
  }
  return [...groups].map(([title, lines]) => `${title}:\n${lines.join("\n")}`);
}

function flagText(key: string, option: FlagRow | ValueRow<unknown>): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${kebab(key)}${option.kind === "flag" ? "" : ` ${option.placeholder}`}`;
}

function row(left: string, right: string): string {
  const lines = wrapped(right, LINE_WIDTH - FLAG_WIDTH - 2);
  const first = left.length < FLAG_WIDTH ? [`  ${left.padEnd(FLAG_WIDTH)}${lines.shift() ?? ""}`] : [`  ${left}`];
  return [...first, ...lines.map((line) => `${" ".repeat(FLAG_WIDTH + 2)}${line}`)].join("\n");
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
