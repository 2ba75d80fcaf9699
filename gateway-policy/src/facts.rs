//! What one message of SQL does: everything a rule may ask about, and everything that could not be found out.
//!
//! Whoever reads SQL fills this in; the judge only reads it. Three habits keep it honest. Every effect of a statement
//! is told, not only the worst one. Reading follows PostgreSQL's own privileges: a column is read wherever its value
//! matters, a condition included, so `DELETE FROM t WHERE a = 1` is a delete of `t` and a select of `a`. And what
//! could not be established is an [`Unknown`], never a guess.

mod aftermath;
mod kind;

use alloc::string::String;
use alloc::vec::Vec;

use crate::judge::Durability;
pub use aftermath::Aftermath;
pub(crate) use aftermath::is_harmless_setting;
pub use kind::{Kind, ObjectKind, Power};

/// All that is known of a message, which may hold several statements or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub statements: Vec<Statement>,
    /// What is not known of the message as a whole. Each one closes the door.
    pub unknowns: Vec<Unknown>,
}

impl Facts {
    /// What the record has to outlive before this runs: where it only reads, the end of the gateway.
    pub fn durability(&self) -> Durability {
        let only_reads = |effect: &Effect| {
            effect.kind.only_reads()
                && match &effect.on {
                    On::Function(function) => function.nature == Nature::Harmless,
                    _ => true,
                }
        };
        let known =
            self.unknowns.is_empty() && self.statements.iter().all(|statement| statement.unknowns.is_empty());
        let mut effects = self.statements.iter().flat_map(|statement| &statement.effects);
        if known && effects.all(only_reads) { Durability::Buffered } else { Durability::Durable }
    }
}

/// All that is known of one statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    pub effects: Vec<Effect>,
    /// What is not known of this statement. Each one closes the door.
    pub unknowns: Vec<Unknown>,
    /// How many rows its result can have at most.
    pub limit: Limit,
    /// The numbers of the parameters it uses, ascending.
    pub parameters: Vec<u16>,
}

/// One way in which a statement acts on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub kind: Kind,
    pub on: On,
    /// The columns read by a select, written by an insert or update, touched by other kinds.
    pub columns: Columns,
    /// Of a select: those of its columns that only decide which rows are meant.
    pub filtered: Vec<String>,
    /// Of an update or delete: whether it is held to some of the rows.
    pub restriction: Restriction,
}

impl Effect {
    pub const fn new(kind: Kind, on: On) -> Self {
        Self { kind, on, columns: Columns::None, filtered: Vec::new(), restriction: Restriction::Absent }
    }
}

/// What is acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    Nothing,
    /// A table, view or anything else that has rows.
    Relation(Name),
    /// What a ddl statement acts on. For a column, constraint, trigger, rule or policy it is the name of its table,
    /// for a schema, role, database or extension its own name in no schema.
    Object(ObjectKind, Name),
    Function(Function),
    Setting(Setting),
    /// Another session's or this session's own names: a channel, a cursor, a prepared statement.
    Label(String),
    Transaction(TransactionModes),
}

/// The name of something that lives in a schema, folded as the server folds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub schema: Schema,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Schema {
    /// Written in the statement, or found by the session's search path. Temporary objects are in `pg_temp`.
    Known(String),
    /// The search path decides, and it was not resolved.
    Unresolved,
    /// Things of this kind have no schema.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// The effect has nothing to do with columns: a delete, a drop.
    None,
    These(Vec<String>),
    /// Every column: a star, a whole row, an insert without a list.
    All,
    /// Some columns; which ones could not be told.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// There is no condition.
    Absent,
    /// There is one, and it holds for every row: `true`, `1 = 1`, `a = a`.
    AlwaysTrue,
    /// It depends on the row.
    Restricts,
    Unknown,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limit {
    /// Nothing bounds it.
    #[default]
    None,
    Rows(u64),
    /// It is bounded by a value that is not known yet.
    Unknown,
}

/// A function or procedure that is called, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: Name,
    pub nature: Nature,
    pub arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nature {
    /// It computes a value and does nothing else, and the name cannot mean another function.
    Harmless,
    Powers(Vec<Power>),
    /// Nobody knows what it does.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    Constant(String),
    Parameter(u16),
    Computed,
}

/// A setting that is changed, put back or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// In lower case. RESET ALL is `all`; SET ROLE is `role`; SET SESSION AUTHORIZATION is `session_authorization`.
    pub name: String,
    /// The value it gets, when that is written in the statement.
    pub value: Option<String>,
}

/// What a statement asks of its transaction. Nothing said is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransactionModes {
    pub access: Option<TransactionAccess>,
    pub isolation: Option<Isolation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionAccess {
    ReadOnly,
    ReadWrite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// Something that could not be found out. The words are for the agent and the record: no text of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub reason: Reason,
    /// What it is about, when that has a name: a function, a relation, a setting.
    pub about: Option<String>,
}

/// Why something is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// PostgreSQL's grammar does not accept the text.
    NotSql,
    /// Two readers see different statements.
    ReadersDisagree,
    /// The message is larger than what is read.
    TooLarge,
    /// It is nested deeper than what is read.
    TooDeep,
    /// The text is in an encoding in which bytes can be read in two ways.
    Encoding,
    /// A statement or expression that no rule can name.
    NotUnderstood,
    /// Code in another language, or built while it runs: a DO body, SQL in a string.
    OpaqueCode,
    /// The catalogue has no such thing.
    NotInCatalogue,
    /// The catalogue is older than it may be.
    StaleCatalogue,
    /// A statement prepared elsewhere, which was not read here.
    NotSeenPrepared,
}

impl Reason {
    /// The reason as the rest of a sentence: `the statement ...`.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotSql => "is not SQL that the server's grammar accepts",
            Self::ReadersDisagree => "can be read in two ways",
            Self::TooLarge => "is larger than what may be read",
            Self::TooDeep => "is nested deeper than what may be read",
            Self::Encoding => "is in an encoding that cannot be read safely",
            Self::NotUnderstood => "does something that is not understood",
            Self::OpaqueCode => "runs code that cannot be read beforehand",
            Self::NotInCatalogue => "names something that the target does not have",
            Self::StaleCatalogue => "needs a newer view of the target's catalogue",
            Self::NotSeenPrepared => "runs something whose text was not seen",
        }
    }
}
