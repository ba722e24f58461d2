import { failAt, failpoint } from "../../service";
import { formatManifest, manifestObject } from "../remote/tenant-manifest";
import type { Tenant } from "./tenant";

/** Writes to remote storage which timelines of a tenant are offloaded. */
export async function uploadManifest(tenant: Tenant): Promise<void> {
  await failAt("before-upload-manifest");
  await failpoint("before-upload-manifest-pausable");
  const bytes = Buffer.from(formatManifest(tenant.offloaded.values()));
  await tenant.node.remote.uploadBytes(manifestObject(tenant.key, tenant.generation), bytes);
}
