import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { messageOfUnknown } from "../../types";
import type { S3Fault } from "./faults";
import { MockS3Server } from "./server";
import type { MockS3Options } from "./server";

/** What the thread is told, and what it answers; see `MockS3`. */
export type ThreadCall =
  | { id: number; call: "set-faults"; faults: readonly S3Fault[]; bucket?: string | undefined }
  | { id: number; call: "create-bucket"; name: string }
  | { id: number; call: "remove-bucket"; name: string }
  | { id: number; call: "counts" }
  | { id: number; call: "close" };
export type ThreadAnswer = { id: number; value?: unknown; error?: string };
export type ThreadStart = { port: number } | { error: string };

async function carryOut(server: MockS3Server, call: ThreadCall): Promise<unknown> {
  switch (call.call) {
    case "set-faults":
      return server.setFaults(call.faults, call.bucket);
    case "create-bucket":
      return server.createBucket(call.name);
    case "remove-bucket":
      return server.removeBucket(call.name);
    case "counts":
      return server.counts();
    case "close":
      return server.close();
  }
}

async function serve(port: MessagePort): Promise<void> {
  try {
    const server = await MockS3Server.start(workerData as MockS3Options);
    port.on("message", (call: ThreadCall) => {
      carryOut(server, call).then(
        (value) => port.postMessage({ id: call.id, value } satisfies ThreadAnswer),
        (error: unknown) => port.postMessage({ id: call.id, error: messageOfUnknown(error) } satisfies ThreadAnswer),
      );
    });
    port.postMessage({ port: server.port } satisfies ThreadStart);
  } catch (error) {
    port.postMessage({ error: messageOfUnknown(error) } satisfies ThreadStart);
  }
}

if (parentPort !== null) void serve(parentPort);
