//! What a box costs: runs the benchmark `figures` of the sandbox, and writes the section about it.

use std::fmt::Write as _;

use super::budget::{Unit, say};
use crate::command::{cargo, said};

/// The programs, as the benchmark and as the page name them.
const PROGRAMS: [(&str, &str); 3] = [
    ("true", "`/bin/true`"),
    ("python", "`python3 -I -S -c 'print(1)'`"),
    ("node", "`node -e 'console.log(1)'`"),
];

/// What the benchmark printed: `box/true 5.2 ms`, or `MiB`; nothing where it does not run.
pub(super) struct Figures(Vec<(String, f64)>);

/// Runs the benchmark.
pub(super) fn measure() -> Result<Figures, String> {
    let text = said(&mut cargo(["bench", "--quiet", "--package", "airlock-sandbox", "--bench", "figures"]))?;
    println!("{text}");
    Ok(Figures::read(&text))
}

impl Figures {
    fn read(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split(' ');
            let (name, figure, unit) = (words.next()?, words.next()?, words.next()?);
            Some((name.to_owned(), figure.parse().ok().filter(|_| matches!(unit, "ms" | "MiB"))?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// One figure, in the unit of its kind.
    pub(super) fn figure(&self, name: &str) -> Result<f64, String> {
        self.find(name).ok_or_else(|| format!("the sandbox's benchmark printed no `{name}`"))
    }

    fn find(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, figure)| *figure)
    }

    /// The section of the page.
    pub(super) fn section(&self) -> String {
        let mut section = "## The sandbox\n\n\
             From starting a program to its end, cold, output read; medians of 61 turns of wall time, in which all take turns.\n\
             bubblewrap makes namespaces and a root in the first of its columns, and no more. In the second it holds a program\n\
             as the box does, as far as it can: started as a user without rights, with a user namespace of its own, the same\n\
             filter of system calls, and limits by `prlimit`; Landlock, the control group and the reading back of what holds\n\
             have no counterpart there. `lite` is Landlock and the filter, without namespaces. gVisor is Debian's `runsc`, by\n\
             ptrace, in namespaces like a box's. What is not installed has an empty column.\n\n\
             | program | plainly | in the box | `lite` | bubblewrap | bubblewrap, equal | box to that | on gVisor |\n\
             |---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let ms =
            |figure: Option<f64>| figure.map(|figure| say(figure, Unit::Milliseconds)).unwrap_or_default();
        for (name, title) in PROGRAMS {
            let of = |how: &str| self.find(&format!("{how}/{name}"));
            let Some(boxed) = of("box") else { continue };
            let equal = of("bubblewrap_equal");
            let ratio = equal.map(|equal| format!("{:.2}×", boxed / equal)).unwrap_or_default();
            let [plain, boxed, lite] = [of("plain"), Some(boxed), of("lite")].map(ms);
            let [wrapped, equal, second] = [of("bubblewrap"), equal, of("gvisor")].map(ms);
            // Writing to a string does not fail.
            let _ = writeln!(
                section,
                "| {title} | {plain} | **{boxed}** | {lite} | {wrapped} | {equal} | {ratio} | {second} |"
            );
        }
        let warm = ["warm/python", "warm/python_p95", "warm/python_least"].map(|name| self.find(name));
        if let [Some(median), Some(tail), Some(least)] = warm {
            let [median, tail, least] = [median, tail, least].map(|figure| ms(Some(figure)));
            let _ = writeln!(
                section,
                "\nA Python that waited in a box of its own, single use: from giving it `print(1)` to its answer, with no\n\
                 process of its box left: median **{median}**, 95 of 100 within {tail}, least {least}."
            );
            if let Some(member) = self.find("warm/python_member") {
                let _ = writeln!(
                    section,
                    "While it waits, it and what holds it have {member} MiB of memory (must: 8)."
                );
            }
        }
        section.push('\n');
        section
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn reads_what_the_benchmark_prints() {
        let figures = Figures::read("plain/true 0.9 ms\nskipped: no node\nbox/true 5.25 ms\n");
        assert_eq!(figures.figure("box/true"), Ok(5.25));
        assert!(figures.figure("box/node").is_err());
        let section = figures.section();
        assert!(section.contains("| `/bin/true` | 0.9 ms | **5.25 ms** |  |  |  |  |  |"), "{section}");
        assert!(!section.contains("node -e"));
    }
}
