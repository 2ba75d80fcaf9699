//! Everything a client may say, message by message: the answers are those of the server itself.

use anyhow::{Result, ensure};
use gateway_e2e::pipe::{Message, Pipe, outline};
use gateway_e2e::wire::{bind, execute, message, parse, sync};

use crate::Test;
use crate::scene::Scene;

pub(crate) const TESTS: &[Test] = &[
    ("conversation::simple_queries_of_several_statements", |scene| same(scene, &simple())),
    ("conversation::portals_with_limits_of_rows", |scene| same(scene, &portals())),
    ("conversation::named_statements_are_used_described_and_closed", |scene| same(scene, &named())),
    ("conversation::errors_discard_up_to_sync", |scene| same(scene, &errors())),
    ("conversation::several_syncs_are_under_way_at_once", |scene| same(scene, &pipelined())),
    ("conversation::binary_values_both_ways", |scene| same(scene, &binary())),
    ("conversation::copy_in_by_both_protocols_and_given_up", |scene| same(scene, &copying())),
    ("conversation::data_that_nobody_copies_is_ignored", |scene| same(scene, &stray_copy())),
    ("conversation::transaction_states_and_reported_settings", |scene| same(scene, &states())),
    ("conversation::flush_brings_answers_before_sync", flush),
    ("conversation::notifications_come_while_nothing_is_asked", notifications),
    ("conversation::a_session_that_ends_is_not_answered", goodbye),
];

/// What is said at once, and how many times the server is ready again before more is said.
type Script = Vec<(Vec<u8>, usize)>;

/// The same script past the gateway and through it: every byte of the answers must agree, except for where in the
/// server's source an error comes from: names that there are not the gateway misses itself, and adds a hint.
fn same(scene: &Scene, script: &Script) -> Result<()> {
    let direct = play(scene.direct()?, script)?;
    let through = play(scene.session()?, script)?;
    ensure!(direct.len() > 2, "a script without answers: {}", outline(&direct));
    let differs = direct.iter().zip(&through).find(|(direct, through)| !agree(direct, through));
    ensure!(differs.is_none(), "{differs:?}");
    ensure!(outline(&direct) == outline(&through), "{}\n{}", outline(&direct), outline(&through));
    Ok(())
}

fn agree(direct: &Message, through: &Message) -> bool {
    let words = |message: &Message| b"SVCMDP".map(|field| message.field(field));
    direct == through || (direct.kind == b'E' && through.kind == b'E' && words(direct) == words(through))
}

fn play(mut pipe: Pipe, script: &Script) -> Result<Vec<Message>> {
    let mut heard = Vec::new();
    for (bytes, readies) in script {
        pipe.send(bytes)?;
        for _ in 0..*readies {
            heard.extend(pipe.until_ready()?);
        }
    }
    Ok(heard)
}

fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), b"\0"])
}

fn describe(what: u8, name: &str) -> Vec<u8> {
    message(b'D', &[&[what], name.as_bytes(), b"\0"])
}

fn close(what: u8, name: &str) -> Vec<u8> {
    message(b'C', &[&[what], name.as_bytes(), b"\0"])
}

fn one(parts: &[Vec<u8>]) -> (Vec<u8>, usize) {
    (parts.concat(), 1)
}

fn simple() -> Script {
    let texts = [
        "select 1; select 'two', null; nonsense; select 3",
        "",
        " ; ;",
        "-- nothing",
        "begin; select 1/0",
        "select 1",
        "rollback; select 'again'",
        "do $$ begin raise notice 'hello'; end $$; select 1",
    ];
    texts.iter().map(|text| one(&[query(text)])).collect()
}

fn portals() -> Script {
    let rows = "select i from generate_series(1, 5) i";
    let start = [parse("", rows.as_bytes()), bind("", "", &[]), describe(b'P', "")];
    let limited = [execute("", 2), execute("", 2), execute("", 2), execute("", 2), sync()];
    vec![
        one(&[start.concat(), limited.concat()]),
        // Portals with names live as long as their transaction.
        one(&[query("begin")]),
        one(&[
            parse("s", rows.as_bytes()),
            bind("p", "s", &[]),
            bind("q", "s", &[]),
            execute("p", 3),
            sync(),
        ]),
        one(&[execute("q", 1), execute("p", 0), close(b'P', "q"), execute("q", 1), sync()]),
        one(&[query("rollback")]),
        one(&[execute("p", 1), sync()]),
    ]
}

fn named() -> Script {
    let add = b"select $1::int + $2::int as sum";
    vec![
        one(&[parse("add", add), describe(b'S', "add"), sync()]),
        one(&[
            bind("", "add", &["1", "2"]),
            execute("", 0),
            bind("", "add", &["3", "4"]),
            execute("", 0),
            sync(),
        ]),
        one(&[parse("add", b"select 1"), sync()]),
        one(&[bind("", "add", &["5"]), execute("", 0), sync()]),
        one(&[close(b'S', "add"), close(b'S', "never there"), sync()]),
        one(&[bind("", "add", &["5", "6"]), execute("", 0), sync()]),
    ]
}

fn errors() -> Script {
    let divide = [parse("d", b"select 10 / $1::int"), sync()];
    vec![
        one(&divide),
        one(&[
            bind("", "d", &["5"]),
            execute("", 0),
            bind("", "d", &["0"]),
            execute("", 0),
            bind("", "d", &["2"]),
            execute("", 0),
            sync(),
        ]),
        one(&[bind("", "d", &["no number"]), execute("", 0), describe(b'P', ""), sync()]),
        one(&[parse("", b"selec"), bind("", "", &[]), execute("", 0), sync()]),
        one(&[
            parse("", b"select i, 100 / (50 - i) from generate_series(1, 100) i"),
            bind("", "", &[]),
            execute("", 0),
            sync(),
        ]),
        one(&[execute("no portal", 0), sync()]),
        one(&[query("select 'fine'")]),
    ]
}

fn pipelined() -> Script {
    let good = [parse("", b"select 1"), bind("", "", &[]), execute("", 0), sync()].concat();
    let bad = [parse("", b"select 1/0"), bind("", "", &[]), execute("", 0), sync()].concat();
    let many = [
        good.clone(),
        bad.clone(),
        query("select 'in between'"),
        bad,
        good.clone(),
        query("select 1; selec"),
        good,
    ];
    vec![(many.concat(), 7), (query("select 1").repeat(50), 50)]
}

fn binary() -> Script {
    // Two values in binary, an integer and a text, and all results in binary.
    let body =
        [&b"\0\0"[..], &[0, 1, 0, 1, 0, 2, 0, 0, 0, 4, 0, 0, 0, 42, 0, 0, 0, 2, b'h', b'i', 0, 1, 0, 1]]
            .concat();
    let text = b"select $1::int4, $2::text, 1.5::numeric, now() is null, array[1, 2], null::int8";
    vec![one(&[parse("", text), message(b'B', &[&body]), describe(b'P', ""), execute("", 0), sync()])]
}

fn copying() -> Script {
    let data = |text: &str| message(b'd', &[text.as_bytes()]);
    let (done, failed) = (message(b'c', &[]), message(b'f', &[b"given up\0"]));
    let copy = || query("copy copied from stdin");
    vec![
        one(&[query("create temp table copied (id int, name text)")]),
        one(&[copy(), data("1\tone\n2\t"), data("two\n"), done.clone()]),
        one(&[copy(), data("3\tthree\n"), failed]),
        one(&[copy(), data("word\tno number\n"), done.clone()]),
        one(&[query("copy copied to stdout; select 'behind it'")]),
        one(&[query("copy copied from stdin; select count(*) from copied"), data("4\tfour\n"), done.clone()]),
        one(&[
            parse("", b"copy copied from stdin (format csv)"),
            bind("", "", &[]),
            execute("", 0),
            data("5,five\n"),
            done,
            sync(),
        ]),
        one(&[
            parse("", b"copy copied to stdout (format binary)"),
            bind("", "", &[]),
            execute("", 0),
            sync(),
        ]),
        one(&[query("copy (select 10 / (3 - i) from generate_series(1, 5) i) to stdout")]),
    ]
}

fn stray_copy() -> Script {
    let stray = [message(b'd', &[b"stray"]), message(b'c', &[]), message(b'f', &[b"stray\0"])].concat();
    vec![one(&[query("select 1")]), one(&[stray, query("select 2")])]
}

fn states() -> Script {
    let texts = [
        "begin",
        "savepoint one",
        "selec",
        "select 1",
        "rollback to one",
        "select 1",
        "commit",
        "commit",
        "set application_name = 'another'",
        "set timezone = 'Asia/Tokyo'; set datestyle = 'German'",
        "begin; set local timezone = 'UTC'",
        "rollback",
        "reset all",
        "discard all",
    ];
    texts.iter().map(|text| one(&[query(text)])).collect()
}

fn flush(scene: &Scene) -> Result<()> {
    for mut pipe in [scene.direct()?, scene.session()?] {
        pipe.send(&[parse("", b"select 1"), bind("", "", &[]), execute("", 0), message(b'H', &[])].concat())?;
        let mut heard = Vec::new();
        while heard.len() < 4 {
            heard.extend(pipe.message()?);
        }
        ensure!(outline(&heard) == "1 2 D C:SELECT 1", "{}", outline(&heard));
        pipe.send(&sync())?;
        ensure!(outline(&pipe.until_ready()?) == "Z:I");
    }
    Ok(())
}

fn notifications(scene: &Scene) -> Result<()> {
    let mut pipe = scene.session()?;
    pipe.ask("listen here")?;
    scene.server.sql("notify here, 'a payload'")?;
    let told = pipe.message()?;
    ensure!(told.as_ref().is_some_and(|told| told.kind == b'A'), "{told:?}");
    ensure!(outline(&pipe.ask("select 1")?) == "T D C:SELECT 1 Z:I");
    Ok(())
}

fn goodbye(scene: &Scene) -> Result<()> {
    let mut pipe = scene.session()?;
    pipe.send(&message(b'X', &[]))?;
    ensure!(pipe.is_closed()?, "somebody who has gone is answered");
    Ok(())
}
