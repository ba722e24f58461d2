import { conflict, type Logger, notFound } from "../service";
import type { NodeAddress, NodeRecord, NodeScheduling } from "./model";

export type Availability = "Active" | "WarmingUp" | "Offline";

export interface PageserverNode {
  record: NodeRecord;
  availability: Availability;
  /** When the availability last changed or, while Active, was last confirmed; ms of performance.now(). */
  since: number;
  /** Its last answer to a heartbeat. */
  utilization?: unknown;
}

export type RegisterRequest = NodeAddress & { node_id: number; availability_zone_id?: string };

const ADDRESS_KEYS = ["listen_http_addr", "listen_http_port", "listen_pg_addr", "listen_pg_port"] as const;

/** The pageservers that the controller knows, and whether they live. */
export class Nodes {
  readonly #log: Logger;
  readonly #nodes = new Map<number, PageserverNode>();

  constructor(log: Logger, records: NodeRecord[]) {
    this.#log = log;
    for (const record of records) this.#add(record);
  }

  all(): PageserverNode[] {
    return [...this.#nodes.values()].toSorted((a, b) => a.record.id - b.record.id);
  }

  find(id: number): PageserverNode | undefined {
    return this.#nodes.get(id);
  }

  get(id: number): PageserverNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw notFound(`Node ${id} not registered`);
    return node;
  }

  /** Adds a node, or finds the one with the same address. 409 when its address is another. */
  register(request: RegisterRequest): PageserverNode {
    const known = this.#nodes.get(request.node_id);
    if (known !== undefined) {
      const moved = ADDRESS_KEYS.some((key) => known.record[key] !== request[key]);
      if (moved) throw conflict("Node is already registered with different address");
      return known;
    }
    this.#log.info(`Registered pageserver ${request.node_id}`);
    return this.#add({
      id: request.node_id,
      scheduling: "Active",
      availability_zone_id: request.availability_zone_id ?? "",
      listen_http_addr: request.listen_http_addr,
      listen_http_port: request.listen_http_port,
      listen_pg_addr: request.listen_pg_addr,
      listen_pg_port: request.listen_pg_port,
    });
  }

  remove(id: number): void {
    this.get(id);
    this.#nodes.delete(id);
  }

  setAvailability(node: PageserverNode, availability: Availability): void {
    node.since = performance.now();
    if (node.availability === availability) return;
    if (availability === "Offline") this.#log.info(`node ${node.record.id} going offline`);
    else this.#log.info(`Node ${node.record.id} transition to ${availability} (was ${node.availability})`);
    node.availability = availability;
  }

  setScheduling(node: PageserverNode, scheduling: NodeScheduling): void {
    node.record.scheduling = scheduling;
  }

  #add(record: NodeRecord): PageserverNode {
    const node: PageserverNode = { record, availability: "Offline", since: performance.now() };
    this.#nodes.set(record.id, node);
    return node;
  }
}

/** A node as the HTTP API shows it. */
export function describeNode(node: PageserverNode) {
  const { id, scheduling, ...rest } = node.record;
  return { id, availability: node.availability, scheduling, ...rest };
}
