//! Files and programs of the server.

use super::{Proof, Text};

pub(super) const ROWS: &[Text] = &[
    ("read_a_file", Proof::Says("psn-file"), &["select pg_read_file('{folder}/loot/present')"]),
    (
        "read_a_file_in_bytes",
        Proof::Says("70736e2d66696c65"),
        &["select pg_read_binary_file('{folder}/loot/present')"],
    ),
    (
        "read_a_part_of_a_file",
        Proof::Says("psn-file"),
        &["select pg_catalog.pg_read_file('{folder}/loot/present', 0, 8)"],
    ),
    ("list_a_folder", Proof::Says("present"), &["select pg_ls_dir('{folder}/loot')"]),
    (
        "list_a_folder_in_from",
        Proof::Says("present"),
        &["select * from pg_ls_dir('{folder}/loot', true, true)"],
    ),
    (
        "stat_a_file",
        Proof::Says("psn-8"),
        &["select 'psn-' || size from pg_stat_file('{folder}/loot/present')"],
    ),
    ("list_the_log", Proof::Says("psn-wal"), &["select 'psn-' || 'wal' from pg_ls_waldir() limit 1"]),
    ("import_a_large_object", Proof::Changes, &["select lo_import('{folder}/loot/present')"]),
    (
        "export_a_large_object",
        Proof::Changes,
        &["select lo_from_bytea(4720, 'x')", "select lo_export(4720, '{folder}/loot/exported')"],
    ),
    (
        "file_through_a_foreign_table",
        Proof::Says("psn-file"),
        &[
            "create extension file_fdw; create server f foreign data wrapper file_fdw; create foreign table f (t text) server f options (filename '{folder}/loot/present'); select * from f",
        ],
    ),
    (
        "write_with_adminpack",
        Proof::Changes,
        &["create extension adminpack; select pg_file_write('{folder}/loot/x', 'x', false)"],
    ),
    ("load_a_library", Proof::Says("psn-loaded"), &["load 'auto_explain'; select 'psn-' || 'loaded'"]),
    (
        "function_in_c",
        Proof::Changes,
        &["create function evil(text) returns text as '$libdir/dblink', 'dblink_connect' language c strict"],
    ),
    (
        "current_log_file",
        Proof::Says("psn-log"),
        &["select 'psn-' || 'log' where pg_current_logfile() is null"],
    ),
    ("rotate_the_log", Proof::Says("psn-reload"), &["select 'psn-' || 'reload' where pg_reload_conf()"]),
    ("switch_wal", Proof::Says("psn-wal"), &["select 'psn-' || 'wal' from (select pg_switch_wal()) s"]),
    ("checkpoint", Proof::Says("CHECKPOINT"), &["checkpoint"]),
    ("replication_slot", Proof::Changes, &["select pg_create_physical_replication_slot('mine')"]),
    ("backup", Proof::Says("psn-backup"), &["select 'psn-' || 'backup' from pg_backup_start('x', true)"]),
    (
        "restore_point",
        Proof::Says("psn-point"),
        &["select 'psn-' || 'point' from (select pg_create_restore_point('x')) s"],
    ),
    (
        "statistics_reset",
        Proof::Says("psn-reset"),
        &["select 'psn-' || 'reset' from (select pg_stat_reset()) s"],
    ),
    ("vacuum", Proof::Says("VACUUM"), &["vacuum orders"]),
    ("vacuum_full", Proof::Says("VACUUM"), &["vacuum (full, analyze) orders"]),
    ("reindex", Proof::Says("REINDEX"), &["reindex table orders"]),
    ("cluster_all", Proof::Says("CLUSTER"), &["cluster"]),
    ("refresh_materialized_view", Proof::Says("REFRESH"), &["refresh materialized view kept"]),
];
