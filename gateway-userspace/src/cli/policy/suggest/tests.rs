use super::*;
use crate::cli::policy::court::Outcome;

const CONFIG: &str = "[agents.coder]\nslice = \"a.slice\"\ntargets = \"orders\"\n\
    [targets.orders]\nprotocol = \"postgres\"\nhosts = \"10.0.0.1\"\nports = 5432\n\
    [targets.orders.postgres]\nuser = \"app\"\npassword = \"env:PASSWORD\"\ndanger_judging = \"off\"\n";

const DONE: [&str; 14] = [
    "select id, state from orders where customer = 3",
    "select count(*) from public.order_lines",
    "update public.orders set state = 'paid' where id = 5",
    "delete from public.order_lines where order_id = 9",
    "insert into audit.log (what) values ('x')",
    "truncate scratch.t",
    "create table scratch.t (a int)",
    "create schema scratch",
    "create function scratch.f() returns int language sql as 'select 1'",
    "select pg_sleep(1)",
    "set work_mem = '1MB'",
    "listen news",
    "begin",
    "copy public.orders (id) to stdout",
];

const NOT_DONE: [&str; 16] = [
    "select * from orders",
    "select total from public.orders",
    "select order_id, price from public.order_lines",
    "select id from sales.orders",
    "update public.orders set state = 'paid'",
    "update public.orders set total = 0 where id = 5",
    "delete from public.orders where id = 1",
    "insert into audit.log (who) values ('x')",
    "truncate scratch.u",
    "create table public.t (a int)",
    "create view scratch.v as select 1",
    "drop schema scratch",
    "select pg_read_file('x')",
    "set role postgres",
    "notify news",
    "select set_config('search_path', 'x', false)",
];

fn subject(database: &str) -> Subject {
    Subject { agent: "coder".into(), person: None, target: "orders".into(), database: database.into() }
}

fn recorded(text: &str, database: &str) -> Recorded {
    Recorded { subject: subject(database), text: text.into(), outcome: Outcome::Allowed, count: 2 }
}

fn suggestion(done: Vec<Recorded>) -> (Suggestion, Config) {
    let config = config::fixture(CONFIG);
    let commands = Commands { commands: done, sessions: 1 };
    let suggestion = Suggestion::of(&commands, &config, "public").expect("a suggestion");
    let rules = config::rules_of(&suggestion.text).map_err(|mistakes| mistakes.listing()).expect("rules");
    (suggestion, Config { rules, postgres: enforced(&config), ..config })
}

#[test]
fn what_was_done_is_allowed_and_nothing_beside_it() {
    let done = DONE.iter().map(|text| recorded(text, "shop")).collect();
    let (suggestion, config) = suggestion(done);
    assert_eq!((suggestion.covered, suggestion.uncovered), (2 * DONE.len() as u64, 0), "{}", suggestion.text);
    let court = Court::new(&config);
    let judged = |database: &str, text: &str| {
        let read = facts(text);
        court.judge(&subject(database), &supposing("public", &read).unwrap_or(read)).answer()
    };
    for text in DONE {
        assert_eq!(judged("shop", text), Answer::Allowed, "{text}\n{}", suggestion.text);
        assert_eq!(judged("other", text), Answer::Denied, "{text}\n{}", suggestion.text);
    }
    for text in NOT_DONE {
        assert_eq!(judged("shop", text), Answer::Denied, "{text}\n{}", suggestion.text);
    }
}

#[test]
fn what_no_rule_can_allow_is_said() {
    let odd = ["do $$ begin end $$", "select \"a*\".b from public.\"a*\"", "select 1", "listen news"];
    let (suggestion, _) = suggestion(odd.iter().map(|text| recorded(text, "shop")).collect());
    assert_eq!((suggestion.covered, suggestion.uncovered), (4, 4), "{}", suggestion.text);
    assert!(suggestion.text.contains("# Not covered: do ? (the statement runs code"), "{}", suggestion.text);
}

#[test]
fn what_was_denied_is_not_asked_for() {
    let mut denied = recorded("delete from public.orders", "shop");
    denied.outcome = Outcome::Denied("no".into());
    let (suggestion, _) = suggestion(vec![denied, recorded("select id from public.orders", "shop")]);
    assert!(!suggestion.text.contains("delete"), "{}", suggestion.text);
}
