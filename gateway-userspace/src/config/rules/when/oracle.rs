//! CEL's own interpreter comes to the same, wherever all facts are known.

use cel::{Context, Program, Value};
use gateway_policy::command::Transaction;
use gateway_policy::facts::{Columns, Effect, Facts, Kind, Limit, Name, On, Restriction, Schema, Statement};
use gateway_policy::judge::Verdict;
use gateway_policy::rule::Subject;
use gateway_policy::when::Circumstances;

/// 2026-11-27, a Friday, at 21:45 UTC.
const NOW: u64 = 1_795_815_900;

const ATOMS: [&str; 22] = [
    "agent == 'coder'",
    "agent != target",
    "database.startsWith('sh')",
    "target.endsWith('x')",
    "agent.contains('ode')",
    "'select' in kinds",
    "'drop' in kinds",
    "kinds.all(k, k in ['select', 'delete'])",
    "tables.exists(t, t.endsWith('.orders'))",
    "tables.all(t, t.startsWith('public.'))",
    "'hr.people' in tables",
    "'hr' in schemas",
    "columns.exists(c, c == 'iban')",
    "size(tables) == 2",
    "columns.size() >= 3",
    "has_where",
    "limit <= 10",
    "limit > 10",
    "statements != 1",
    "time >= '21:45' && time < '22:00'",
    "weekday == 'friday' && date > '2026-11-26'",
    "transaction == 'open' || transaction in ['failed']",
];

fn table(kind: Kind, schema: &str, name: &str, columns: &[&str]) -> Effect {
    let name = Name { schema: Schema::Known(schema.into()), name: name.into() };
    let columns = Columns::These(columns.iter().map(|column| (*column).to_owned()).collect());
    Effect { columns, restriction: Restriction::Restricts, ..Effect::new(kind, On::Relation(name)) }
}

fn facts() -> Facts {
    let effects = vec![
        table(Kind::Select, "public", "orders", &["id", "total"]),
        table(Kind::Delete, "hr", "people", &["iban"]),
    ];
    let statement = Statement { effects, limit: Limit::Rows(10), ..Statement::default() };
    Facts { statements: vec![statement], ..Facts::default() }
}

fn ours(text: &str) -> bool {
    let config = crate::config::fixture(&format!(
        "[agents.coder]\nslice = \"agents.slice\"\ntargets = \"orders\"\n\
         [targets.orders]\nprotocol = \"postgres\"\nhosts = \"orders.example.com\"\nports = 5432\n\
         [targets.orders.postgres]\nuser = \"app\"\npassword = \"env:PASSWORD\"\n\
         [rules.a]\nagents = \"*\"\ntargets = \"*\"\neffect = \"allow\"\nwhat = \"any\"\nwhen = \"\"\"{text}\"\"\"\n"
    ));
    let subject = Subject { agent: "coder", person: None, target: "orders", database: "shop" };
    let circumstances =
        Circumstances { now: Some(NOW), transaction: Some(Transaction::Open), ..Circumstances::default() };
    let judged = config.policy().over(&subject).judge_under(&facts(), &circumstances);
    matches!(judged.verdict(), Verdict::Allow(_))
}

fn theirs(text: &str) -> bool {
    let mut context = Context::default();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    for (name, value) in [
        ("agent", "coder"),
        ("target", "orders"),
        ("database", "shop"),
        ("time", "21:45"),
        ("date", "2026-11-27"),
        ("weekday", "friday"),
        ("transaction", "open"),
    ] {
        context.add_variable_from_value(name, value);
    }
    for (name, value) in [
        ("kinds", &["select", "delete"][..]),
        ("tables", &["public.orders", "hr.people"]),
        ("schemas", &["public", "hr"]),
        ("columns", &["id", "total", "iban"]),
    ] {
        context.add_variable_from_value(name, texts(value));
    }
    context.add_variable_from_value("has_where", true);
    context.add_variable_from_value("limit", 10_i64);
    context.add_variable_from_value("statements", 1_i64);
    let program = Program::compile(text).expect("an expression");
    match program.execute(&context) {
        Ok(Value::Bool(value)) => value,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn cels_own_interpreter_comes_to_the_same() {
    let mut seen = [0, 0];
    for (index, one) in ATOMS.iter().enumerate() {
        let other = ATOMS.get((index * 7 + 3) % ATOMS.len()).copied().unwrap_or_default();
        for text in [
            (*one).to_owned(),
            format!("!({one}) || {other}"),
            format!("({one}) && !({other})"),
            format!("({one}) ? ({other}) : !({other})"),
            format!("({one}) == ({other})"),
        ] {
            let value = theirs(&text);
            assert_eq!(ours(&text), value, "{text}");
            seen[usize::from(value)] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}
