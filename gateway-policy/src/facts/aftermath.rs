//! Whether a message leaves the session as it was for those who read the next one.

use super::{Argument, Effect, Facts, Function, Kind, Nature, On, Power, Setting};

/// What a message may do to how later ones are read. The worst comes last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aftermath {
    #[default]
    Nothing,
    /// It ends a transaction or a part of one. Settings that were changed in it go back, if there are any.
    UndoesSettings,
    /// It may change settings that matter for reading, but not the search path.
    ChangesSettings,
    /// It may change which schema a name is looked for in.
    ChangesSearchPath,
}

/// Settings that change how values are shown or how long the agent waits, and nothing else. `all` puts things back to
/// where the session began.
const HARMLESS_SETTINGS: [&str; 16] = [
    "all",
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "lock_timeout",
    "statement_timeout",
    "timezone",
    "transaction_timeout",
];

/// Of the harmless ones, those that a reader of SQL has to know.
const READ_BY: [&str; 2] = ["all", "client_encoding"];
/// Those by which names are looked up; `$user` in the path is the current role.
const PATH: [&str; 3] = ["search_path", "role", "session_authorization"];

/// Whether anybody may change it in this way.
pub(crate) fn is_harmless_setting(setting: &Setting) -> bool {
    // Drivers make sure of what holds anyway.
    let as_it_is = setting.name == "standard_conforming_strings" && setting.value.as_deref() == Some("on");
    as_it_is || HARMLESS_SETTINGS.contains(&setting.name.as_str())
}

impl Facts {
    /// What is not known may do anything.
    pub fn aftermath(&self) -> Aftermath {
        let unknown = !self.unknowns.is_empty() || self.statements.iter().any(|it| !it.unknowns.is_empty());
        if unknown {
            return Aftermath::ChangesSearchPath;
        }
        let effects = self.statements.iter().flat_map(|statement| &statement.effects);
        effects.map(of_effect).max().unwrap_or_default()
    }
}

fn of_effect(effect: &Effect) -> Aftermath {
    match (effect.kind, &effect.on) {
        (Kind::Set | Kind::Reset, On::Setting(setting)) => of_setting(&setting.name),
        (Kind::Function | Kind::Call, On::Function(function)) => of_function(function),
        // The path goes back to where the session began.
        (Kind::Discard, _) => Aftermath::ChangesSettings,
        (Kind::Commit | Kind::Rollback | Kind::Savepoint | Kind::TwoPhase, _) => Aftermath::UndoesSettings,
        (
            Kind::Set | Kind::Reset | Kind::Do | Kind::Load | Kind::Execute | Kind::Function | Kind::Call,
            _,
        ) => Aftermath::ChangesSearchPath,
        _ => Aftermath::Nothing,
    }
}

fn of_setting(name: &str) -> Aftermath {
    if PATH.contains(&name) {
        Aftermath::ChangesSearchPath
    } else if HARMLESS_SETTINGS.contains(&name) && !READ_BY.contains(&name) {
        Aftermath::Nothing
    } else {
        Aftermath::ChangesSettings
    }
}

fn of_function(function: &Function) -> Aftermath {
    const CHANGING: [Power; 4] =
        [Power::ChangesSettings, Power::RunsText, Power::Opaque, Power::SecurityDefiner];
    let named = matches!(function.arguments.first(), Some(Argument::Constant(_)));
    match &function.nature {
        Nature::Harmless => Aftermath::Nothing,
        // The setting that it names is an effect of its own.
        Nature::Powers(powers) if *powers == [Power::ChangesSettings] && named => Aftermath::ChangesSettings,
        Nature::Powers(powers) if !powers.iter().any(|power| CHANGING.contains(power)) => Aftermath::Nothing,
        Nature::Powers(_) | Nature::Unknown => Aftermath::ChangesSearchPath,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;
    use crate::facts::{Name, Reason, Schema, Statement, Unknown};

    fn of(kind: Kind, on: On) -> Aftermath {
        let statement = Statement { effects: [Effect::new(kind, on)].into(), ..Statement::default() };
        Facts { statements: [statement].into(), unknowns: Vec::new() }.aftermath()
    }

    fn set(name: &str) -> Aftermath {
        of(Kind::Set, On::Setting(Setting { name: name.to_string(), value: None }))
    }

    fn function(nature: Nature) -> Aftermath {
        let name = Name { schema: Schema::Unresolved, name: "f".to_string() };
        of(Kind::Function, On::Function(Function { name, nature, arguments: Vec::new() }))
    }

    #[test]
    fn settings_that_readers_know_are_watched_and_others_are_not() {
        for name in ["search_path", "role", "session_authorization"] {
            assert_eq!(set(name), Aftermath::ChangesSearchPath, "{name}");
        }
        for name in ["standard_conforming_strings", "client_encoding", "all"] {
            assert_eq!(set(name), Aftermath::ChangesSettings, "{name}");
        }
        assert_eq!(set("timezone"), Aftermath::Nothing);
    }

    #[test]
    fn code_that_nobody_has_read_may_change_settings() {
        assert_eq!(function(Nature::Unknown), Aftermath::ChangesSearchPath);
        assert_eq!(function(Nature::Powers([Power::Opaque].into())), Aftermath::ChangesSearchPath);
        assert_eq!(function(Nature::Powers([Power::Sleeps].into())), Aftermath::Nothing);
        assert_eq!(function(Nature::Harmless), Aftermath::Nothing);
        let unknown = Unknown { reason: Reason::NotSql, about: None };
        let facts = Facts { statements: Vec::new(), unknowns: [unknown].into() };
        assert_eq!(facts.aftermath(), Aftermath::ChangesSearchPath);
    }

    #[test]
    fn the_end_of_a_transaction_undoes_what_was_set_in_it() {
        assert_eq!(of(Kind::Commit, On::Nothing), Aftermath::UndoesSettings);
        assert_eq!(of(Kind::Select, On::Nothing), Aftermath::Nothing);
    }
}
