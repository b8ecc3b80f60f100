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

/// What the benchmark printed: `box/true 5.2 ms`; nothing where it does not run.
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
            Some((name.to_owned(), figure.parse().ok().filter(|_| unit == "ms")?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// One figure, in milliseconds.
    pub(super) fn figure(&self, name: &str) -> Result<f64, String> {
        self.find(name).ok_or_else(|| format!("the sandbox's benchmark printed no `{name}`"))
    }

    fn find(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, figure)| *figure)
    }

    /// The section of the page.
    pub(super) fn section(&self) -> String {
        let mut section = "## The sandbox\n\n\
             From starting a program to its end, cold, output read; medians of 61 turns of wall time, in which the three take\n\
             turns. bubblewrap makes namespaces and a root here, and no more: no filter of system calls, no Landlock, no\n\
             limits, no control group. Where it is not installed, its column is empty.\n\n\
             | program | plainly | in the box | bubblewrap | box to bubblewrap |\n|---|---|---|---|---|\n"
            .to_owned();
        for (name, title) in PROGRAMS {
            let of = |how: &str| self.find(&format!("{how}/{name}"));
            let (Some(plain), Some(boxed)) = (of("plain"), of("box")) else { continue };
            let ms = |figure| say(figure, Unit::Milliseconds);
            let wrapped = of("bubblewrap");
            let (peer, ratio) = wrapped
                .map_or_else(Default::default, |wrapped| (ms(wrapped), format!("{:.2}×", boxed / wrapped)));
            // Writing to a string does not fail.
            let _ = writeln!(section, "| {title} | {} | **{}** | {peer} | {ratio} |", ms(plain), ms(boxed));
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
        assert!(section.contains("| `/bin/true` | 0.9 ms | **5.25 ms** |  |  |"), "{section}");
        assert!(!section.contains("node -e"));
    }
}
