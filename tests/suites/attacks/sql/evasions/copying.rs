//! COPY, in all its forms.

use super::{Proof, Text};

pub(super) const ROWS: &[Text] = &[
    ("copy_to_stdout", Proof::Leaks, &["copy vault.secret to stdout"]),
    ("copy_columns_to_stdout", Proof::Leaks, &["copy vault.secret (card) to stdout with csv header"]),
    ("copy_binary", Proof::Leaks, &["copy vault.secret to stdout (format binary)"]),
    ("copy_a_query", Proof::Leaks, &["copy (select card from vault.secret) to stdout"]),
    ("copy_a_table_statement", Proof::Leaks, &["copy (table vault.secret) to stdout"]),
    ("copy_a_delete", Proof::Changes, &["copy (delete from orders returning id) to stdout"]),
    ("copy_an_update", Proof::Changes, &["copy (update orders set note = 'x' returning id) to stdout"]),
    (
        "copy_a_cte_that_deletes",
        Proof::Changes,
        &["copy (with d as (delete from orders returning id) select * from d) to stdout"],
    ),
    ("copy_a_function", Proof::Changes, &["copy (select wipe()) to stdout"]),
    ("copy_to_a_file", Proof::Changes, &["copy orders to '{folder}/loot/a'"]),
    ("copy_a_query_to_a_file", Proof::Changes, &["copy (select 1) to '{folder}/loot/b' csv"]),
    ("copy_to_a_program", Proof::Changes, &["copy orders to program 'cat > {folder}/loot/c'"]),
    (
        "copy_to_a_program_with_an_escape_string",
        Proof::Changes,
        &[r"copy (select 1) to program E'touch {folder}/loot\x2fd'"],
    ),
    ("copy_from_a_program", Proof::Changes, &["copy orders (id) from program 'echo 9000'"]),
    (
        "copy_from_a_program_into_an_allowed_table",
        Proof::Changes,
        &["copy orders from program $$touch {folder}/loot/e$$"],
    ),
    ("copy_from_a_file", Proof::Changes, &["copy orders (note, id) from program 'printf \"x\\t9001\\n\"'"]),
    ("old_copy_syntax", Proof::Leaks, &["copy binary vault.secret to stdout"]),
    ("old_copy_delimiters", Proof::Leaks, &["copy vault.secret to stdout using delimiters ','"]),
];
