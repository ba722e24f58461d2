/** A test of ours and the original's test of the same behaviour. */
export interface Behaviour {
  /** `<file below regress, without .test.ts> > <name>`, as the run prints it. */
  ours: string;
  /** Below the original's `test_runner/regress`; build type and Postgres version are put before the parameter. */
  original: string;
  /** Where the two differ in what they do besides. */
  note?: string;
}

/** The pair whose time is measured for itself, too. */
export const SLOW_READER: readonly Behaviour[] = [
  {
    ours: "slow-reader > a pageserver stops while a client sends page requests and never reads",
    original: "test_page_service_batching_regressions.py::test_slow_flush[pageserver-stop]",
  },
  {
    ours: "slow-reader > a tenant detaches while a client sends page requests and never reads",
    original: "test_page_service_batching_regressions.py::test_slow_flush[tenant-detach]",
  },
];

/**
 * One test of the original for each of ours, never the same twice. Where the original has several, it is one that does
 * as little as possible besides: `test_pageserver_restart` (a failpoint delays it by 15 s), `test_pageserver_recovery`
 * (a minute of updates in a debug build) and `test_compute_restarts` (17 computes) are left out; so is `test_neon_cli_basics`,
 * whose pageserver may start before the controller, which its own log check takes for an error.
 */
export const BEHAVIOURS: readonly Behaviour[] = [
  {
    ours: "compute-restart > rows survive a compute restart",
    original: "test_wal_acceptor.py::test_restart_endpoint_after_switch_wal",
  },
  {
    ours: "compute-restart > acknowledged rows survive SIGKILL of the compute",
    original: "test_endpoint_crash.py::test_endpoint_crash[trigger_panic]",
    note: "ours kills and starts again three times, the original crashes once and stays down",
  },
  {
    ours: "compute-restart > a transaction that was open at SIGKILL is rolled back",
    original: "test_wal_acceptor_async.py::test_recovery_uncommitted",
    note: "the original has three safekeepers and sleeps 2 s",
  },
  {
    ours: "databases-and-users > databases can be created and dropped, and both survive a restart",
    original: "test_createdropdb.py::test_createdb[file_copy]",
    note: "the original looks at a branch instead of a restarted compute",
  },
  {
    ours: "databases-and-users > users can be created and dropped, and keep their passwords and grants over a restart",
    original: "test_createuser.py::test_createuser",
    note: "the original looks at a branch instead of a restarted compute",
  },
  {
    ours: "branching > a branch at the head has the ancestor's rows, and the two go separate ways",
    original: "test_branching.py::test_branching_unnormalized_start_lsn",
  },
  {
    ours: "branching > a branch survives restarts of its compute and of the pageserver",
    original: "test_wal_acceptor.py::test_restart_endpoint",
    note: "the original has auth and three safekeepers, and restarts compute and safekeepers three times",
  },
  {
    ours: "branching > a branch can be made at an LSN in the past",
    original: "test_branch_behind.py::test_branch_behind",
    note: "the original writes 400,000 rows and makes three branches",
  },
  {
    ours: "safekeeper-quorum > rows survive SIGKILL of each safekeeper in turn",
    original: "test_wal_acceptor.py::test_restarts",
    note: "the original inserts 1,000 rows and restarts at random",
  },
  {
    ours: "safekeeper-quorum > commits stop without a majority of safekeepers and go on when it returns",
    original: "test_wal_acceptor_async.py::test_unavailability",
    note: "the original sleeps 2 s twice to see that nothing happens",
  },
  {
    ours: "pageserver-restart > a pageserver that was killed gets back what it had not flushed",
    original: "test_pageserver_catchup.py::test_pageserver_catchup_while_compute_down",
    note: "the original has three safekeepers and restarts them, too",
  },
  {
    ours: "pageserver-restart > a pageserver goes on after a clean restart, from its own files",
    original: "test_setup.py::test_fixture_restart",
    note: "the original restarts pageserver and safekeeper three times each, without a compute",
  },
  {
    ours: "pageserver-restart > every re-attach gives the pageserver a higher generation",
    original: "test_pageserver_generations.py::test_eviction_across_generations",
    note: "the original writes and reads on both sides of the restart",
  },
  {
    ours: "smgr > a compute reads its pages from the pageserver, on demand",
    original: "test_old_request_lsn.py::test_old_request_lsn",
    note: "the original makes the pageserver collect garbage ten times in between",
  },
  {
    ours: "tenants > two tenants have the same branch names and none of each other's rows",
    original: "test_tenants.py::test_tenants_normal_work",
    note: "the original has three safekeepers",
  },
  {
    ours: "tenants > a tenant that is detached and attached again has all its rows",
    original: "test_tenants_with_remote_storage.py::test_tenants_attached_after_download",
  },
  {
    ours: "settings > what a builder is told reaches the nodes",
    original: "test_tenant_conf.py::test_tenant_config",
    note: "the original asks and sets many times more",
  },
  {
    ours: "auth > a pageserver's HTTP API takes a tenant's token for that tenant, and its own for all",
    original: "test_auth.py::test_pageserver_auth",
  },
  {
    ours: "auth > a compute shows its token to the pageserver and to every safekeeper",
    original: "test_auth.py::test_compute_auth_to_pageserver",
    note: "ours restarts pageserver and compute besides",
  },
  {
    ours: "auth > a pageserver accepts every key of a directory, and forgets one that is gone when it reloads",
    original: "test_auth.py::test_pageserver_multiple_keys",
  },
  {
    ours: "auth > a pageserver that reloads its key accepts tokens of the new one only",
    original: "test_auth.py::test_pageserver_key_reload",
  },
  {
    ours: "auth > sessions of pageserver and safekeeper, auth enabled: true",
    original: "test_auth.py::test_auth_failures[True]",
  },
  {
    ours: "auth > sessions of pageserver and safekeeper, auth enabled: false",
    original: "test_auth.py::test_auth_failures[False]",
  },
  {
    ours: "auth > each port of a safekeeper can ask for tokens, or not, by itself",
    original: "test_wal_acceptor.py::test_sk_auth",
  },
  {
    ours: "auth > the storage controller asks for a scope by the kind of call",
    original: "test_storage_controller.py::test_storage_controller_auth",
  },
  {
    ours: "auth > with a token the pageserver's API lists and creates tenants and timelines",
    original: "test_pageserver_api.py::test_pageserver_http_api_client_auth_enabled",
  },
  {
    ours: "replicas > a replica follows its primary and refuses to write",
    original: "test_hot_standby.py::test_2_replicas_start",
  },
  {
    ours: "replicas > a replica lags, and catches up with what it missed",
    original: "test_physical_replication.py::test_physical_replication",
    note: "the original writes for longer",
  },
  {
    ours: "read-only > a read-only endpoint sees the past",
    original: "test_readonly_node.py::test_readonly_node",
    note: "the original writes 400,000 rows",
  },
  {
    ours: "compute-configuration > settings hold from the start on, or when a running compute is reconfigured",
    original: "test_config.py::test_config",
  },
  {
    ours: "compute-configuration > a compute goes over to other safekeepers",
    original: "test_wal_acceptor.py::test_replace_safekeeper",
  },
  {
    ours: "compute-configuration > sync-safekeepers brings all safekeepers to the same LSN",
    original: "test_wal_acceptor.py::test_sync_safekeepers",
  },
  {
    ours: "sharding > a running compute follows its tenant to another pageserver",
    original: "test_change_pageserver.py::test_change_pageserver",
  },
  {
    ours: "storage-controllers > a storage controller takes over from another, and the proxy follows",
    original: "test_storage_controller.py::test_storage_controller_leadership_transfer[False]",
    note: "the original has three pageservers",
  },
  {
    ours: "neon-local > neon_local starts everything, makes tenants and branches, and stops everything",
    original: "test_neon_cli.py::test_cli_start_stop",
    note: "the original makes no tenant, branch or compute",
  },
  {
    ours: "neon-local > neon_local lists timelines and tenants as the pageserver's API does",
    original: "test_neon_cli.py::test_cli_timeline_list",
  },
  {
    ours: "neon-local > neon_local starts and stops each of several nodes by itself",
    original: "test_neon_cli.py::test_cli_start_stop_multi",
  },
  {
    ours: "neon-local > neon_local refuses a second running primary of a timeline",
    original: "test_neon_local_cli.py::test_neon_two_primary_endpoints_fail",
  },
  {
    ours: "tools > wal_craft writes WAL that ends at a page's end, and a compute comes back from it",
    original:
      "test_crafted_wal_end.py::test_crafted_wal_end[interpreted-last_wal_record_xlog_switch_ends_on_page_boundary]",
  },
  ...SLOW_READER,
];
