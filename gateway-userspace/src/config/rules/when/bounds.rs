//! What an expression may be before a reader sees it: short, and nested so little that no reader runs out of stack.

const LONGEST: usize = 1024;
/// Brackets in brackets.
const DEEPEST: usize = 16;
/// Signs that may stand in front of others, or that nest to the right.
const SIGNS: usize = 32;

pub(super) fn check(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    if text.chars().any(|character| character.is_control() && !character.is_whitespace()) {
        return Err("it has a control character".to_owned());
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => (),
        }
        if depth > DEEPEST {
            return Err(format!("it has more than {DEEPEST} brackets in each other"));
        }
    }
    for sign in ['!', '-', '?'] {
        if text.matches(sign).count() > SIGNS {
            return Err(format!("it has more than {SIGNS} times `{sign}`"));
        }
    }
    Ok(())
}
