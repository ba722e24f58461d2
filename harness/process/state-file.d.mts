export function writeState(state: string, file: string, content: object): void;
export function readState(state: string, file: string): unknown;
