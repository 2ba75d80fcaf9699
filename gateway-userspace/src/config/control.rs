//! Who may do what at the control socket.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeValue;

use super::section::{Value, section};
use super::values;

section! {
    /// Who may do what at the control socket. Each role may do what those before it may: a viewer sees how things stand,
    /// an approver also answers what waits for people, an operator also gives, ends and locks access, and an admin may do
    /// everything. Root is an admin. Whoever is not root needs to be in the group of `serve.user` as well, to reach the
    /// socket at all. A process of an agent is refused, whoever it runs as.
    pub struct Control {
        /// Who is a viewer.
        #[form("`\"user:NAME\"` or `\"group:NAME\"`, or a list of them", default = ["group:postern"], read = values::list(account))]
        viewers: Vec<Account>,
        /// Who is an approver.
        #[form("`\"user:NAME\"` or `\"group:NAME\"`, or a list of them", default = [], read = values::list(account))]
        approvers: Vec<Account>,
        /// Who is an operator.
        #[form("`\"user:NAME\"` or `\"group:NAME\"`, or a list of them", default = [], read = values::list(account))]
        operators: Vec<Account>,
        /// Who is an admin.
        #[form("`\"user:NAME\"` or `\"group:NAME\"`, or a list of them", default = [], read = values::list(account))]
        admins: Vec<Account>,
        /// Which person a user of this host is, as records and rules name people: `alice = "alice@example.com"`. Whoever
        /// became root is the person who had logged in.
        #[form("a table of user names and persons", default = {}, read = people)]
        people: BTreeMap<String, String>,
    }
}

/// Users of this host that have a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    User(String),
    Group(String),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

fn account(value: &Value<'_>) -> Option<Account> {
    let word = values::text(value)?;
    match word.split_once(':') {
        Some(("user", name)) if !name.is_empty() => Some(Account::User(name.to_owned())),
        Some(("group", name)) if !name.is_empty() => Some(Account::Group(name.to_owned())),
        _ => value.wrong(
            format!("`{word}` names neither a user nor a group"),
            "write \"user:NAME\" or \"group:NAME\"",
        ),
    }
}

fn people(value: &Value<'_>) -> Option<BTreeMap<String, String>> {
    let DeValue::Table(table) = value.content else {
        return value.wrong(
            "it is no table",
            "write [control.people], and lines such as alice = \"alice@example.com\"",
        );
    };
    let person = |item| values::text(&value.item(item));
    Some(table.iter().filter_map(|(user, item)| Some((user.get_ref().to_string(), person(item)?))).collect())
}
