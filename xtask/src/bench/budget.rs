//! The budgets of the design, and what a figure means for one.

/// In what a figure is said.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    /// Megabytes (10⁶) per second.
    Speed,
    /// Megabytes (10⁶).
    Megabytes,
    /// How many times as much.
    Times,
}

/// What was measured, beside what must hold and what is aimed at.
pub(super) struct Budget {
    pub(super) what: &'static str,
    pub(super) unit: Unit,
    pub(super) must: f64,
    pub(super) aim: f64,
    pub(super) measured: f64,
}

impl Budget {
    /// A line of the table.
    pub(super) fn line(&self) -> String {
        let sign = if self.more_is_better() { "≥" } else { "≤" };
        let say = |figure| say(figure, self.unit);
        let (must, aim, measured) = (say(self.must), say(self.aim), say(self.measured));
        format!("| {} | {sign} {must} | {sign} {aim} | **{measured}** | {} |\n", self.what, self.verdict())
    }

    fn verdict(&self) -> &'static str {
        if self.keeps(self.aim) {
            "aim met"
        } else if self.keeps(self.must) {
            "holds"
        } else {
            "**exceeded**"
        }
    }

    fn keeps(&self, bound: f64) -> bool {
        if self.more_is_better() { self.measured >= bound } else { self.measured <= bound }
    }

    fn more_is_better(&self) -> bool {
        matches!(self.unit, Unit::Speed)
    }
}

/// A figure with three significant digits and its unit.
pub(super) fn say(figure: f64, unit: Unit) -> String {
    let digits = if figure < 10.0 { 2 } else { usize::from(figure < 100.0) };
    let mut text = format!("{figure:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    let unit = match unit {
        Unit::Nanoseconds => "ns",
        Unit::Microseconds => "µs",
        Unit::Milliseconds => "ms",
        Unit::Speed => "MB/s",
        Unit::Megabytes => "MB",
        Unit::Times => "times",
    };
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{Budget, Unit, say};

    #[test]
    fn figures_have_three_digits() {
        for (figure, expected) in
            [(0.123, "0.12 µs"), (4.0, "4 µs"), (15.04, "15 µs"), (30.06, "30.1 µs"), (1700.4, "1700 µs")]
        {
            assert_eq!(say(figure, Unit::Microseconds), expected);
        }
    }

    #[test]
    fn says_whether_a_budget_holds() {
        for (unit, measured, expected) in [
            (Unit::Microseconds, 3.0, "aim met"),
            (Unit::Microseconds, 10.0, "holds"),
            (Unit::Microseconds, 16.0, "**exceeded**"),
            (Unit::Microseconds, f64::NAN, "**exceeded**"),
            (Unit::Speed, 16.0, "aim met"),
            (Unit::Speed, 3.0, "**exceeded**"),
        ] {
            let must_and_aim = if matches!(unit, Unit::Speed) { (4.0, 15.0) } else { (15.0, 4.0) };
            let budget = Budget { what: "x", unit, must: must_and_aim.0, aim: must_and_aim.1, measured };
            assert_eq!(budget.verdict(), expected, "{measured}");
        }
    }
}
