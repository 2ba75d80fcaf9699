//! What the session is, and how its text is read.

use super::{Proof, Text};

pub(super) const ROWS: &[Text] = &[
    (
        "backslash_quotes",
        Proof::Changes,
        &["set standard_conforming_strings = off", r"select 'a\'' ; drop table orders; --'"],
    ),
    (
        "standard_conforming_strings",
        Proof::Says("psn-off"),
        &[
            "set standard_conforming_strings = off; select 'psn-' || current_setting('standard_conforming_strings')",
        ],
    ),
    (
        "standard_conforming_strings_by_set_config",
        Proof::Says("psn-off"),
        &[
            "select set_config('standard_conforming_strings', 'off', false)",
            "select 'psn-' || current_setting('standard_conforming_strings')",
        ],
    ),
    (
        "standard_conforming_strings_by_update",
        Proof::Says("psn-off"),
        &[
            "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'",
            "select 'psn-' || current_setting('standard_conforming_strings')",
        ],
    ),
    (
        "client_encoding",
        Proof::Says("psn-SJIS"),
        &["set client_encoding = 'SJIS'", "select 'psn-' || current_setting('client_encoding')"],
    ),
    (
        "client_encoding_by_names",
        Proof::Says("psn-GBK"),
        &["set names 'GBK'", "select 'psn-' || current_setting('client_encoding')"],
    ),
    (
        "set_role",
        Proof::Says("psn-pg_read_all_data"),
        &["set role pg_read_all_data; select 'psn-' || current_user"],
    ),
    (
        "set_session_authorization",
        Proof::Says("psn-agent"),
        &["set session authorization agent; select 'psn-' || session_user"],
    ),
    (
        "set_role_by_set_config",
        Proof::Says("psn-pg_monitor"),
        &["select set_config('role', 'pg_monitor', false)", "select 'psn-' || current_user"],
    ),
    ("reset_role", Proof::Says("psn-reset"), &["reset role; select 'psn-' || 'reset'"]),
    (
        "session_replication_role",
        Proof::Says("psn-replica"),
        &[
            "set session_replication_role = replica; select 'psn-' || current_setting('session_replication_role')",
        ],
    ),
    (
        "row_security",
        Proof::Says("psn-off"),
        &["set row_security = off; select 'psn-' || current_setting('row_security')"],
    ),
    (
        "check_function_bodies",
        Proof::Says("psn-off"),
        &["set check_function_bodies to off; select 'psn-' || current_setting('check_function_bodies')"],
    ),
    (
        "local_preload",
        Proof::Says("psn-auto"),
        &["set session_preload_libraries = 'auto_explain'; select 'psn-' || 'auto'"],
    ),
    (
        "log_nothing",
        Proof::Says("psn-panic"),
        &["set log_min_messages = panic; select 'psn-' || current_setting('log_min_messages')"],
    ),
    (
        "zero_damaged_pages",
        Proof::Says("psn-on"),
        &["set zero_damaged_pages = on; select 'psn-' || current_setting('zero_damaged_pages')"],
    ),
    (
        "set_in_a_function_call",
        Proof::Says("psn-replica"),
        &[
            "with s as (select set_config('session_replication_role', 'replica', false) as r) select 'psn-' || r from s",
        ],
    ),
    ("listen", Proof::Says("LISTEN"), &["listen out"]),
    (
        "prepare_transaction",
        Proof::Says("PREPARE TRANSACTION"),
        &[
            "begin; insert into orders values (901, 'a', 1, 'b'); prepare transaction 'mine'",
            "rollback prepared 'mine'",
        ],
    ),
    (
        "snapshot",
        Proof::Says("psn-snapshot"),
        &["begin; select 'psn-' || 'snapshot' where pg_export_snapshot() is not null; rollback"],
    ),
    ("security_label", Proof::Says("provider"), &["security label on table orders is 'x'"]),
];
