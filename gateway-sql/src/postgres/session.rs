//! Transactions, settings, prepared statements, cursors and EXPLAIN.

use gateway_policy::facts::{
    Effect, Isolation, Kind, Limit, On, Reason, Setting, TransactionAccess, TransactionModes,
};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{ConstValue, Node, nodes};

use crate::gather::{Gathering, Use};

impl<'t> Gathering<'t, '_> {
    pub(crate) fn transaction(&mut self, transaction: &'t nodes::TransactionStmt) {
        use nodes::TransactionStmtKind as T;
        let modes = transaction_modes(transaction.options());
        match transaction.kind {
            T::TRANS_STMT_BEGIN | T::TRANS_STMT_START => self.effect(Kind::Begin, On::Transaction(modes)),
            T::TRANS_STMT_COMMIT => self.effect(Kind::Commit, On::Nothing),
            T::TRANS_STMT_ROLLBACK => self.effect(Kind::Rollback, On::Nothing),
            T::TRANS_STMT_SAVEPOINT | T::TRANS_STMT_RELEASE | T::TRANS_STMT_ROLLBACK_TO => {
                self.label(Kind::Savepoint, transaction.savepoint_name());
            }
            T::TRANS_STMT_PREPARE | T::TRANS_STMT_COMMIT_PREPARED | T::TRANS_STMT_ROLLBACK_PREPARED => {
                self.label(Kind::TwoPhase, transaction.gid());
            }
            _ => self.not_understood("a transaction statement"),
        }
    }

    /// An effect on one of the session's names, or on all of them.
    pub(crate) fn label(&mut self, kind: Kind, name: Option<&str>) {
        self.effect(kind, name.map_or(On::Nothing, |name| On::Label(name.to_owned())));
    }

    pub(crate) fn set(&mut self, set: &'t nodes::VariableSetStmt) {
        use nodes::VariableSetKind as V;
        let name = set.name().unwrap_or_default().to_ascii_lowercase();
        match set.kind {
            V::VAR_SET_VALUE => {
                let value = setting_value(set.args());
                self.effect(Kind::Set, On::Setting(Setting { name, value }));
            }
            V::VAR_SET_CURRENT => self.effect(Kind::Set, On::Setting(Setting { name, value: None })),
            V::VAR_SET_DEFAULT | V::VAR_RESET => {
                self.effect(Kind::Reset, On::Setting(Setting { name, value: None }));
            }
            V::VAR_RESET_ALL => {
                self.effect(Kind::Reset, On::Setting(Setting { name: "all".to_owned(), value: None }));
            }
            V::VAR_SET_MULTI if name == "transaction snapshot" => {
                self.effect(Kind::SetTransaction, On::Transaction(TransactionModes::default()));
            }
            V::VAR_SET_MULTI => {
                self.effect(Kind::SetTransaction, On::Transaction(transaction_modes(set.args())));
                if name == "session characteristics" {
                    let name = "session characteristics".to_owned();
                    self.effect(Kind::Set, On::Setting(Setting { name, value: None }));
                }
            }
            _ => self.not_understood("a SET"),
        }
    }

    pub(crate) fn show(&mut self, show: &'t nodes::VariableShowStmt) {
        let name = show.name().unwrap_or_default().to_ascii_lowercase();
        self.effect(Kind::Show, On::Setting(Setting { name, value: None }));
    }

    pub(crate) fn discard(&mut self, discard: &nodes::DiscardStmt) {
        use nodes::DiscardMode as D;
        let what = match discard.target {
            D::DISCARD_ALL => "all",
            D::DISCARD_PLANS => "plans",
            D::DISCARD_SEQUENCES => "sequences",
            D::DISCARD_TEMP => "temp",
            _ => return self.not_understood("a DISCARD"),
        };
        self.label(Kind::Discard, Some(what));
        if what == "all" {
            self.effect(Kind::Reset, On::Setting(Setting { name: "all".to_owned(), value: None }));
        }
    }

    pub(crate) fn prepare(&mut self, prepare: &'t nodes::PrepareStmt) {
        self.label(Kind::Prepare, prepare.name());
        for argument in prepare.argtypes() {
            self.type_name(Some(argument));
        }
        self.statement(prepare.query());
    }

    /// What was prepared under the name is not kept here: the text of an EXECUTE alone does not say what it runs.
    pub(crate) fn execute(&mut self, execute: &'t nodes::ExecuteStmt) {
        self.label(Kind::Execute, execute.name());
        self.expressions(execute.params(), Use::Value);
        self.unknown(Reason::NotSeenPrepared, execute.name());
    }

    pub(crate) fn declare_cursor(&mut self, cursor: &'t nodes::DeclareCursorStmt) {
        self.label(Kind::DeclareCursor, cursor.portalname());
        match cursor.query() {
            Node::SelectStmt(select) => self.top_select(select),
            _ => self.not_understood("a cursor"),
        }
    }

    pub(crate) fn fetch(&mut self, fetch: &nodes::FetchStmt) {
        use nodes::FetchDirection as D;
        self.label(if fetch.ismove { Kind::Move } else { Kind::Fetch }, fetch.portalname());
        self.statement.limit = match fetch.direction {
            _ if fetch.ismove => Limit::Rows(0),
            D::FETCH_ABSOLUTE | D::FETCH_RELATIVE => Limit::Rows(1),
            _ if fetch.how_many == i64::MAX => Limit::None,
            _ => Limit::Rows(fetch.how_many.unsigned_abs()),
        };
    }

    /// Without ANALYZE nothing is written, yet the plan tells of every relation that is named.
    pub(crate) fn explain(&mut self, explain: &'t nodes::ExplainStmt) {
        let analyze =
            explain.options().iter().any(|option| option.defname() == Some("analyze") && is_on(option));
        if analyze {
            self.effect(Kind::ExplainAnalyze, On::Nothing);
            return self.statement(explain.query());
        }
        self.effect(Kind::Explain, On::Nothing);
        let before = self.statement.effects.len();
        self.statement(explain.query());
        let told = self.statement.effects.split_off(before.min(self.statement.effects.len()));
        for effect in told {
            self.planned(effect);
        }
    }

    /// What an effect comes to when it is only planned.
    fn planned(&mut self, effect: Effect) {
        use Kind as K;
        match (effect.kind, &effect.on) {
            (K::Insert | K::Update | K::Delete | K::Merge | K::LockRows, On::Relation(name)) => {
                self.read(name.clone());
            }
            // Planning calls functions whose result does not change.
            (K::Function | K::Select | K::Execute, _) => self.push(effect),
            // A table that EXPLAIN CREATE TABLE AS would make, a cursor that it would open.
            _ => {}
        }
    }
}

/// Whether an option that needs no value is on.
fn is_on(option: &nodes::DefElem) -> bool {
    match option.arg() {
        Node::String(text) => {
            !matches!(text.sval().map(str::to_ascii_lowercase).as_deref(), Some("false" | "off" | "0"))
        }
        Node::Integer(number) => number.ival != 0,
        Node::Boolean(value) => value.boolval,
        _ => true,
    }
}

fn setting_value(values: &NodeList) -> Option<String> {
    let mut written = Vec::new();
    for value in values {
        let constant = match value {
            Node::A_Const(constant) => constant,
            Node::TypeCast(cast) => match cast.arg() {
                Node::A_Const(constant) => constant,
                _ => return None,
            },
            _ => return None,
        };
        written.push(match constant.val()? {
            ConstValue::String(text) | ConstValue::Float(text) | ConstValue::BitString(text) => {
                text.to_owned()
            }
            ConstValue::Integer(number) => number.to_string(),
            ConstValue::Boolean(value) => value.to_string(),
            _ => return None,
        });
    }
    Some(written.join(", "))
}

fn transaction_modes(options: &NodeList) -> TransactionModes {
    let mut modes = TransactionModes::default();
    for option in options {
        let Node::DefElem(option) = option else { continue };
        let Node::A_Const(value) = option.arg() else { continue };
        match (option.defname(), value.val()) {
            (Some("transaction_read_only"), Some(ConstValue::Integer(read_only))) => {
                // The last one written counts.
                let access =
                    if read_only == 0 { TransactionAccess::ReadWrite } else { TransactionAccess::ReadOnly };
                modes.access = Some(access);
            }
            (Some("transaction_isolation"), Some(ConstValue::String(level))) => {
                modes.isolation = match level {
                    "read uncommitted" => Some(Isolation::ReadUncommitted),
                    "read committed" => Some(Isolation::ReadCommitted),
                    "repeatable read" => Some(Isolation::RepeatableRead),
                    "serializable" => Some(Isolation::Serializable),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    modes
}
