import { readFile } from "node:fs/promises";
import { readOnlyData } from "./read-only-data";

const texts = new Map<string, Promise<Buffer>>();

/** Whether a literal stands in a program: in the constants of a compiled one, anywhere in a script. */
export async function programContains(path: string, literal: string): Promise<boolean> {
  const text = texts.get(path) ?? readText(path);
  texts.set(path, text);
  return (await text).includes(literal);
}

const readText = async (path: string): Promise<Buffer> => (await readOnlyData(path)) ?? (await readFile(path));
