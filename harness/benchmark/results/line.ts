/** Whether more or less of it is better; a parameter is neither, it only says what was done. */
export type Direction = "higher" | "lower" | "parameter";

export type SystemName = "neon" | "vanilla" | "remote";

/** Where and with what a benchmark ran; the same for all lines of one test. */
export interface BenchmarkContext {
  /** All lines of one run of the command have this in common. */
  readonly run: string;
  /** `A` or `B`, where two are compared. */
  readonly side: string | undefined;
  /** What the side stands for, as it was typed. */
  readonly sideText?: string | undefined;
  /** Values of A and B that belong together were measured one after the other. */
  readonly round: number | undefined;
  /** What a person calls the machine: PLATFORM, default `local`. */
  readonly platform: string;
  /** Of what is measured: GITHUB_SHA, or the commit of the project. */
  readonly revision: string;
  /** Of the system that was measured, in one line. */
  readonly engine: string;
  /** Numbers of the embedded engine say nothing about Neon. */
  readonly isEmbedded: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly scale: number;
}

/** One measured value: a line of a result file. Each is complete by itself, so that an aborted run leaves what it had. */
export interface BenchmarkLine extends BenchmarkContext {
  /** Of this form; readers pass over others. */
  readonly version: 1;
  /** Epoch ms. */
  readonly at: number;
  /** Without the system's name, so that systems can be set side by side. */
  readonly benchmark: string;
  readonly system: SystemName;
  /** Whose memory or processor time it is, where it is a process'. */
  readonly node?: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly direction: Direction;
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** What belongs into one series: the same benchmark, metric and system, with the same parameters. */
export function seriesKey(line: BenchmarkLine): string {
  return JSON.stringify([
    line.benchmark,
    line.node,
    line.name,
    line.unit,
    line.system,
    sorted(line.parameters),
    line.scale,
  ]);
}

function sorted(parameters: BenchmarkLine["parameters"]): [string, string | number][] {
  return Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
