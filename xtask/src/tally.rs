//! Counting what passed and failed, over checks of ours and over test binaries of libtest.

use std::fmt;

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// What a run of libtest binaries amounts to. One that did not succeed has failed at least once, whatever it
    /// printed before it died; one that printed no result never finished.
    pub(crate) fn of_libtest(output: &str, succeeded: bool) -> Self {
        let mut tally = Self::default();
        let mut results = 0;
        for result in output.lines().filter_map(of_result_line) {
            tally.add(result);
            results += 1;
        }
        if tally.failed == 0 && (!succeeded || results == 0) {
            tally.failed = 1;
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`. An ignored test proves nothing, so it counts as failed.
fn of_result_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |name: &str| -> Option<u64> {
        counts.split(';').find_map(|part| part.trim().strip_suffix(name))?.trim().parse().ok()
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")? + count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str =
        "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.1s\n";

    #[test]
    fn results_of_several_binaries_add_up() {
        let second = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let tally = Tally::of_libtest(&format!("running 3 tests\n{OK}\n{second}"), false);
        assert_eq!(tally, Tally { passed: 4, failed: 2 });
    }

    #[test]
    fn an_ignored_test_counts_as_failed() {
        let output = OK.replace("0 ignored", "1 ignored");
        assert_eq!(Tally::of_libtest(&output, true), Tally { passed: 3, failed: 1 });
    }

    #[test]
    fn a_binary_that_died_after_good_results_has_failed() {
        assert_eq!(Tally::of_libtest(OK, false), Tally { passed: 3, failed: 1 });
    }

    #[test]
    fn a_binary_that_says_nothing_has_failed() {
        assert_eq!(Tally::of_libtest("", true), Tally { passed: 0, failed: 1 });
    }
}
