import { HarnessError } from "../types";
import type { TenantId, TimelineId } from "../types";

/** What a branch name stands for. */
export interface Branch {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/** The names that a person gave to timelines: a name is one per tenant, and the same name may be in several. */
export class Branches {
  readonly #branches = new Map<string, Branch>();

  get all(): { name: string; branch: Branch }[] {
    return [...this.#branches].map(([key, branch]) => ({ name: nameIn(key), branch }));
  }

  remember(name: string, branch: Branch): void {
    this.#branches.set(keyOf(name, branch.tenantId), branch);
  }

  /** Throws MISUSE for a name that the tenant doesn't have. */
  get(name: string, tenantId: TenantId): Branch {
    const found = this.#branches.get(keyOf(name, tenantId));
    if (found !== undefined) return found;
    const known = this.all.filter(({ branch }) => branch.tenantId === tenantId).map((each) => each.name);
    throw new HarnessError("MISUSE", {
      summary: `there is no branch ${name} in tenant ${tenantId}`,
      expected: known.length === 0 ? "createTenant() or initStart() first" : `one of ${known.join(", ")}`,
      found: name,
    });
  }
}

const keyOf = (name: string, tenantId: TenantId): string => `${tenantId}/${name}`;
const nameIn = (key: string): string => key.slice(key.indexOf("/") + 1);
