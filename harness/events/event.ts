interface Timed {
  /** Epoch milliseconds of its beginning, with fractions. */
  readonly at: number;
  /** How long it took, for what has a length. */
  readonly ms?: number | undefined;
  /** Who it happened to: `pageserver-1`. */
  readonly node?: string | undefined;
}

/** What the harness did to a node, or waited for, in one test; a line of its `events.jsonl`. */
export type HarnessEvent = Timed &
  (
    | { readonly kind: "test"; readonly what: string }
    | { readonly kind: "spawn"; readonly pid: number; readonly command: string }
    | { readonly kind: "ready"; readonly pid: number }
    | { readonly kind: "exit"; readonly pid: number; readonly how: string }
    | { readonly kind: "kill"; readonly pid: number; readonly signal: string }
    | { readonly kind: "stop"; readonly pid: number; readonly how: string }
    | { readonly kind: "fault"; readonly what: string }
    | { readonly kind: "query"; readonly text: string; readonly error?: string | undefined }
    | {
        readonly kind: "request";
        readonly text: string;
        readonly status?: number | undefined;
        readonly error?: string | undefined;
      }
    | { readonly kind: "wait"; readonly what: string; readonly outcome: "done" | "failed"; readonly last: string }
  );

/** An event as it is reported; the moment is added. */
type WithoutTime<E> = E extends unknown ? Omit<E, "at"> : never;
export type NewEvent = WithoutTime<HarnessEvent>;

export const nowMs = (): number => performance.timeOrigin + performance.now();
