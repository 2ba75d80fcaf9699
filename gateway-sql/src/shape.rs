//! What a text looks like with its values left out, so that people see texts that differ in nothing else as one.

use crate::scan::{Kind, Tokens};

/// Longer ones are cut.
const SHOWN: usize = 200;
const VALUE: &str = "?";

/// For people only: nothing is decided by it. A text that cannot be taken apart is its own shape.
pub fn shape(text: &str) -> String {
    cut(&valueless(text).unwrap_or_else(|| text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn valueless(text: &str) -> Option<String> {
    let mut tokens = Tokens::of(text);
    let mut shape = String::new();
    let mut end = 0;
    while let Some(token) = tokens.next().ok()? {
        let start = tokens.at() - token.text.len();
        let shown = match token.kind {
            Kind::Text | Kind::Number | Kind::Parameter => VALUE,
            Kind::Word | Kind::Quoted | Kind::Operator | Kind::Mark(_) | Kind::Stray => token.text,
        };
        if start > end && !shape.is_empty() {
            shape.push(' ');
        }
        end = tokens.at();
        // A list of values is one value.
        if shown == VALUE && (shape.ends_with("?, ") || shape.ends_with("?,")) {
            shape.truncate(shape.rfind('?').map_or(0, |at| at + 1));
        } else {
            shape.push_str(shown);
        }
    }
    Some(shape)
}

fn cut(text: &str) -> String {
    let rest = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    text.chars().take(SHOWN).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_values_have_one_shape() {
        let expected = "select a from t where b = ? and c in (?)";
        for text in [
            "select a from t where b = 1 and c in (1, 2, 3)",
            "select a  from t\nwhere b = $1 /* x */ and c in ($2,$3)",
            "select a from t where b = 'it''s' and c in (E'\\'')",
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_stays_on_one_line_of_bounded_length() {
        assert_eq!(shape("select 'x\n y"), "select 'x y");
        assert_eq!(shape(&"x ".repeat(10_000)).chars().count(), SHOWN + 1);
    }
}
