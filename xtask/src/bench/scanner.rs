//! The figures of the scanner in CPU time: runs its benchmark `figures`, and writes the section about it.

use std::fmt::Write as _;

use super::budget::{Unit, say};
use crate::command::{cargo, said};

/// The kinds of text, as the benchmark and as the page name them.
const KINDS: [(&str, &str); 4] =
    [("prose", "prose"), ("json", "JSON of tools"), ("log", "logs"), ("pii", "dense with personal data")];

/// What the benchmark printed: `scan/prose 1026.4 MB/s`.
pub(super) struct Figures(Vec<(String, f64)>);

/// Runs the benchmark.
pub(super) fn measure() -> Result<Figures, String> {
    let text = said(&mut cargo(["bench", "--quiet", "--package", "airlock-scan", "--bench", "figures"]))?;
    println!("{text}");
    Ok(Figures::read(&text))
}

impl Figures {
    /// The unit is the last word, the figure the one before it; what is left is the name.
    fn read(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.rsplitn(3, ' ');
            let (_unit, figure, name) = (words.next()?, words.next()?, words.next()?);
            Some((name.to_owned(), figure.parse().ok()?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// One figure, in the unit in which it is printed.
    pub(super) fn figure(&self, name: &str) -> Result<f64, String> {
        let found = self.0.iter().find(|(own, _)| own == name).map(|(_, figure)| *figure);
        found.ok_or_else(|| format!("the scanner's benchmark printed no `{name}`"))
    }

    /// The section of the page.
    pub(super) fn section(&self) -> Result<String, String> {
        let mut section = format!(
            "## The scanner\n\n\
             Megabytes (10⁶) per second of CPU time of one thread, over seeded text of 16 MiB: what other programs do\n\
             meanwhile counts for little. `regex` is one regular expression per kind over the same text, {} of them,\n\
             without any check of what they find; the scanner applies all its rules, with their checks. Masking is scanning and\n\
             writing the text anew. Screening looks for instructions to a model.\n\n\
             | text | scan | `regex` | ratio | mask | of scanning | screen |\n|---|---|---|---|---|---|---|\n",
            self.figure("baseline/patterns")?
        );
        for (name, title) in KINDS {
            let of = |group: &str| self.figure(&format!("{group}/{name}"));
            let (scan, baseline, mask, screen) = (of("scan")?, of("baseline")?, of("mask")?, of("screen")?);
            let speed = |figure| say(figure, Unit::Speed);
            // Writing to a string does not fail.
            let _ = writeln!(
                section,
                "| {title} | **{}** | {} | {:.1}× | {} | {:.0} % | {} |",
                speed(scan),
                speed(baseline),
                scan / baseline,
                speed(mask),
                100.0 * mask / scan,
                speed(screen),
            );
        }
        let (cpu, memory) = (self.figure("start/cpu")?, self.figure("start/memory")?);
        let _ = writeln!(
            section,
            "\nThe first scan of a fresh process costs {} of CPU time, tables built, and {} of resident memory.\n",
            say(cpu, Unit::Milliseconds),
            say(memory, Unit::Megabytes),
        );
        section.push_str(&self.hostile()?);
        Ok(section)
    }

    fn hostile(&self) -> Result<String, String> {
        let dense = self.figure("scan/pii")?;
        let mut section = "Texts of 10 MiB that repeat what tempts the scanner most, slowest first. The ratio is that of text dense with\n\
             personal data to the hostile one; the budget is 5.\n\n| repeated | speed | ratio |\n|---|---|---|\n"
            .to_owned();
        let mut rows: Vec<(&str, f64)> = self
            .0
            .iter()
            .filter_map(|(name, speed)| Some((name.strip_prefix("hostile/")?, *speed)))
            .collect();
        rows.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        for (name, speed) in rows {
            let _ = writeln!(
                section,
                "| `{}` | {} | {:.1} |",
                name.replace('|', "\\|"),
                say(speed, Unit::Speed),
                dense / speed
            );
        }
        section.push('\n');
        Ok(section)
    }

    /// How many times longer the slowest hostile text takes than text dense with personal data.
    pub(super) fn worst_ratio(&self) -> Result<f64, String> {
        let dense = self.figure("scan/pii")?;
        let hostile = self.0.iter().filter(|(name, _)| name.starts_with("hostile/"));
        Ok(hostile.map(|(_, speed)| dense / speed).fold(0.0, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    fn figures() -> Figures {
        let kinds = ["prose", "json", "log", "pii"];
        let mut text =
            "start/cpu 0.57 ms\nstart/memory 0.4 MB\nbaseline/patterns 26 patterns\nnoise\n".to_owned();
        for kind in kinds {
            text += &[("scan", 500), ("screen", 800), ("mask", 400), ("baseline", 50)]
                .map(|(group, speed)| format!("{group}/{kind} {speed}.0 MB/s\n"))
                .concat();
        }
        Figures::read(&(text + "hostile/a b| c 250.0 MB/s\nhostile/@ 100.0 MB/s\n"))
    }

    #[test]
    fn reads_names_with_spaces() {
        assert_eq!(figures().figure("hostile/a b| c"), Ok(250.0));
        assert!(figures().figure("hostile/none").is_err());
    }

    #[test]
    fn the_section_says_ratios() {
        let section = figures().section().unwrap_or_default();
        for expected in [
            "| prose | **500 MB/s** | 50 MB/s | 10.0× | 400 MB/s | 80 % | 800 MB/s |",
            "| `@` | 100 MB/s | 5.0 |\n| `a b\\| c` | 250 MB/s | 2.0 |",
            "costs 0.57 ms of CPU time",
        ] {
            assert!(section.contains(expected), "{section}");
        }
        assert!(figures().worst_ratio().is_ok_and(|ratio| (ratio - 5.0).abs() < 1e-9));
    }
}
