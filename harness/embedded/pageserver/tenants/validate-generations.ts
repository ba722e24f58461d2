import { sleepAt } from "../../service";
import type { PageserverConfig } from "../config/config";
import { generationKey, type ValidateGenerations } from "../remote/deletion-queue";
import { upcall } from "./upcall";

const TIMEOUT_MS = 10_000;

/** Asks the storage controller with /upcall/v1/validate. Without a control plane nobody else can have the tenants. */
export function validatorFor(config: PageserverConfig): ValidateGenerations {
  const { controlPlaneApi, controlPlaneToken } = config;
  return async (shards, signal) => {
    if (controlPlaneApi === undefined) return new Set(shards.map(generationKey));
    await sleepAt("control-plane-client-validate-sleep", signal);
    const url = `${controlPlaneApi.replace(/\/$/, "")}/validate`;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const { tenants } = await upcall<Answer>(url, { tenants: shards }, controlPlaneToken, limited);
    const valid = new Set(tenants.filter((tenant) => tenant.valid).map(({ id }) => id));
    return new Set(shards.filter(({ id }) => valid.has(id)).map(generationKey));
  };
}

interface Answer {
  readonly tenants: readonly { readonly id: string; readonly valid: boolean }[];
}
