import { copyDone } from "./backend-messages";
import type { MessageChannel } from "./message-channel";

/** The sending side of COPY … TO STDOUT. */
export interface CopyOutStream {
  /** False means that the socket is over its high-water mark: await `drained()` before writing more. */
  write(payload: Buffer): boolean;
  /** Rejects with ConnectionError when the connection closes. */
  drained(): Promise<void>;
  /** Sends CopyDone; the command's CommandComplete is still to be sent. */
  finish(): void;
}

export function copyOutOn(channel: MessageChannel): CopyOutStream {
  return {
    write: (payload) => channel.send("d", payload),
    drained: () => channel.drained(),
    finish: () => void channel.sendRaw(copyDone),
  };
}
