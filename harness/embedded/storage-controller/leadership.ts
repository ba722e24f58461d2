import { request as httpRequest } from "node:http";
import { errorText, type Logger } from "../service";
import type { Controller } from "./controller";
import { shardText } from "./model";

/** Which instance of the controller may change anything. */
export type LeadershipStatus = "leader" | "stepped_down" | "candidate";

export interface LeaderRecord {
  address: string;
  started_at: string;
}

/** Asks the instance that led before to let go; it may be gone. */
export async function askToStepDown(leader: LeaderRecord, token: string | undefined, log: Logger): Promise<void> {
  log.info(`Sending step down request to ${leader.address}`);
  try {
    const status = await putStepDown(leader.address, token);
    if (status !== 200) log.info(`Leader at ${leader.address} answered the step down request with ${status}`);
  } catch (error) {
    log.info(`Leader at ${leader.address} did not answer the step down request: ${errorText(error)}`);
  }
}

const TIMEOUT_MS = 10_000;

function putStepDown(address: string, token: string | undefined): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const url = new URL("control/v1/step_down", address.endsWith("/") ? address : `${address}/`);
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = httpRequest(url, { method: "PUT", headers, agent: false, signal }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** What the next leader is told: what this one knew of the pageservers. */
export function observedState(controller: Controller): Record<string, unknown> {
  return Object.fromEntries(
    controller.shards.all().map(({ record, observed }) => {
      const locations = [...observed].map(([node, conf]) => [node, { conf: conf ?? null }]);
      return [shardText(record), { locations: Object.fromEntries(locations) as unknown }];
    }),
  );
}
