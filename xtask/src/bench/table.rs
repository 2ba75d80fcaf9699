//! Figures in a table, for people and for machines.

use std::fmt;

use serde::Serialize;

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    /// What it ought to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// What a figure ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Anything else is a fault, however busy the machine.
    Exactly(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Exactly(right) => (value - right).abs() < f64::EPSILON,
        }
    }
}

impl Table {
    /// A figure to compare others with.
    pub(super) fn note(&mut self, what: &str, value: f64, unit: &'static str) {
        self.figures.push(Figure { what: what.to_owned(), value, unit, target: None, met: None });
    }

    pub(super) fn judge(&mut self, what: &str, value: f64, unit: &'static str, target: Target) {
        let met = Some(target.is_met(value));
        self.figures.push(Figure { what: what.to_owned(), value, unit, target: Some(target), met });
    }

    pub(super) fn is_correct(&self) -> bool {
        let is_fault =
            |figure: &Figure| matches!(figure.target, Some(Target::Exactly(_))) && figure.met == Some(false);
        !self.figures.iter().any(is_fault)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.figures {
            let target = figure.target.map(|target| target.to_string()).unwrap_or_default();
            let met = match figure.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let line = format!(
                "{:<62} {:>10} {:<6} {target:<14} {met}",
                figure.what,
                number(figure.value),
                figure.unit
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = match self {
            Self::AtMost(value) => ("at most", value),
            Self::AtLeast(value) => ("at least", value),
            Self::Exactly(value) => ("exactly", value),
        };
        write!(f, "{sign} {}", number(*value))
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The middle one; the mean of two in the middle is not needed where rounds are odd in number.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_figure_is_no_fault_and_a_wrong_result_is() {
        let mut table = Table::default();
        table.judge("slow", 9.0, "µs", Target::AtMost(8.0));
        assert!(table.is_correct());
        assert!(table.to_string().contains("MISSED"));
        table.judge("wrong attributions", 1.0, "", Target::Exactly(0.0));
        assert!(!table.is_correct());
    }

    #[test]
    fn the_median_of_rounds_ignores_the_one_that_was_disturbed() {
        assert_eq!(median(vec![3.0, 1000.0, 1.0]), 3.0);
        assert!(median(Vec::new()).is_nan());
    }
}
