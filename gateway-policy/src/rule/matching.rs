//! Whether a rule is about an effect: yes, no, or maybe when something is not known.

use crate::facts::Kind;
use crate::facts::{Columns, Effect, Function, Limit, Name, Nature, ObjectKind, On, Restriction, Schema};
use crate::pattern::{QualifiedPattern, admits};
use crate::when::Asked;

use super::{Condition, Rule, Scope, Stance, Subject};

/// How sure it is. A rule that allows needs a yes; for one that denies a maybe is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    No,
    Maybe,
    Yes,
}

/// A rule that holds is asked both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum That {
    Opening,
    Closing,
}

impl From<bool> for Certainty {
    fn from(sure: bool) -> Self {
        if sure { Self::Yes } else { Self::No }
    }
}

/// The sort of thing that an effect is on, with its name.
pub(crate) enum Things<'a> {
    Table(&'a Name),
    Function(&'a Function),
    Setting(&'a str),
    /// In a schema, of no sort that rules can list.
    InSchema(&'a Name),
    Schema(&'a str),
    Other,
}

impl<'a> Things<'a> {
    pub(crate) fn of(effect: &'a Effect) -> Self {
        match &effect.on {
            On::Relation(name) => Self::Table(name),
            On::Object(ObjectKind::Schema, name) => Self::Schema(&name.name),
            On::Object(object, name) if is_table_like(*object) => Self::Table(name),
            On::Object(_, name) => Self::InSchema(name),
            On::Function(function) => Self::Function(function),
            On::Setting(setting) => Self::Setting(&setting.name),
            On::Nothing | On::Label(_) | On::Transaction(_) => Self::Other,
        }
    }

    /// The name under which a rule would list it.
    pub(crate) fn listed_as(&self) -> Option<&'a str> {
        match self {
            Self::Table(name) => Some(&name.name),
            Self::Function(function) => Some(&function.name.name),
            Self::Setting(name) => Some(name),
            Self::InSchema(_) | Self::Schema(_) | Self::Other => None,
        }
    }
}

/// What rules name in `tables`: relations, and what hangs on one.
const fn is_table_like(object: ObjectKind) -> bool {
    matches!(
        object,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Index
            | ObjectKind::Sequence
            | ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::RowPolicy
            | ObjectKind::Statistics
    )
}

impl Rule {
    pub(crate) fn concerns(&self, subject: &Subject<'_>) -> bool {
        admits(&self.agents, subject.agent)
            && self.concerns_person(subject)
            && admits(&self.targets, subject.target)
            && admits(&self.databases, subject.database)
    }

    /// Whether it is about this very person, where it is not about everybody.
    pub(crate) fn surely_concerns(&self, subject: &Subject<'_>) -> bool {
        (self.people.is_empty() && self.groups.is_empty()) || subject.person.is_some()
    }

    /// Nobody known is somebody that a rule may deny, and nobody that it allows.
    fn concerns_person(&self, subject: &Subject<'_>) -> bool {
        match (subject.person, self.stance) {
            _ if self.people.is_empty() && self.groups.is_empty() => true,
            (Some(person), _) => person.is_among(&self.people, &self.groups),
            (None, Stance::Allow) => false,
            (None, Stance::Hold | Stance::Deny) => true,
        }
    }

    /// Whether the rule is about this effect, its columns left aside.
    pub(crate) fn is_about(&self, effect: &Effect, thing: &Things<'_>, that: That) -> Certainty {
        if !self.what.include(effect) {
            return Certainty::No;
        }
        self.on.admits_schema(thing).min(self.on.admits_thing(thing)).min(match thing {
            Things::Function(function) => self.admits_powers(function, that),
            _ => Certainty::Yes,
        })
    }

    /// Whether all that the rule demands is there for certain.
    pub(crate) fn meets(&self, effect: &Effect, asked: &Asked<'_>) -> Result<(), Condition> {
        match self.conditions.iter().find(|condition| !condition.holds(effect, asked)) {
            Some(missing) => Err(*missing),
            None => Ok(()),
        }
    }

    /// Whether something that spares it from being held is not there for certain, or nothing would spare it.
    pub(crate) fn surely_lacks(&self, effect: &Effect, asked: &Asked<'_>) -> bool {
        let lacks = |condition: &Condition| condition.surely_fails(effect, asked);
        self.conditions.is_empty() || self.conditions.iter().any(lacks)
    }

    /// A function that does more than compute, or of which nothing is known, is allowed only by a rule that names it
    /// or all its powers; a rule that denies powers is about every function that has one of them, or may.
    fn admits_powers(&self, function: &Function, that: That) -> Certainty {
        let listed = &self.on.powers;
        match (&function.nature, that) {
            (Nature::Harmless, _) => listed.is_empty().into(),
            (Nature::Unknown, That::Opening) => self.names(function),
            (Nature::Unknown, That::Closing) if listed.is_empty() => Certainty::Yes,
            (Nature::Unknown, That::Closing) => Certainty::Maybe,
            (Nature::Powers(_), That::Opening) if listed.is_empty() => self.names(function),
            (Nature::Powers(powers), That::Opening) => {
                (!powers.is_empty() && powers.iter().all(|power| listed.contains(power))).into()
            }
            (Nature::Powers(powers), That::Closing) => {
                (listed.is_empty() || powers.iter().any(|power| listed.contains(power))).into()
            }
        }
    }

    /// Whether a list of functions says the function's name, and not only a star.
    fn names(&self, function: &Function) -> Certainty {
        let is_only_a_star = |pattern: &QualifiedPattern| {
            pattern.name.matches_everything()
                && pattern.schema.as_ref().is_none_or(|schema| schema.matches_everything())
        };
        let saying = self.on.functions.iter().filter(|pattern| !is_only_a_star(pattern));
        saying.map(|pattern| pattern.fits(&function.name)).max().unwrap_or(Certainty::No)
    }
}

impl Scope {
    fn lists_things(&self) -> bool {
        !(self.tables.is_empty()
            && self.functions.is_empty()
            && self.settings.is_empty()
            && self.powers.is_empty())
    }

    fn admits_schema(&self, thing: &Things<'_>) -> Certainty {
        if self.schemas.is_empty() {
            return Certainty::Yes;
        }
        match thing {
            Things::Table(name) | Things::InSchema(name) => self.schema_fits(&name.schema),
            Things::Function(function) => self.schema_fits(&function.name.schema),
            Things::Schema(name) => admits(&self.schemas, name).into(),
            Things::Setting(_) | Things::Other => Certainty::No,
        }
    }

    fn schema_fits(&self, schema: &Schema) -> Certainty {
        match schema {
            Schema::Known(name) => admits(&self.schemas, name).into(),
            Schema::Unresolved if self.schemas.iter().any(|it| it.matches_everything()) => Certainty::Yes,
            Schema::Unresolved => Certainty::Maybe,
            Schema::None => Certainty::No,
        }
    }

    fn admits_thing(&self, thing: &Things<'_>) -> Certainty {
        if !self.lists_things() && self.columns.is_empty() {
            return Certainty::Yes;
        }
        match thing {
            Things::Table(_) if !self.lists_things() => Certainty::Yes,
            Things::Table(name) => best(&self.tables, name),
            Things::Function(function) if !self.functions.is_empty() => best(&self.functions, &function.name),
            Things::Function(_) => (!self.powers.is_empty()).into(),
            Things::Setting(name) => (!self.settings.is_empty() && admits(&self.settings, name)).into(),
            Things::InSchema(_) | Things::Schema(_) | Things::Other => Certainty::No,
        }
    }

    /// Whether a rule that denies is about one of these columns.
    pub(crate) fn touches(&self, columns: &Columns) -> Certainty {
        if self.columns.is_empty() {
            return Certainty::Yes;
        }
        match columns {
            Columns::None => Certainty::No,
            Columns::These(names) => names.iter().any(|name| admits(&self.columns, name)).into(),
            Columns::All | Columns::Unknown => Certainty::Maybe,
        }
    }

    /// Whether a rule that allows is about this column. Without a name it stands for columns that are not known.
    pub(crate) fn opens(&self, column: Option<&str>) -> bool {
        match column {
            Some(name) => admits(&self.columns, name),
            None => self.columns.iter().any(|pattern| pattern.matches_everything()),
        }
    }
}

fn best(patterns: &[QualifiedPattern], name: &Name) -> Certainty {
    patterns.iter().map(|pattern| pattern.fits(name)).max().unwrap_or(Certainty::No)
}

impl QualifiedPattern {
    fn fits(&self, name: &Name) -> Certainty {
        if !self.name.matches(&name.name) {
            return Certainty::No;
        }
        match (&self.schema, &name.schema) {
            (None, _) => Certainty::Yes,
            (Some(pattern), _) if pattern.matches_everything() => Certainty::Yes,
            (Some(pattern), Schema::Known(schema)) => pattern.matches(schema).into(),
            (Some(_), Schema::Unresolved) => Certainty::Maybe,
            (Some(_), Schema::None) => Certainty::No,
        }
    }
}

impl Condition {
    /// Whether it may be met at one time and not at another by the same text.
    pub(crate) const fn is_momentary(self) -> bool {
        matches!(self, Self::ReadOnly | Self::Purpose)
    }

    fn holds(self, effect: &Effect, asked: &Asked<'_>) -> bool {
        match (self, effect.kind) {
            (Self::Where, Kind::Update | Kind::Delete | Kind::Truncate) => {
                effect.restriction == Restriction::Restricts
            }
            (Self::Limit, Kind::Select) => matches!(asked.statement.limit, Limit::Rows(_)),
            (Self::ReadOnly, _) => asked.is_read_only(),
            (Self::Purpose, _) => asked.circumstances.purpose.is_some(),
            (Self::Where | Self::Limit, _) => true,
        }
    }

    fn surely_fails(self, effect: &Effect, asked: &Asked<'_>) -> bool {
        let unknown = match (self, effect.kind) {
            (Self::Where, Kind::Update | Kind::Delete | Kind::Truncate) => {
                effect.restriction == Restriction::Unknown
            }
            (Self::Limit, Kind::Select) => asked.statement.limit == Limit::Unknown,
            (Self::ReadOnly, _) => asked.circumstances.access.is_none(),
            (Self::Where | Self::Limit | Self::Purpose, _) => false,
        };
        !unknown && !self.holds(effect, asked)
    }
}
