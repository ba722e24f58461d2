import { PageserverInspectApi } from "./inspect-api";

/**
 * The pageserver's HTTP API at this revision (neon-protocols §3.1); also what a storage controller passes through below
 * /v1. Each area extends the one before it: node, tenants, timelines, layers, inspection.
 */
export class PageserverClient extends PageserverInspectApi {}
