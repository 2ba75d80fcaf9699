//! The person that an agent acts for, as somebody has proved who they are.
//!
//! Until when the proof holds is not part of it: the same person, proved again, is the same person.

use alloc::string::String;
use alloc::vec::Vec;

use crate::pattern::{Pattern, admits};

/// A verified identity. Rules look at the subject and the groups; the rest is for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// Who vouches for it.
    pub issuer: String,
    /// What the issuer calls the person, now and later.
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// In order, each once.
    pub groups: Vec<String>,
}

impl Person {
    /// Whether somebody is meant who is one of these people and in one of these groups. An empty list is no
    /// restriction.
    pub(crate) fn is_among(&self, people: &[Pattern], groups: &[Pattern]) -> bool {
        let is_in_one = self.groups.iter().any(|group| admits(groups, group));
        admits(people, &self.subject) && (groups.is_empty() || is_in_one)
    }
}
