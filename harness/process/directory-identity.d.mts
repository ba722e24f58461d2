export function directoryIdentity(path: string): string | undefined;
