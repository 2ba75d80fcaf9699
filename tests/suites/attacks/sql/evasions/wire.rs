//! Messages that no driver sends, or not in this order.

use gateway_e2e::wire::{Step, bind, execute, message, parse, sync};

use super::{Does, Evasion, Proof};

const DROP: &[u8] = b"drop table orders";

pub(super) fn rows() -> Vec<Evasion> {
    let harmless: &[u8] = b"select 1";
    [
        ("wire_extended", Proof::Changes, vec![Step::prepared(DROP, &[])]),
        (
            "wire_extended_with_a_parameter",
            Proof::Changes,
            vec![Step::prepared(b"delete from orders where $1::bool", &["true"])],
        ),
        (
            "wire_extended_with_a_tautology",
            Proof::Changes,
            vec![Step::prepared(b"delete from orders where $1 = $1", &["a"])],
        ),
        (
            "wire_secret_by_parameter",
            Proof::Leaks,
            vec![Step::prepared(b"select card from vault.secret where id = $1", &["1"])],
        ),
        (
            "wire_xml_by_parameter",
            Proof::Leaks,
            vec![Step::prepared(b"select query_to_xml($1, true, true, '')", &["table vault.secret"])],
        ),
        (
            "wire_run_by_parameter",
            Proof::Changes,
            vec![Step::prepared(b"select run($1)", &["delete from orders returning 1"])],
        ),
        (
            "wire_setting_by_parameter",
            Proof::Leaks,
            vec![
                Step::prepared(b"select set_config($1, $2, false)", &["search_path", "vault"]),
                Step::prepared(b"select card from secret", &[]),
            ],
        ),
        ("wire_middle_of_a_pipeline", Proof::Changes, vec![pipeline(&[harmless, DROP, harmless])]),
        ("wire_last_of_a_pipeline", Proof::Changes, vec![pipeline(&[harmless, harmless, DROP])]),
        (
            "wire_pipeline_of_syncs",
            Proof::Changes,
            vec![Step::bytes(
                [
                    Step::prepared(harmless, &[]).bytes,
                    Step::prepared(DROP, &[]).bytes,
                    Step::prepared(harmless, &[]).bytes,
                ]
                .concat(),
                3,
            )],
        ),
        (
            "wire_pipeline_of_queries",
            Proof::Changes,
            vec![Step::bytes(
                [Step::query(harmless).bytes, Step::query(DROP).bytes, Step::query(harmless).bytes].concat(),
                3,
            )],
        ),
        (
            "wire_query_before_the_sync",
            Proof::Changes,
            vec![
                Step::bytes([parse("", DROP), bind("", "", &[]), execute("", 0)].concat(), 0),
                Step::bytes([Step::query(harmless).bytes, sync()].concat(), 1),
            ],
        ),
        (
            "wire_flush_and_no_sync",
            Proof::Changes,
            vec![
                Step::bytes(
                    [parse("", DROP), bind("", "", &[]), execute("", 0), message(b'H', &[])].concat(),
                    0,
                ),
                Step::bytes(sync(), 1),
            ],
        ),
        (
            "wire_after_an_error",
            Proof::Changes,
            vec![Step::query(b"select 1 / 0"), Step::prepared(DROP, &[])],
        ),
        (
            "wire_name_used_again",
            Proof::Changes,
            vec![
                named(harmless),
                Step::bytes([message(b'C', &[b"Ss\0"]), sync()].concat(), 1),
                named(DROP),
                run_named(),
            ],
        ),
        (
            "wire_unnamed_parsed_twice",
            Proof::Changes,
            vec![Step::bytes(
                [parse("", harmless), parse("", DROP), bind("", "", &[]), execute("", 0), sync()].concat(),
                1,
            )],
        ),
        (
            "wire_portal_named",
            Proof::Changes,
            vec![Step::bytes([parse("s", DROP), bind("p", "s", &[]), execute("p", 1), sync()].concat(), 1)],
        ),
        (
            "wire_statement_prepared_in_sql",
            Proof::Changes,
            vec![Step::query(b"prepare s as delete from orders"), run_named()],
        ),
        (
            "wire_executed_by_sql",
            Proof::Changes,
            vec![named(b"delete from orders"), Step::query(b"execute s")],
        ),
        (
            "wire_cursor_opened_in_sql",
            Proof::Leaks,
            vec![
                Step::query(b"begin"),
                Step::query(b"declare p cursor for table vault.secret"),
                Step::bytes([execute("p", 0), sync()].concat(), 1),
            ],
        ),
        ("wire_function_call", Proof::Changes, vec![function_call()]),
        ("wire_binary_result", Proof::Leaks, vec![binary(b"select card from vault.secret")]),
        (
            "wire_two_statements_at_once",
            Proof::Says("psn-two"),
            vec![Step::query(b"drop table orders; select 'psn-' || 'two'")],
        ),
        (
            "wire_copy_in_to_another_table",
            Proof::Changes,
            vec![Step::query(b"copy customers from stdin").copying(b"500\ta\tb\n")],
        ),
        (
            "wire_copy_in_to_the_secret",
            Proof::Changes,
            vec![Step::query(b"copy vault.secret (id, card) from stdin").copying(b"500\ta\n")],
        ),
        (
            "wire_after_a_broken_copy",
            Proof::Changes,
            vec![Step::query(b"copy orders from stdin").copying(b"nonsense\n"), Step::query(DROP)],
        ),
        (
            "wire_suspended_portal",
            Proof::Leaks,
            vec![
                Step::query(b"begin"),
                Step::bytes(
                    [
                        parse("s", b"select card from vault.secret"),
                        bind("p", "s", &[]),
                        execute("p", 1),
                        sync(),
                    ]
                    .concat(),
                    1,
                ),
                Step::bytes([execute("p", 1), sync()].concat(), 1),
            ],
        ),
        (
            "wire_very_long_comment_first",
            Proof::Changes,
            vec![Step::query(&[b"/*".as_slice(), &vec![b'x'; 900_000], b"*/ drop table orders"].concat())],
        ),
        (
            "wire_very_long_list_first",
            Proof::Changes,
            vec![Step::query(
                &[b"select 1".as_slice(), &b", 1".repeat(1500), b"; drop table orders"].concat(),
            )],
        ),
        (
            "wire_many_parentheses",
            Proof::Changes,
            vec![Step::query(
                &[b"select ".as_slice(), &b"(".repeat(400), b"1", &b")".repeat(400), b"; drop table orders"]
                    .concat(),
            )],
        ),
    ]
    .into_iter()
    .map(|(name, proof, steps)| Evasion { name, proof, does: Does::Steps(steps) })
    .collect()
}

/// Several statements before one Sync.
fn pipeline(texts: &[&[u8]]) -> Step {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend([parse("", text), bind("", "", &[]), execute("", 0)].concat());
    }
    Step::bytes([bytes, sync()].concat(), 1)
}

fn named(text: &[u8]) -> Step {
    Step::bytes([parse("s", text), sync()].concat(), 1)
}

fn run_named() -> Step {
    Step::bytes([bind("", "s", &[]), execute("", 0), sync()].concat(), 1)
}

/// `lo_create(4714)`, by its number in the catalogue.
fn function_call() -> Step {
    const LO_CREATE: u32 = 715;
    let body = [
        LO_CREATE.to_be_bytes().as_slice(),
        &[0, 1, 0, 1],
        &[0, 1],
        &4_u32.to_be_bytes(),
        &4714_u32.to_be_bytes(),
        &[0, 1],
    ]
    .concat();
    Step::bytes(message(b'F', &[&body]), 1)
}

fn binary(text: &[u8]) -> Step {
    let bind = message(b'B', &[b"\0\0", &[0, 0, 0, 0, 0, 1, 0, 1]]);
    Step::bytes([parse("", text), bind, execute("", 0), sync()].concat(), 1)
}
