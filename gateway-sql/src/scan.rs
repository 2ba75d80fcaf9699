//! The text as tokens, before any parser sees it.
//!
//! PostgreSQL's lexical rules with `standard_conforming_strings` on (its documentation, section "Lexical Structure").
//! This is not the reader: it bounds what the readers are given and is the cheap half of the second one. It allocates
//! nothing and looks at each byte once.

/// One token. Comments and white space are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// As written, quotes included.
    pub(crate) text: &'t str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Quoted,
    /// A string constant of any form.
    Text,
    Number,
    Parameter,
    /// A run of operator characters.
    Operator,
    /// One of `( ) [ ] , ; : .`
    Mark(u8),
    /// Any other byte, which no grammar accepts.
    Stray,
}

/// What cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A quote or comment that does not end.
    Unended,
    /// Comments nested deeper than [`COMMENTS_IN_COMMENTS`].
    TooDeep,
}

/// The server itself needs minutes for comments nested a hundred thousand deep.
const COMMENTS_IN_COMMENTS: u32 = 16;

pub(crate) struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes have been looked at.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next token, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, Broken> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.peek(0) else { return Ok(None) };
        let kind = match first {
            b'\'' => self.string(false)?,
            b'"' => self.quoted()?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            b'(' | b')' | b'[' | b']' | b',' | b';' | b':' | b'.' => {
                self.at += 1;
                Kind::Mark(first)
            }
            _ if starts_word(first) => self.word()?,
            _ if is_operator(first) => self.operator(),
            _ => {
                self.at += 1;
                Kind::Stray
            }
        };
        // Every branch stops before or after an ASCII byte, so these are character boundaries.
        let text = self.text.get(start..self.at).unwrap_or_default();
        Ok(Some(Token { kind, text }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self) -> Result<(), Broken> {
        loop {
            self.skip_while(is_space);
            match (self.peek(0), self.peek(1)) {
                (Some(b'-'), Some(b'-')) => self.skip_while(|byte| !ends_line(byte)),
                (Some(b'/'), Some(b'*')) => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), Broken> {
        let mut open: u32 = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    open += 1;
                    self.at += 2;
                    if open > COMMENTS_IN_COMMENTS {
                        return Err(Broken::TooDeep);
                    }
                }
                (Some(b'*'), Some(b'/')) => {
                    open -= 1;
                    self.at += 2;
                    if open == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(Broken::Unended),
            }
        }
    }

    /// From an opening quote to the end of the constant, which may go on behind a line break.
    fn string(&mut self, backslashes: bool) -> Result<Kind, Broken> {
        loop {
            self.at += 1;
            loop {
                match (self.peek(0), self.peek(1)) {
                    (Some(b'\\'), Some(_)) if backslashes => self.at += 2,
                    (Some(b'\''), Some(b'\'')) => self.at += 2,
                    (Some(b'\''), _) => break,
                    (Some(_), _) => self.at += 1,
                    (None, _) => return Err(Broken::Unended),
                }
            }
            self.at += 1;
            match self.continuation() {
                Some(quote) => self.at = quote,
                None => return Ok(Kind::Text),
            }
        }
    }

    /// Where the same constant goes on: behind white space or line comments with at least one line break in them.
    fn continuation(&self) -> Option<usize> {
        let mut ahead = Self { text: self.text, at: self.at };
        let mut broken = false;
        loop {
            match (ahead.peek(0)?, ahead.peek(1)) {
                (byte, _) if ends_line(byte) => {
                    broken = true;
                    ahead.at += 1;
                }
                (byte, _) if is_space(byte) => ahead.at += 1,
                (b'-', Some(b'-')) => ahead.skip_while(|byte| !ends_line(byte)),
                (b'\'', _) if broken => return Some(ahead.at),
                _ => return None,
            }
        }
    }

    fn quoted(&mut self) -> Result<Kind, Broken> {
        self.at += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'"'), Some(b'"')) => self.at += 2,
                (Some(b'"'), _) => break,
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(Broken::Unended),
            }
        }
        self.at += 1;
        Ok(Kind::Quoted)
    }

    fn dollar(&mut self) -> Result<Kind, Broken> {
        let start = self.at;
        self.at += 1;
        if self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.skip_while(|byte| byte.is_ascii_digit());
            return Ok(Kind::Parameter);
        }
        if self.peek(0).is_some_and(starts_word) {
            self.skip_while(|byte| starts_word(byte) || byte.is_ascii_digit());
        }
        if self.peek(0) != Some(b'$') {
            self.at = start + 1;
            return Ok(Kind::Stray);
        }
        self.at += 1;
        let tag = self.text.get(start..self.at).unwrap_or_default();
        let body = self.text.get(self.at..).unwrap_or_default();
        let end = body.find(tag).ok_or(Broken::Unended)?;
        self.at += end + tag.len();
        Ok(Kind::Text)
    }

    fn number(&mut self) -> Kind {
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_');
        Kind::Number
    }

    /// A word, or a string or quoted name whose opening quote has a prefix.
    fn word(&mut self) -> Result<Kind, Broken> {
        let first = self.peek(0).map(|byte| byte.to_ascii_lowercase());
        match (first, self.peek(1), self.peek(2)) {
            (Some(b'e'), Some(b'\''), _) => {
                self.at += 1;
                return self.string(true);
            }
            (Some(b'b' | b'x' | b'n'), Some(b'\''), _) => {
                self.at += 1;
                return self.string(false);
            }
            (Some(b'u'), Some(b'&'), Some(b'\'')) => {
                self.at += 2;
                return self.string(false);
            }
            (Some(b'u'), Some(b'&'), Some(b'"')) => {
                self.at += 2;
                return self.quoted();
            }
            _ => {}
        }
        self.skip_while(|byte| starts_word(byte) || byte.is_ascii_digit() || byte == b'$');
        Ok(Kind::Word)
    }

    fn operator(&mut self) -> Kind {
        while self.peek(0).is_some_and(is_operator) {
            if matches!((self.peek(0), self.peek(1)), (Some(b'-'), Some(b'-')) | (Some(b'/'), Some(b'*'))) {
                break;
            }
            self.at += 1;
        }
        Kind::Operator
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// A bare carriage return ends a line comment too.
const fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

const fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let mut tokens = Tokens::of(text);
        let mut found = Vec::new();
        while let Ok(Some(token)) = tokens.next() {
            found.push(token.text);
        }
        found
    }

    #[test]
    fn comments_are_no_tokens_and_a_bare_carriage_return_ends_one() {
        assert_eq!(words("select -- x\r1 /* a /* b */ ; */, 2"), ["select", "1", ",", "2"]);
        assert_eq!(words("1+--x\n2"), ["1", "+", "2"]);
    }

    #[test]
    fn strings_end_where_the_server_ends_them() {
        assert_eq!(
            words(r"'a\' , E'b\'c', U&'d', $x$ ' $x$, $$;$$"),
            [r"'a\'", ",", r"E'b\'c'", ",", "U&'d'", ",", "$x$ ' $x$", ",", "$$;$$"]
        );
        assert_eq!(words("'a'\n'b;' ;"), ["'a'\n'b;'", ";"]);
        assert_eq!(words("E'a' -- c\n'\\';' ;"), ["E'a' -- c\n'\\';'", ";"]);
        assert_eq!(words("se'x' a$b$c"), ["se", "'x'", "a$b$c"]);
    }

    #[test]
    fn dollar_tags_may_have_digits_and_letters_of_any_language() {
        assert_eq!(words("$é1$ ; $é1$ $1"), ["$é1$ ; $é1$", "$1"]);
    }

    #[test]
    fn what_does_not_end_is_broken() {
        for text in ["'a", "\"a", "/* a", "$x$ $y$", "E'\\'"] {
            assert_eq!(Tokens::of(text).next(), Err(Broken::Unended), "{text}");
        }
        assert_eq!(Tokens::of(&"/*".repeat(100)).next(), Err(Broken::TooDeep));
    }
}
