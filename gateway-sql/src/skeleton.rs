//! What is left of a text when its constants are taken out. Unlike a shape, which is for people to read, it tells any two texts
//! apart that differ in anything else.

use crate::scan::{Kind, Tokens};

/// Two texts with the same skeleton differ in constants, parameters, comments, blanks and the case of words without quotes, and
/// in nothing else. `None` where the text cannot be told into tokens.
pub fn skeleton(text: &str) -> Option<String> {
    let mut skeleton = String::with_capacity(text.len());
    let mut tokens = Tokens::of(text);
    while let Some(token) = tokens.next().ok()? {
        match token.kind {
            Kind::Text | Kind::Number | Kind::Parameter => skeleton.push('?'),
            Kind::Word => skeleton.push_str(&token.text.to_ascii_lowercase()),
            Kind::Quoted | Kind::Operator | Kind::Mark(_) | Kind::Stray => skeleton.push_str(token.text),
        }
        skeleton.push(' ');
    }
    Some(skeleton)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_constants_and_blanks_may_differ() {
        let one = skeleton("UPDATE orders SET state = 'paid' WHERE id = 5 -- five");
        assert_eq!(one, skeleton("update orders set state='open'\n where id = $1"));
        assert_eq!(one.as_deref(), Some("update orders set state = ? where id = ? "));
        for other in [
            "update orders set state = 'paid' where id > 5",
            "update orders set state = 'paid'",
            "update \"Orders\" set state = 'paid' where id = 5",
            "update orders set state = true where id = 5",
            "update orders set state = 'paid' where id = 5 or 1 = 1",
        ] {
            assert_ne!(one, skeleton(other), "{other}");
        }
    }

    #[test]
    fn what_has_no_end_has_no_skeleton() {
        assert_eq!(skeleton("select 'a"), None);
    }
}
