//! What holds for every set of rules and every message, tried on many of both.

use super::*;
use crate::facts::{Columns, Limit, Restriction, Schema};

const ROUNDS: u32 = 6_000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides as u64) as usize
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }

    fn rules(&mut self, stances: &[&str], most: usize) -> String {
        let count = 1 + self.roll(most);
        let rules: Vec<String> = (0..count).map(|_| self.rule(stances)).collect();
        rules.join(";")
    }

    fn rule(&mut self, stances: &[&str]) -> String {
        const WHAT: [&str; 8] =
            ["any", "select", "update,delete", "drop_table", "function", "set", "write", "ddl,select"];
        const SCOPES: [&str; 16] = [
            "",
            "",
            " tables=a",
            " tables=a,b",
            " tables=s.a",
            " tables=s.*",
            " tables=*",
            " schemas=s",
            " schemas=*",
            " columns=x",
            " columns=x,y tables=a",
            " columns=*",
            " functions=f",
            " functions=s.*",
            " powers=sleeps",
            " settings=role",
        ];
        let stance = self.pick(stances);
        let condition = match (stance, self.roll(8)) {
            (_, 4) => " when=limit<=10",
            (_, 5) => " when=!limit<=10",
            (_, 6) => " when=has-where&!x:columns",
            (_, 7) => " when=s:schemas/time>=12:00",
            ("allow", 0) => " require=where",
            ("allow", 1) => " require=limit",
            (_, 0) => " unless=where",
            _ => "",
        };
        alloc::format!("{stance} {}{}{condition}", self.pick(&WHAT), self.pick(&SCOPES))
    }

    fn effect(&mut self) -> String {
        const EFFECTS: [&str; 12] = [
            "select; table ",
            "update; table ",
            "delete; table ",
            "drop; object table ",
            "alter; object function ",
            "function; function f harmless",
            "function; function s.f sleeps",
            "function; function s.f unknown",
            "set; setting role",
            "set; setting timezone",
            "begin; nothing",
            "do; nothing",
        ];
        let mut text = self.pick(&EFFECTS).to_string();
        if text.ends_with(' ') {
            text.push_str(self.pick(&["a", "b", "s.a", "s.b", "t.a"]));
        }
        let columns =
            self.pick(&["", " columns=x", " columns=x,y", " columns=z", " columns=*", " columns=?"]);
        let rest = self.pick(&["", " where", " always", " where?", " limit", " limit?", " where limit"]);
        alloc::format!("{text};{columns}{rest}")
    }

    fn facts(&mut self) -> Facts {
        let effects: Vec<String> = (0..1 + self.roll(3)).map(|_| self.effect()).collect();
        facts(&effects.join(" + "))
    }

    /// Forgets one thing.
    fn forget(&mut self, facts: &mut Facts) {
        let statement = self.roll(facts.statements.len());
        let statement = &mut facts.statements[statement];
        match self.roll(5) {
            0 => statement.limit = Limit::Unknown,
            1 => statement.effects[0].restriction = Restriction::Unknown,
            2 if statement.effects[0].columns != Columns::None => {
                statement.effects[0].columns = Columns::Unknown;
            }
            3 => match &mut statement.effects[0].on {
                On::Relation(name) | On::Object(_, name) if name.schema != Schema::None => {
                    name.schema = Schema::Unresolved;
                }
                On::Function(function) => function.name.schema = Schema::Unresolved,
                _ => (),
            },
            _ => match &mut statement.effects[0].on {
                On::Function(function) => function.nature = Nature::Unknown,
                _ => {
                    statement.unknowns.push(Unknown { reason: Reason::NotUnderstood, about: None });
                }
            },
        }
    }
}

fn allows(rules_text: &str, facts: &Facts) -> bool {
    matches!(verdict(rules_text, facts), Verdict::Allow(_))
}

fn denies(rules_text: &str, facts: &Facts) -> bool {
    matches!(verdict(rules_text, facts), Verdict::Deny(_))
}

const BOTH: [&str; 3] = ["allow", "hold", "deny"];

#[test]
fn one_more_rule_that_denies_never_allows_more() {
    let mut dice = Dice(1);
    let mut allowed = 0;
    for _ in 0..ROUNDS {
        let (before, more, facts) = (dice.rules(&BOTH, 4), dice.rule(&["deny"]), dice.facts());
        let after = alloc::format!("{before};{more}");
        allowed += u32::from(allows(&before, &facts));
        assert!(!allows(&after, &facts) || allows(&before, &facts), "{after} on {facts:?}");
        assert!(denies(&after, &facts) || !denies(&before, &facts), "{after} on {facts:?}");
    }
    assert!(allowed > ROUNDS / 20, "the rounds try too little: {allowed}");
}

#[test]
fn one_more_rule_that_allows_never_denies_more() {
    let mut dice = Dice(2);
    for _ in 0..ROUNDS {
        let (before, more, facts) = (dice.rules(&BOTH, 4), dice.rule(&["allow"]), dice.facts());
        let after = alloc::format!("{before};{more}");
        assert!(!allows(&before, &facts) || allows(&after, &facts), "{after} on {facts:?}");
        assert!(!denies(&after, &facts) || denies(&before, &facts), "{after} on {facts:?}");
    }
}

/// What is held before is held still, and what was denied is at most held: without an answer no rule that holds lets
/// anything run, and none of them denies.
#[test]
fn one_more_rule_that_holds_allows_nothing_without_an_answer_and_denies_nothing() {
    let mut dice = Dice(7);
    let (mut held, mut opened) = (0, 0);
    for _ in 0..ROUNDS {
        let (before, more, facts) = (dice.rules(&BOTH, 4), dice.rule(&["hold"]), dice.facts());
        let after = alloc::format!("{before};{more}");
        assert!(!allows(&after, &facts) || allows(&before, &facts), "{after} on {facts:?}");
        assert!(!denies(&after, &facts) || denies(&before, &facts), "{after} on {facts:?}");
        held += u32::from(allows(&before, &facts) && !allows(&after, &facts));
        opened += u32::from(denies(&before, &facts) && !denies(&after, &facts));
    }
    assert!(held > 30 && opened > 100, "the rounds try too little: {held} {opened}");
}

#[test]
fn the_order_of_rules_never_matters() {
    let mut dice = Dice(3);
    for _ in 0..ROUNDS {
        let (written, facts) = (rules(&dice.rules(&BOTH, 5)), dice.facts());
        let mut shuffled = written.clone();
        for last in (1..shuffled.len()).rev() {
            let other = dice.roll(last + 1);
            shuffled.swap(last, other);
        }
        let judged = |rules| {
            let verdict = Policy::new(rules, Vec::new()).over(&SUBJECT).judge(&facts).verdict();
            alloc::format!("{verdict:?}")
        };
        assert_eq!(judged(written), judged(shuffled), "{facts:?}");
    }
}

#[test]
fn what_is_not_known_never_allows() {
    let mut dice = Dice(4);
    let mut changed = 0;
    for _ in 0..ROUNDS {
        let (rules, known) = (dice.rules(&BOTH, 4), dice.facts());
        let mut forgotten = known.clone();
        dice.forget(&mut forgotten);
        changed += u32::from(forgotten != known && allows(&rules, &known) && !allows(&rules, &forgotten));
        assert!(
            !allows(&rules, &forgotten) || allows(&rules, &known),
            "{rules} on {known:?} and {forgotten:?}"
        );
        assert!(
            denies(&rules, &forgotten) || !denies(&rules, &known),
            "{rules} on {known:?} and {forgotten:?}"
        );
    }
    assert!(changed > 100, "the rounds forget too little: {changed}");
}

#[test]
fn an_explanation_comes_to_the_same_judgement_and_says_why() {
    let mut dice = Dice(5);
    for _ in 0..ROUNDS {
        let (text, facts) = (dice.rules(&BOTH, 4), dice.facts());
        let jurisdiction = Policy::new(rules(&text), Vec::new()).over(&SUBJECT);
        let explanation = jurisdiction.explain(&facts);
        let (told, judged) = (explanation.judgement.verdict(), jurisdiction.judge(&facts).verdict());
        assert_eq!(alloc::format!("{told:?}"), alloc::format!("{judged:?}"));
        let refused = explanation.effects.iter().any(|effect| effect.ruling.is_err());
        let allowed = !matches!(judged, Verdict::Deny(_));
        let held = matches!(judged, Verdict::Hold(_));
        let closed = (jurisdiction.allow.is_empty() && !held) || !explanation.unknowns.is_empty();
        assert_eq!(allowed, !refused && !closed, "{text} on {facts:?}");
    }
}

#[test]
fn an_observed_target_denies_nothing() {
    let mut dice = Dice(6);
    for _ in 0..ROUNDS {
        let (text, facts) = (dice.rules(&BOTH, 4), dice.facts());
        let observed =
            Policy::new(rules(&text), ["orders".to_string()].into()).over(&SUBJECT).judge(&facts).verdict();
        let Verdict::Allow(permit) = observed else { panic!("{text} denies {facts:?}") };
        assert_eq!(permit.observed().is_none(), allows(&text, &facts));
    }
}
