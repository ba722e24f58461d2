/** What one test of the original took, in seconds. */
export interface TestPhases {
  test: string;
  passed: boolean;
  setUp: number;
  body: number;
  tearDown: number;
}

interface PhaseLine {
  test: string;
  phase: "setup" | "call" | "teardown";
  outcome: "passed" | "failed" | "skipped";
  seconds: number;
}

/** Reads what `original/phases.py` wrote: one line of JSON per phase. */
export function readPhases(text: string): TestPhases[] {
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as PhaseLine);
  const names = [...new Set(lines.map((line) => line.test))];
  return names.map((test) => {
    const own = lines.filter((line) => line.test === test);
    const of = (phase: PhaseLine["phase"]): number => own.find((line) => line.phase === phase)?.seconds ?? 0;
    const passed = own.length === 3 && own.every((line) => line.outcome === "passed");
    return { test, passed, setUp: of("setup"), body: of("call"), tearDown: of("teardown") };
  });
}
