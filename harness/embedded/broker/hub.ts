import type { RoutedMessage, TenantTimelineId } from "./messages";

export interface Subscriber {
  filter: "all" | TenantTimelineId;
  types: ReadonlySet<number>;
  /** Takes the message unless it is too slow; false: dropped. */
  deliver(message: RoutedMessage): boolean;
}

export interface HubCounts {
  processed: number;
  broadcasted: number;
  allKeys: number;
  perTimeline: number;
}

function keyOf(id: TenantTimelineId): string {
  return `${id.tenantId}/${id.timelineId}`;
}

/** Who listens to what. Keeps no message: who subscribes later learns of a timeline when it is published next. */
export class Hub {
  readonly #everything = new Set<Subscriber>();
  readonly #perTimeline = new Map<string, Set<Subscriber>>();
  #processed = 0;
  #broadcasted = 0;

  subscribe(subscriber: Subscriber): void {
    this.#groupOf(subscriber).add(subscriber);
  }

  unsubscribe(subscriber: Subscriber): void {
    const group = this.#groupOf(subscriber);
    group.delete(subscriber);
    if (subscriber.filter !== "all" && group.size === 0) this.#perTimeline.delete(keyOf(subscriber.filter));
  }

  publish(message: RoutedMessage): void {
    this.#processed += 1;
    for (const group of [this.#everything, this.#perTimeline.get(keyOf(message)) ?? []]) {
      for (const subscriber of group) {
        if (subscriber.types.has(message.type) && subscriber.deliver(message)) this.#broadcasted += 1;
      }
    }
  }

  counts(): HubCounts {
    const perTimeline = [...this.#perTimeline.values()].reduce((sum, group) => sum + group.size, 0);
    return {
      processed: this.#processed,
      broadcasted: this.#broadcasted,
      allKeys: this.#everything.size,
      perTimeline,
    };
  }

  #groupOf(subscriber: Subscriber): Set<Subscriber> {
    if (subscriber.filter === "all") return this.#everything;
    const key = keyOf(subscriber.filter);
    const group = this.#perTimeline.get(key) ?? new Set();
    this.#perTimeline.set(key, group);
    return group;
  }
}
