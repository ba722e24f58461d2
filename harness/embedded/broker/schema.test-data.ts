const field = (id: number, type: string, extra: object = {}) => ({ id, type, ...extra });
const optional = { options: { proto3_optional: true } };

/** The broker's messages as a protobufjs descriptor, for the witness client in the tests. */
export const BROKER_SCHEMA = {
  nested: {
    storage_broker: {
      nested: {
        Empty: { fields: {} },
        TenantTimelineId: { fields: { tenant_id: field(1, "bytes"), timeline_id: field(2, "bytes") } },
        SafekeeperTimelineInfo: {
          fields: {
            safekeeper_id: field(1, "uint64"),
            tenant_timeline_id: field(2, "TenantTimelineId"),
            last_log_term: field(3, "uint64"),
            flush_lsn: field(4, "uint64"),
            commit_lsn: field(5, "uint64"),
            backup_lsn: field(6, "uint64"),
            remote_consistent_lsn: field(7, "uint64"),
            peer_horizon_lsn: field(8, "uint64"),
            local_start_lsn: field(9, "uint64"),
            safekeeper_connstr: field(10, "string"),
            availability_zone: field(11, "string", optional),
            term: field(12, "uint64"),
            http_connstr: field(13, "string"),
            standby_horizon: field(14, "uint64"),
          },
        },
        SafekeeperDiscoveryRequest: { fields: { tenant_timeline_id: field(1, "TenantTimelineId") } },
        SubscribeSafekeeperInfoRequest: {
          oneofs: { subscription_key: { oneof: ["all", "tenant_timeline_id"] } },
          fields: { all: field(1, "Empty"), tenant_timeline_id: field(2, "TenantTimelineId") },
        },
        TypeSubscription: { fields: { type: field(1, "int32") } },
        FilterTenantTimelineId: {
          fields: { enabled: field(1, "bool"), tenant_timeline_id: field(2, "TenantTimelineId") },
        },
        SubscribeByFilterRequest: {
          fields: {
            types: field(1, "TypeSubscription", { rule: "repeated" }),
            tenant_timeline_id: field(2, "FilterTenantTimelineId"),
          },
        },
        TypedMessage: {
          fields: {
            type: field(1, "int32"),
            safekeeper_timeline_info: field(2, "SafekeeperTimelineInfo"),
            safekeeper_discovery_request: field(3, "SafekeeperDiscoveryRequest"),
          },
        },
        BrokerService: {
          methods: {
            SubscribeSafekeeperInfo: {
              requestType: "SubscribeSafekeeperInfoRequest",
              responseType: "SafekeeperTimelineInfo",
              responseStream: true,
            },
            PublishSafekeeperInfo: {
              requestType: "SafekeeperTimelineInfo",
              requestStream: true,
              responseType: "Empty",
            },
            SubscribeByFilter: {
              requestType: "SubscribeByFilterRequest",
              responseType: "TypedMessage",
              responseStream: true,
            },
            PublishOne: { requestType: "TypedMessage", responseType: "Empty" },
          },
        },
      },
    },
  },
};
