//! What documents show of a terminal: commands, and what they print.
//!
//! A block of code whose first line begins with `$ ` is such a transcript. `$ ` is the operator's prompt, `agent$ ` the
//! agent's; a line that ends in `\` goes on in the next one. What stands below a command is what it prints. In there `…`
//! is any text, and a line of nothing else is any number of lines.

/// One block of a document.
#[derive(Debug, PartialEq, Eq)]
pub struct Transcript {
    pub steps: Vec<Step>,
}

/// One command of a transcript.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the document, counted from 1.
    pub line: usize,
    pub by: By,
    pub command: String,
    pub prints: Vec<String>,
}

/// Whose prompt a command stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Operator,
    Agent,
}

const FENCE: &str = "```";
const ANYTHING: char = '…';
const PROMPTS: [(&str, By); 2] = [("$ ", By::Operator), ("agent$ ", By::Agent)];

/// All transcripts of a document, in their order.
pub fn transcripts(document: &str) -> Vec<Transcript> {
    let mut found = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if !line.trim_start().starts_with(FENCE) {
            continue;
        }
        let within = lines.by_ref().take_while(|(_, line)| line.trim() != FENCE);
        let block: Vec<(usize, &str)> = within.collect();
        if block.first().is_some_and(|(_, line)| prompt(line).is_some()) {
            found.push(transcript(&block));
        }
    }
    found
}

fn prompt(line: &str) -> Option<(By, &str)> {
    PROMPTS.iter().find_map(|(prompt, by)| Some((*by, line.strip_prefix(prompt)?)))
}

fn transcript(block: &[(usize, &str)]) -> Transcript {
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in block {
        match (prompt(line), steps.last_mut()) {
            (Some((by, command)), _) => {
                steps.push(Step { line: number + 1, by, command: command.to_owned(), prints: Vec::new() });
            }
            (None, Some(step)) if step.prints.is_empty() && step.command.ends_with('\\') => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (None, Some(step)) => step.prints.push(line.trim_end().to_owned()),
            // The first line of a block has a prompt.
            (None, None) => (),
        }
    }
    Transcript { steps }
}

/// Whether what was printed is what the document shows.
pub fn matches(shown: &[String], printed: &[String]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((any, below)), rest) if any.trim().chars().eq([ANYTHING]) => {
            matches(below, printed) || rest.is_some_and(|(_, rest)| matches(shown, rest))
        }
        (Some((line, shown)), Some((said, printed))) => fits(line, said) && matches(shown, printed),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else { return shown == printed };
    let middle = printed.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let placed = middle.and_then(|rest| {
        parts.try_fold(rest, |rest, part| rest.find(part).and_then(|at| rest.get(at + part.len()..)))
    });
    placed.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_blocks_that_begin_with_a_prompt_are_transcripts() {
        let document =
            "text\n```toml\na = 1\n```\n```\n$ one \\\n  two\nsaid\n\nagent$ three\n```\n$ no block\n";
        let [block] = transcripts(document).try_into().expect("one block");
        let step = |line, by, command: &str, prints: &str| Step {
            line,
            by,
            command: command.to_owned(),
            prints: lines(prints),
        };
        let expected =
            vec![step(6, By::Operator, "one \\\n  two", "said\n\n"), step(10, By::Agent, "three", "")];
        assert_eq!(block, Transcript { steps: expected });
    }

    #[test]
    fn dots_stand_for_text_and_a_line_of_dots_for_lines() {
        let same = |shown: &str, printed: &str| matches(&lines(shown), &lines(printed));
        assert!(
            same("a … c", "a b c") && same("…", "") && same("…", "x\ny") && same("a\n…\nd", "a\nb\nc\nd")
        );
        assert!(
            !same("a … c", "a b") && !same("a\n…\nd", "a\nb") && !same("a", "a\nb") && !same("a\nb", "a")
        );
        assert!(same("took … ms (…)", "took 3 ms (x)") && !same("ab…ba", "aba"));
    }
}
