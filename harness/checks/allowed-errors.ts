/**
 * Lines at WARN or ERROR that a healthy node may write in any test. Each pattern was seen on a real node and has its
 * reason; what only some tests cause belongs into the node's `allowedErrors` in those tests.
 */
export const PAGESERVER_ALLOWED: readonly RegExp[] = [];

export const STORAGE_CONTROLLER_ALLOWED: readonly RegExp[] = [];
