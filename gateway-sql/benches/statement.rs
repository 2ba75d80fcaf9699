//! What it costs to find out what a statement does, and to judge it. `cargo xtask bench policy` runs this and shows it
//! as a table.
//!
//! Each line is a name, a tab, and nanoseconds: the median of rounds.

use std::hint::black_box;
use std::time::Instant;

use gateway_policy::command::State;
use gateway_policy::facts::Facts;
use gateway_policy::policy::{Jurisdiction, Policy};
use gateway_policy::rule::{Actions, Mode, Rule, Scope, Stance, Subject};
use gateway_sql::{Cache, Catalogue, Limits};

const ROUNDS: usize = 15;
/// What an object mapper sends.
const JOIN: &str = "SELECT o.id, o.total, o.state, o.created_at, o.customer_id, c.name, c.email, lower(c.city), c.phone, \
     count(*) OVER () FROM orders AS o INNER JOIN customers AS c ON c.id = o.customer_id \
     WHERE o.state = $1 AND c.email LIKE $2 ORDER BY o.created_at DESC LIMIT 50 OFFSET 0";

fn main() {
    let (state, catalogue) = (State::default(), Catalogue::absent());
    let rules = rules();
    let cache = Cache::new(1 << 20, Limits::default());
    let long = format!("INSERT INTO t VALUES {}", ["(1, 'abcdefgh')"; 60_000].join(","));
    let kept = nanoseconds(2000, || judged(&rules, &cache.facts(black_box(JOIN), &state, &catalogue)));
    let join = nanoseconds(500, || judged(&rules, &gateway_sql::read(black_box(JOIN), &state, &catalogue)));
    let much = nanoseconds(1, || judged(&rules, &gateway_sql::read(black_box(&long), &state, &catalogue)));
    println!("a text that was read before, to its verdict\t{kept:.0}");
    println!("a join of 10 columns, read and judged\t{join:.0}");
    println!("1 MiB of values, read and judged\t{much:.0}");
}

fn judged(rules: &Jurisdiction, facts: &Facts) {
    drop(black_box(rules.judge(facts).verdict()));
}

fn rules() -> Jurisdiction {
    let mut what = Actions::default();
    let _known = what.add("any");
    let rule = Rule {
        name: "all".into(),
        stance: Stance::Allow,
        mode: Mode::Enforce,
        agents: Vec::new(),
        people: Vec::new(),
        groups: Vec::new(),
        targets: Vec::new(),
        databases: Vec::new(),
        what,
        on: Scope::default(),
        conditions: Vec::new(),
        when: None,
        limits: gateway_policy::limits::Limits::default(),
        terms: None,
    };
    let subject = Subject { agent: "coder", person: None, target: "orders", database: "shop" };
    Policy::new(vec![rule], Vec::new()).over(&subject)
}

/// The median of the rounds.
fn nanoseconds(times: u32, mut act: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let since = Instant::now();
            (0..times).for_each(|_| act());
            since.elapsed().as_secs_f64() * 1e9 / f64::from(times)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN)
}
