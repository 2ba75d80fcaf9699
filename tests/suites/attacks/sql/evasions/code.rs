//! Code that the statement only points at: blocks, functions, text that is run, operators, casts, defaults.

use super::{Proof, Text};

pub(super) const ROWS: &[Text] = &[
    ("do_block", Proof::Changes, &["do $$begin delete from orders; end$$"]),
    (
        "do_block_with_language_first",
        Proof::Changes,
        &["do language plpgsql 'begin delete from orders; end'"],
    ),
    (
        "do_block_built_from_characters",
        Proof::Changes,
        &["do $$begin execute chr(100) || 'rop table orders'; end$$"],
    ),
    (
        "do_block_built_from_pieces",
        Proof::Changes,
        &["do $x$begin execute format('%s %s', 'truncate', 'orders'); end$x$"],
    ),
    ("function_that_deletes", Proof::Changes, &["select wipe()"]),
    ("function_that_deletes_by_full_name", Proof::Changes, &["select public.wipe()"]),
    ("function_in_quotes", Proof::Changes, &["select \"wipe\"()"]),
    ("function_in_from", Proof::Changes, &["select * from wipe()"]),
    ("function_in_rows_from", Proof::Changes, &["select * from rows from (wipe(), generate_series(1, 2))"]),
    ("function_in_where", Proof::Changes, &["select id from orders where wipe() = 1"]),
    ("function_in_order", Proof::Changes, &["select id from orders order by wipe()"]),
    ("function_in_limit", Proof::Changes, &["select id from orders limit wipe()"]),
    ("function_in_having", Proof::Changes, &["select count(*) from orders having wipe() = 1"]),
    ("function_in_a_window", Proof::Changes, &["select row_number() over (order by wipe()) from orders"]),
    ("function_in_lateral", Proof::Changes, &["select * from customers c, lateral wipe_all(c.id) w"]),
    ("function_in_a_case", Proof::Changes, &["select case when id > 0 then wipe() end from orders limit 1"]),
    ("function_in_values", Proof::Changes, &["values (wipe())"]),
    ("function_in_an_array", Proof::Changes, &["select array[wipe()]"]),
    ("function_in_a_filter", Proof::Changes, &["select count(*) filter (where wipe() = 1) from orders"]),
    ("function_in_a_join", Proof::Changes, &["select 1 from orders o join customers c on wipe() = 1"]),
    (
        "function_in_returning",
        Proof::Changes,
        &["insert into orders values (900, 'a', 1, 'b') returning wipe()"],
    ),
    (
        "function_in_an_inserted_value",
        Proof::Changes,
        &["insert into orders values (wipe() + 900, 'a', 1, 'b')"],
    ),
    (
        "function_in_grouping_sets",
        Proof::Changes,
        &["select count(*) from orders group by grouping sets ((wipe()))"],
    ),
    ("function_in_distinct_on", Proof::Changes, &["select distinct on (wipe()) id from orders"]),
    ("function_in_a_sample", Proof::Changes, &["select id from orders tablesample bernoulli (wipe())"]),
    ("function_in_fetch_first", Proof::Changes, &["select id from orders fetch first (wipe()) rows only"]),
    ("function_in_a_row", Proof::Changes, &["select (row(wipe(), 2)).f1"]),
    ("function_by_attribute", Proof::Changes, &["select (c.id).wipe_all from customers c"]),
    (
        "function_as_a_column_of_a_row",
        Proof::Changes,
        &[
            "create function taken(customers) returns int language plpgsql as 'begin delete from orders; return 1; end'; select c.taken from customers c",
        ],
    ),
    ("function_in_a_prepared_statement", Proof::Changes, &["prepare p as select wipe()", "execute p"]),
    (
        "function_as_an_argument_of_execute",
        Proof::Changes,
        &["prepare p(int) as select $1", "execute p(wipe())"],
    ),
    ("function_in_a_cursor", Proof::Changes, &["begin; declare c cursor for select wipe(); fetch c; commit"]),
    (
        "function_with_named_arguments",
        Proof::Says("psn-run"),
        &["select run(sql => $$select 'psn-' || 'run'$$)"],
    ),
    ("function_that_runs_text", Proof::Changes, &["select run('delete from orders returning 1')"]),
    ("function_of_the_same_name_as_a_harmless_one", Proof::Changes, &["select lower(1)"]),
    ("call", Proof::Changes, &["call purge()"]),
    ("call_by_full_name", Proof::Changes, &["call \"public\".\"purge\"()"]),
    ("operator_of_ones_own", Proof::Changes, &["select 1 ### 2"]),
    ("operator_by_full_name", Proof::Changes, &["select 1 operator(public.###) 2"]),
    ("operator_in_where", Proof::Changes, &["select id from orders where id ### 1 = 1"]),
    (
        "operator_in_any",
        Proof::Changes,
        &["create operator =#= (leftarg = int, rightarg = int, function = wiping); select 1 =#= 2"],
    ),
    ("aggregate_of_ones_own", Proof::Changes, &["select wiping_all(id) from customers"]),
    ("aggregate_over_a_window", Proof::Changes, &["select wiping_all(id) over () from customers"]),
    ("cast_with_a_function", Proof::Changes, &["select 1::wrapped"]),
    ("cast_by_keyword", Proof::Changes, &["select cast(id as wrapped) from customers"]),
    ("domain_with_a_check", Proof::Changes, &["select 1::picky"]),
    ("query_to_xml", Proof::Leaks, &["select query_to_xml('select card from vault.secret', true, true, '')"]),
    (
        "query_to_xml_and_schema",
        Proof::Leaks,
        &["select query_to_xml_and_xmlschema('table vault.secret', true, true, '')"],
    ),
    ("table_to_xml", Proof::Leaks, &["select table_to_xml('vault.secret', true, true, '')"]),
    ("schema_to_xml", Proof::Leaks, &["select schema_to_xml('vault', true, true, '')"]),
    ("database_to_xml", Proof::Leaks, &["select database_to_xml(true, true, '')"]),
    (
        "cursor_to_xml",
        Proof::Leaks,
        &[
            "begin; declare c cursor for select card from vault.secret; select cursor_to_xml('c', 10, true, true, ''); commit",
        ],
    ),
    (
        "dblink",
        Proof::Leaks,
        &[
            "select * from dblink('host={folder} port={port} dbname={database} user=postgres', 'select card from vault.secret') as t(card text)",
        ],
    ),
    (
        "dblink_exec",
        Proof::Changes,
        &[
            "select dblink_exec('host={folder} port={port} dbname={database} user=postgres', 'delete from orders')",
        ],
    ),
    (
        "dblink_connect",
        Proof::Changes,
        &[
            "select dblink_connect('c', 'host={folder} port={port} dbname={database} user=postgres'); select dblink_exec('c', 'drop table orders')",
        ],
    ),
    (
        "crosstab",
        Proof::Leaks,
        &["select * from crosstab('select 1, 1, card from vault.secret') as t(a int, b text)"],
    ),
    (
        "ts_stat",
        Proof::Leaks,
        &["select * from ts_stat('select array_to_tsvector(array[card]) from vault.secret')"],
    ),
    (
        "ts_rewrite",
        Proof::Leaks,
        &[
            "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, (quote_literal(card))::tsquery from vault.secret')",
        ],
    ),
    ("sleep", Proof::Stalls, &["select pg_sleep(2)"]),
    ("sleep_for", Proof::Stalls, &["select pg_sleep_for('2 seconds')"]),
    ("sleep_until", Proof::Stalls, &["select pg_sleep_until(clock_timestamp() + interval '2 seconds')"]),
    (
        "sleep_by_full_name",
        Proof::Stalls,
        &["select 1 from orders where pg_catalog.pg_sleep(2) is not null limit 1"],
    ),
    ("terminate", Proof::Kills, &["select pg_terminate_backend({victim})"]),
    (
        "terminate_all",
        Proof::Kills,
        &[
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
        ],
    ),
    (
        "terminate_in_a_sub_select",
        Proof::Kills,
        &["select (select pg_catalog.\"pg_terminate_backend\"({victim}))"],
    ),
];
