//! What a verdict costs, with few rules and with many. `cargo xtask bench policy` runs this and shows it as a table.
//!
//! Each line is a name, a tab, and nanoseconds: the median of rounds.

use std::hint::black_box;
use std::time::Instant;

use gateway_policy::facts::{
    Columns, Effect, Facts, Function, Kind, Name, Nature, On, Restriction, Schema, Statement,
};
use gateway_policy::judge::Judgement;
use gateway_policy::limits::Limits;
use gateway_policy::policy::Policy;
use gateway_policy::rule::{Actions, Mode, Pattern, QualifiedPattern, Rule, Scope, Stance, Subject};

/// Rounds are shorter than what a busy machine gives a thread at a time, so that most of them are not interrupted.
const ROUNDS: usize = 1001;
const VERDICTS: u32 = 50;

fn main() {
    let subject = Subject { agent: "coder", person: None, target: "orders", database: "shop" };
    let few = Policy::new(rules(10, exact), Vec::new()).over(&subject);
    let exact_names = Policy::new(rules(1000, exact), Vec::new()).over(&subject);
    let patterns = Policy::new(rules(1000, pattern), Vec::new()).over(&subject);
    let join = join_of_ten_columns();
    let kept = few.judge(&join);
    let figures = [
        ("a verdict that is kept", nanoseconds(|| judged(&kept))),
        ("a join of 10 columns, 10 rules", nanoseconds(|| judged(&few.judge(black_box(&join))))),
        ("a join of 10 columns, 1000 rules", nanoseconds(|| judged(&exact_names.judge(black_box(&join))))),
        (
            "a join of 10 columns, 1000 rules of patterns",
            nanoseconds(|| judged(&patterns.judge(black_box(&join)))),
        ),
    ];
    for (name, value) in figures {
        println!("{name}\t{value:.0}");
    }
}

fn judged(judgement: &Judgement) {
    drop(black_box(judgement.verdict()));
}

/// The median of the rounds.
fn nanoseconds(mut act: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let since = Instant::now();
            (0..VERDICTS).for_each(|_| act());
            since.elapsed().as_secs_f64() * 1e9 / f64::from(VERDICTS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN)
}

fn exact(table: usize) -> String {
    format!("public.table_{table}")
}

fn pattern(table: usize) -> String {
    format!("public.table_{table}_*")
}

/// All for the same agent and target, half of them denying, so that each has to be thought of.
fn rules(count: usize, table: fn(usize) -> String) -> Vec<Rule> {
    let mut rules: Vec<Rule> = (0..count).map(|number| rule(number, &table(number))).collect();
    rules.push(Rule { stance: Stance::Allow, ..rule(count, "public.*") });
    rules
}

fn rule(number: usize, table: &str) -> Rule {
    let mut what = Actions::default();
    let words = if number.is_multiple_of(2) { ["select", "insert"] } else { ["select", "delete"] };
    for word in words {
        let _known = what.add(word);
    }
    let stance = if number.is_multiple_of(2) { Stance::Allow } else { Stance::Deny };
    let tables = QualifiedPattern::parse(table).into_iter().collect();
    Rule {
        name: format!("rule-{number}").into(),
        stance,
        mode: Mode::Enforce,
        agents: Pattern::parse("coder").into_iter().collect(),
        people: Vec::new(),
        groups: Vec::new(),
        targets: Vec::new(),
        databases: Vec::new(),
        what,
        on: Scope { tables, ..Scope::default() },
        conditions: Vec::new(),
        when: None,
        limits: Limits::default(),
        terms: None,
    }
}

/// What an object mapper sends: two tables, ten columns, a few functions of PostgreSQL's own.
fn join_of_ten_columns() -> Facts {
    let select = |table: &str, columns: &[&str]| Effect {
        columns: Columns::These(columns.iter().map(|column| (*column).to_owned()).collect()),
        restriction: Restriction::Restricts,
        ..Effect::new(Kind::Select, On::Relation(name("public", table)))
    };
    let function = |function: &str| {
        let name = name("pg_catalog", function);
        Effect::new(
            Kind::Function,
            On::Function(Function { name, nature: Nature::Harmless, arguments: Vec::new() }),
        )
    };
    let effects = vec![
        select("table_customers", &["id", "name", "email", "created_at", "city"]),
        select("table_invoices", &["id", "customer_id", "total", "state", "due"]),
        function("lower"),
        function("count"),
    ];
    Facts { statements: vec![Statement { effects, ..Statement::default() }], ..Facts::default() }
}

fn name(schema: &str, name: &str) -> Name {
    Name { schema: Schema::Known(schema.to_owned()), name: name.to_owned() }
}
