import { FailpointApi } from "../failpoints";
import type { CallOptions } from "../http/client";
import { parseMetrics } from "../metrics/parse";
import type { Metrics } from "../metrics/metrics";
import type {
  ControllerNode,
  ControllerSafekeeper,
  NodeAvailability,
  NodeRegistration,
  NodeSchedulingPolicy,
  NodeShards,
  SafekeeperRegistration,
  SafekeeperSchedulingPolicy,
} from "./node-types";

const LEADERSHIP = ["leader", "stepped_down", "candidate"] as const;

type LeadershipStatus = (typeof LEADERSHIP)[number];

/** The controller itself, and the pageservers and safekeepers that it knows. */
export abstract class ControllerNodeApi extends FailpointApi {
  protected readonly failpointRoute = { method: "PUT", path: "/debug/v1/failpoints" } as const;

  async status(call: CallOptions = {}): Promise<void> {
    await this.http.send("/status", call);
  }

  /** 503 until the controller has looked at all nodes, and on an instance that is not the leader. */
  async ready(call: CallOptions = {}): Promise<void> {
    await this.http.send("/ready", call);
  }

  async metrics(call: CallOptions = {}): Promise<Metrics> {
    return parseMetrics(await this.metricsText(call));
  }

  metricsText(call: CallOptions = {}): Promise<string> {
    return this.http.text("/metrics", call);
  }

  /** Whether this very instance leads, as its metrics say. */
  async leadershipStatus(call: CallOptions = {}): Promise<LeadershipStatus | undefined> {
    const metrics = await this.metrics(call);
    return LEADERSHIP.find((status) => metrics.value("storage_controller_leadership_status", { status }) === 1);
  }

  leader(call: CallOptions = {}): Promise<{ address: string; started_at: string } | null> {
    return this.http.json("/control/v1/leader", call);
  }

  /** Makes this instance hand over; its observed state by shard. Needs the scope controller_peer. */
  stepDown(call: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.http.json("/control/v1/step_down", { ...call, method: "PUT" });
  }

  listNodes(call: CallOptions = {}): Promise<ControllerNode[]> {
    return this.http.json("/control/v1/node", call);
  }

  node(nodeId: number, call: CallOptions = {}): Promise<ControllerNode> {
    return this.http.json(`/control/v1/node/${nodeId}`, call);
  }

  nodeShards(nodeId: number, call: CallOptions = {}): Promise<NodeShards> {
    return this.http.json(`/control/v1/node/${nodeId}/shards`, call);
  }

  async registerNode(node: NodeRegistration, call: CallOptions = {}): Promise<void> {
    await this.http.send("/control/v1/node", { ...call, method: "POST", body: node });
  }

  async configureNode(
    nodeId: number,
    change: { availability?: NodeAvailability; scheduling?: NodeSchedulingPolicy },
    call: CallOptions = {},
  ): Promise<void> {
    const body = { node_id: nodeId, ...change };
    await this.http.send(`/control/v1/node/${nodeId}/config`, { ...call, method: "PUT", body });
  }

  /** Takes the node out of service: its shards are scheduled elsewhere. */
  async deleteNode(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/node/${nodeId}`, { ...call, method: "DELETE" });
  }

  /** Forgets the node without moving anything away from it. */
  async dropNode(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/debug/v1/node/${nodeId}/drop`, { ...call, method: "POST" });
  }

  /** Starts to move shards off the node, and answers before they are gone. */
  async drainNode(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/node/${nodeId}/drain`, { ...call, method: "PUT" });
  }

  async cancelDrain(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/node/${nodeId}/drain`, { ...call, method: "DELETE" });
  }

  /** Starts to move shards onto the node, and answers before they are there. */
  async fillNode(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/node/${nodeId}/fill`, { ...call, method: "PUT" });
  }

  /** 412 where no fill is going on. */
  async cancelFill(nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/node/${nodeId}/fill`, { ...call, method: "DELETE" });
  }

  listSafekeepers(call: CallOptions = {}): Promise<ControllerSafekeeper[]> {
    return this.http.json("/control/v1/safekeeper", call);
  }

  safekeeper(id: number, call: CallOptions = {}): Promise<ControllerSafekeeper> {
    return this.http.json(`/control/v1/safekeeper/${id}`, call);
  }

  async upsertSafekeeper(safekeeper: SafekeeperRegistration, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/safekeeper/${safekeeper.id}`, { ...call, method: "POST", body: safekeeper });
  }

  async setSafekeeperPolicy(id: number, policy: SafekeeperSchedulingPolicy, call: CallOptions = {}): Promise<void> {
    const path = `/control/v1/safekeeper/${id}/scheduling_policy`;
    await this.http.send(path, { ...call, method: "POST", body: { scheduling_policy: policy } });
  }
}
