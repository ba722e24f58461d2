import { S3Failure } from "../../../storage/s3/client";
import { hasErrorCode } from "../errors";

/** This kind of storage can't do that at all. */
export class Unimplemented extends Error {
  constructor() {
    super("unimplemented for the configured remote storage");
  }
}

export const isUnimplemented = (error: unknown): error is Unimplemented => error instanceof Unimplemented;

/** Whether a second try can't end otherwise: what is asked for isn't there, or the keys are no good. */
export function isUnrecoverable(error: unknown): boolean {
  if (error instanceof S3Failure)
    return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429;
  return error instanceof Unimplemented || hasErrorCode(error, "ENOENT");
}
