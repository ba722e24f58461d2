import { commits } from "./commits";
import { getPage } from "./get-page";
import { ingest } from "./ingest";
import type { Measurement } from "./measurement";
import { restart, start } from "./start";

/** What `npm run bench:engine` measures, in this order. */
export const MEASUREMENTS: readonly Measurement[] = [start, restart, getPage, ingest, commits];
