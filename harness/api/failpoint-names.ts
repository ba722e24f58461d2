import { createReadStream } from "node:fs";

/**
 * Whether a program's file contains this name: failpoints are literals in the source, so one that the file does not
 * contain can't be reached. For `ClientOptions.isKnownFailpoint`; each name is looked for once.
 */
export function failpointsOf(binaryPath: string): (name: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  return (name) => {
    const answer = known.get(name) ?? fileContains(binaryPath, name);
    known.set(name, answer);
    return answer;
  };
}

async function fileContains(path: string, name: string): Promise<boolean> {
  const wanted = Buffer.from(name);
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 * 1024 })) {
    const window = Buffer.concat([tail, chunk as Buffer]);
    if (window.includes(wanted)) return true;
    tail = window.subarray(Math.max(0, window.length - wanted.length + 1));
  }
  return false;
}
