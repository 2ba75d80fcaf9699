use super::*;
use crate::cli::policy::reading::{facts, supposing};
use crate::config;

const AGENTS: &str = "[agents.coder]\nslice = \"a.slice\"\ntargets = \"orders\"\n\
    [targets.orders]\nprotocol = \"postgres\"\nhosts = \"10.0.0.1\"\nports = 5432\n\
    [targets.orders.postgres]\nuser = \"app\"\npassword = \"env:PASSWORD\"\n";

/// Rules of every form.
const RULES: [&str; 16] = [
    "effect = \"allow\"\nwhat = \"read\"",
    "effect = \"allow\"\nwhat = \"select\"\ntables = \"public.orders\"",
    "effect = \"allow\"\nwhat = \"select\"\ntables = [\"sales.*\", \"log_*\"]\nrequire = \"limit\"",
    "effect = \"allow\"\nwhat = [\"update\", \"delete\"]\ntables = \"orders\"\nrequire = \"where\"",
    "effect = \"allow\"\nwhat = \"write\"\nschemas = \"public\"",
    "effect = \"deny\"\nwhat = \"any\"\ntables = \"*_log\"",
    "effect = \"deny\"\nwhat = \"delete\"\nunless = \"where\"",
    "effect = \"allow\"\nwhat = \"select\"\ntables = \"customers\"\ncolumns = [\"id\", \"name\"]",
    "effect = \"deny\"\nwhat = \"select\"\ncolumns = \"card\"",
    "effect = \"allow\"\nwhat = \"create table\"\nschemas = \"scratch\"",
    "effect = \"allow\"\nwhat = \"function\"\npowers = \"sleeps\"",
    "effect = \"allow\"\nwhat = \"function\"\nfunctions = \"billing.*\"",
    "effect = \"allow\"\nwhat = \"set\"\nsettings = \"work_mem\"",
    "effect = \"allow\"\nwhat = [\"listen\", \"notify\"]",
    "pack = \"no-escape\"",
    "effect = \"deny\"\nwhat = \"drop\"\nmode = \"observe\"",
];

const STATEMENTS: [&str; 24] = [
    "select id from public.orders",
    "select * from public.orders limit 1",
    "select id from sales.x limit 1",
    "select id from sales.x",
    "select 1 from a.log_log limit 1",
    "select id, name from public.customers",
    "select card from public.customers",
    "update public.orders set id = 1 where id = 2",
    "update public.orders set id = 1",
    "delete from a.orders where id = 2",
    "delete from public.x",
    "truncate public.y",
    "insert into public.audit_log values (1)",
    "create table scratch.t (a int)",
    "create view scratch.t as select 1",
    "drop table public.orders",
    "select pg_sleep(1)",
    "select billing.charge(1)",
    "select pg_read_file('x')",
    "set work_mem = 1",
    "set role postgres",
    "listen x",
    "copy public.orders to program 'x'",
    "select 1",
];

fn config(rules: &[&str]) -> Config {
    let tables = rules
        .iter()
        .enumerate()
        .map(|(number, body)| format!("[rules.r{number}]\nagents = \"*\"\ntargets = \"*\"\n{body}\n"));
    config::fixture(&(AGENTS.to_owned() + &tables.collect::<String>()))
}

fn told(old: &[&str], new: &[&str]) -> String {
    people(&differences(&config(old), &config(new)), &terms(&config(old), &config(new)))
}

#[test]
fn the_same_rules_in_other_words_are_no_difference() {
    let (one, all) = (RULES[1], RULES[0]);
    assert_eq!(told(&[one, all], &[all]), "no difference\n");
    assert_eq!(told(&RULES, &RULES), "no difference\n");
}

#[test]
fn what_opens_and_closes_is_said_in_the_words_of_rules() {
    let opened = told(&[RULES[1]], &[RULES[1], RULES[3]]);
    assert!(opened.contains("opens delete (some rows), update (some rows) on "), "{opened}");
    assert!(opened.contains("public.orders") && opened.contains("orders in any other schema"), "{opened}");
    let closed = told(&[RULES[0]], &[RULES[0], RULES[8]]);
    assert!(closed.contains("closes select (column card "), "{closed}");
    assert!(!closed.contains("opens"), "{closed}");
    let observed = told(&[RULES[0]], &[RULES[0], RULES[15]]);
    assert_eq!(observed, "no difference\n", "what nothing allows stays denied");
}

#[test]
fn what_holds_for_some_people_or_at_times_is_told_apart() {
    let ann = format!("{}\npeople = \"ann\"", RULES[1]);
    let opened = told(&[RULES[12]], &[RULES[12], &ann]);
    assert!(
        opened.starts_with("agent coder, target orders, for ann\n    opens select on public.orders"),
        "{opened}"
    );
    let by_day = format!("{}\nwhen = 'time < \"18:00\"'", RULES[1]);
    assert_eq!(told(&[RULES[1]], &[&by_day]), "rule r0 changes when it holds\n");
}

#[test]
fn whoever_may_reach_more_opens_it() {
    let fewer = config(&[RULES[0]]);
    let mut more = config(&[RULES[0]]);
    let coder = more.agents["coder"].clone();
    more.agents.insert("tester".into(), coder);
    let told = people(&differences(&fewer, &more), &[]);
    assert!(told.starts_with("agent tester, target orders\n    opens connections on the target\n"), "{told}");
}

/// Each rule comes to others of other forms.
#[test]
fn no_statement_is_answered_differently_where_no_difference_is_told() {
    let subject =
        Subject { agent: "coder".into(), person: None, target: "orders".into(), database: "shop".into() };
    let pairs = RULES.iter().enumerate().flat_map(|(number, first)| {
        RULES.iter().cycle().skip(number + 1).step_by(5).take(3).map(move |second| (first, second))
    });
    for (first, second) in pairs {
        let (old, new) = (config(&[first]), config(&[first, second]));
        let (before, after) = (Court::new(&old), Court::new(&new));
        let silent = differences(&old, &new).is_empty();
        for text in STATEMENTS {
            let facts = facts(text);
            assert!(supposing("public", &facts).is_none(), "{text} leaves a name open");
            let same = before.judge(&subject, &facts).answer() == after.judge(&subject, &facts).answer();
            assert!(same || !silent, "{text}\n{first}\n{second}");
        }
    }
}
