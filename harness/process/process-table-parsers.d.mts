import type { ProcessRow } from "./process-table.mjs";

export function parsePs(text: string): ProcessRow[];
export function parseCwds(text: string): Map<number, string>;
export function parseEnvironments(text: string): Map<number, string>;
