//! Names as rules write them: exact, or with `*` for any text.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// The longest pattern. Names of PostgreSQL have at most 63 bytes.
const LONGEST: usize = 255;

/// One name, or all names of one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Any,
    Exact,
    /// The only `*` is the last character.
    Prefix,
    Several,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(PatternError::Control);
        }
        let form = match text.find('*') {
            _ if text.bytes().all(|byte| byte == b'*') => Form::Any,
            None => Form::Exact,
            Some(star) if star + 1 == text.len() => Form::Prefix,
            Some(_) => Form::Several,
        };
        Ok(Self { text: text.to_owned(), form })
    }

    pub fn matches(&self, name: &str) -> bool {
        match self.form {
            Form::Any => true,
            Form::Exact => self.text == name,
            Form::Prefix => {
                let stem = self.text.as_bytes().split_last().map_or(&[][..], |(_, stem)| stem);
                name.as_bytes().starts_with(stem)
            }
            Form::Several => self.matches_in_parts(name),
        }
    }

    /// Between stars the first place that fits is the best one, so nothing is ever tried twice.
    fn matches_in_parts(&self, name: &str) -> bool {
        let mut parts = self.text.split('*');
        let first = parts.next().unwrap_or_default();
        let last = parts.next_back().unwrap_or_default();
        let middle = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
        let placed = middle.and_then(|rest| {
            parts.try_fold(rest, |rest, part| rest.find(part).and_then(|at| rest.get(at + part.len()..)))
        });
        placed.is_some()
    }

    pub fn matches_everything(&self) -> bool {
        self.form == Form::Any
    }

    /// What every name that matches begins with.
    pub(crate) fn stem(&self) -> &str {
        self.text.split('*').next().unwrap_or_default()
    }

    /// The only name that this can be, if there is only one.
    pub fn exact(&self) -> Option<&str> {
        (self.form == Form::Exact).then_some(self.text.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternError {
    Empty,
    TooLong,
    Control,
    TooManyDots,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name has at least one character",
            Self::TooLong => "it is longer than any name",
            Self::Control => "it has a control character",
            Self::TooManyDots => "it has more than one dot",
        })
    }
}

impl core::error::Error for PatternError {}

/// A name that may say its schema: `orders`, `sales.orders`, `sales.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualifiedPattern {
    pub schema: Option<Pattern>,
    pub name: Pattern,
}

impl QualifiedPattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match text.split_once('.') {
            None => Ok(Self { schema: None, name: Pattern::parse(text)? }),
            Some((_, name)) if name.contains('.') => Err(PatternError::TooManyDots),
            Some((schema, name)) => {
                Ok(Self { schema: Some(Pattern::parse(schema)?), name: Pattern::parse(name)? })
            }
        }
    }
}

/// Whether one of them matches. No pattern at all is no restriction.
pub(crate) fn admits(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).expect("a pattern").matches(name)
    }

    #[test]
    fn a_name_matches_itself_only() {
        assert!(matches("orders", "orders"));
        assert!(!matches("orders", "order") && !matches("orders", "orders2") && !matches("orders", "Orders"));
    }

    #[test]
    fn a_star_stands_for_any_text_also_none() {
        for name in ["log_", "log_2026"] {
            assert!(matches("log_*", name), "{name}");
        }
        assert!(!matches("log_*", "old_log_"));
        assert!(matches("*_log", "audit_log") && !matches("*_log", "audit_logs"));
        assert!(matches("*", "") && matches("**", "x"));
        assert!(matches("a*b*c", "abc") && matches("a*b*c", "a-b-b-c") && !matches("a*b*c", "acb"));
    }

    #[test]
    fn parts_never_share_characters() {
        assert!(!matches("ab*ba", "aba") && matches("ab*ba", "abba"));
        assert!(!matches("*a*a*", "a") && matches("*a*a*", "aa"));
    }

    #[test]
    fn what_is_no_name_is_no_pattern() {
        assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
        assert_eq!(Pattern::parse(&"x".repeat(256)), Err(PatternError::TooLong));
        assert_eq!(Pattern::parse("a\nb"), Err(PatternError::Control));
        assert_eq!(QualifiedPattern::parse("a.b.c"), Err(PatternError::TooManyDots));
        assert_eq!(QualifiedPattern::parse(".b"), Err(PatternError::Empty));
    }
}
