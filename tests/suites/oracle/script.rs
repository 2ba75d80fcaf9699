//! Scripts as psql reads them, taken apart into statements. Of psql's own commands only those are done that change which
//! statements there are.

use std::collections::HashMap;

/// One statement as the server gets it.
#[derive(Debug)]
pub(crate) struct Statement {
    pub line: usize,
    pub text: String,
    /// What is copied in, if it asks for that.
    pub copy: String,
}

pub(crate) type Variables = HashMap<String, String>;

/// All statements of a script.
pub(crate) fn statements(script: &str, variables: &mut Variables) -> Vec<Statement> {
    let mut reader = Reader { rest: script, line: 1, text: String::new(), begun: 1, found: Vec::new() };
    while reader.step(variables).is_some() {}
    reader.found
}

struct Reader<'s> {
    rest: &'s str,
    line: usize,
    text: String,
    begun: usize,
    found: Vec<Statement>,
}

impl<'s> Reader<'s> {
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn keep(&mut self, bytes: usize) {
        if self.text.trim().is_empty() {
            self.text.clear();
            self.begun = self.line;
        }
        let taken = self.take(bytes);
        self.text.push_str(taken);
    }

    /// Takes one token. `None` at the end.
    fn step(&mut self, variables: &mut Variables) -> Option<()> {
        let first = self.rest.chars().next()?;
        match first {
            '\'' => {
                let escaped = self.text.ends_with(['e', 'E']);
                self.keep(quoted(self.rest, b'\'', escaped));
            }
            '"' => self.keep(quoted(self.rest, b'"', false)),
            '$' => self.keep(dollar(self.rest)),
            '-' if self.rest.starts_with("--") => {
                self.take(line_end(self.rest));
            }
            '/' if self.rest.starts_with("/*") => {
                self.take(comment(self.rest));
                self.text.push(' ');
            }
            '\\' => self.command(variables),
            ':' if self.rest.starts_with("::") => self.keep(2),
            ':' => self.variable(variables),
            ';' if in_atomic_body(&self.text) => self.keep(1),
            ';' => {
                self.take(1);
                self.finish();
            }
            word if word.is_alphanumeric() || word == '_' => {
                let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                self.keep(end.unwrap_or(self.rest.len()));
            }
            other => self.keep(other.len_utf8()),
        }
        Some(())
    }

    fn finish(&mut self) {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        if text.is_empty() {
            return;
        }
        let mut copy = String::new();
        let folded = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        if folded.starts_with("copy ") && folded.contains(" from stdin") {
            self.take(line_end(self.rest) + 1);
            copy = self.data();
        }
        self.found.push(Statement { line: self.begun, text, copy });
    }

    /// Lines until `\.`.
    fn data(&mut self) -> String {
        let mut data = String::new();
        while !self.rest.is_empty() {
            let line = self.take(line_end(self.rest) + 1);
            if line.trim_end() == "\\." {
                break;
            }
            data.push_str(line);
        }
        data
    }

    fn command(&mut self, variables: &mut Variables) {
        if self.rest.starts_with("\\;") {
            self.take(2);
            self.text.push(';');
            return;
        }
        let line = self.take(line_end(self.rest));
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        match name {
            "\\g" | "\\gx" | "\\gset" | "\\gexec" | "\\gdesc" | "\\crosstabview" => self.finish(),
            "\\r" | "\\reset" => self.text.clear(),
            "\\copy" if line.to_lowercase().contains("from stdin") => {
                self.take(1);
                self.data();
            }
            "\\getenv" => {
                if let (Some(name), Some(variable)) = (words.next(), words.next())
                    && let Some(value) = variables.get(variable).cloned()
                {
                    variables.insert(name.to_owned(), value);
                }
            }
            "\\set" => {
                if let Some(name) = words.next() {
                    let value = words.map(|word| expanded(word, variables)).collect();
                    variables.insert(name.to_owned(), value);
                }
            }
            _ => (),
        }
    }

    /// `:name`, `:'name'` or `:"name"`, where there is such a variable.
    fn variable(&mut self, variables: &Variables) {
        let rest = self.rest.get(1..).unwrap_or_default();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let start = usize::from(quote.is_some());
        let name: String =
            rest.chars().skip(start).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        match (variables.get(&name), quote) {
            (Some(value), quote) => {
                let quote = quote.map(String::from).unwrap_or_default();
                self.take(1 + 2 * quote.len() + name.len());
                self.text.push_str(&format!("{quote}{value}{quote}"));
            }
            (None, _) => self.keep(1),
        }
    }
}

fn expanded(word: &str, variables: &Variables) -> String {
    match word.strip_prefix(':') {
        Some(name) => variables.get(name).cloned().unwrap_or_default(),
        None => word.trim_matches('\'').to_owned(),
    }
}

fn line_end(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// How long a quoted thing at the beginning is.
fn quoted(text: &str, quote: u8, escaped: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'\\' if escaped => 2,
            byte if *byte == quote && bytes.get(at + 1) == Some(&quote) => 2,
            byte if *byte == quote => return at + 1,
            _ => 1,
        };
    }
    text.len()
}

/// A dollar quoted string at the beginning, or the dollar alone.
fn dollar(text: &str) -> usize {
    let tag = text.get(1..).unwrap_or_default();
    let length = tag.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(0);
    let starts_with_digit = tag.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit || !tag.get(length..).is_some_and(|rest| rest.starts_with('$')) {
        return 1;
    }
    let opening = text.get(..length + 2).unwrap_or_default();
    let body = text.get(opening.len()..).unwrap_or_default();
    body.find(opening).map_or(text.len(), |at| opening.len() + at + opening.len())
}

fn comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Whether a semicolon stands inside `BEGIN ATOMIC … END`.
fn in_atomic_body(text: &str) -> bool {
    let folded = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    folded.contains("begin atomic") && !folded.ends_with(" end")
}
