import { commits } from "./commits";
import { getPage } from "./get-page";
import { ingest } from "./ingest";
import type { Measurement } from "./measurement";

/** What `npm run bench:engine` measures, in this order. */
export const MEASUREMENTS: readonly Measurement[] = [getPage, ingest, commits];
