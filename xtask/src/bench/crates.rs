//! The benchmarks of the crates: runs them and reads the tables that divan prints.

use crate::command::{cargo, said};

/// One benchmark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// `scan/prose`: the names from the outermost group to the argument.
    pub(super) name: String,
    /// The median of a run, in nanoseconds.
    pub(super) nanoseconds: f64,
    /// Bytes per second at the median, where the benchmark counts bytes.
    pub(super) bytes_per_second: Option<f64>,
}

/// Runs the benchmarks with the profile `bench`: the release profile, with line numbers.
pub(super) fn measure() -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (package, name) in [
        ("airlock-engine", "pipeline"),
        ("airlock-engine", "policy"),
        ("airlock-scan", "scan"),
        ("agent-airlock", "toolbox"),
    ] {
        let text = said(&mut cargo(["bench", "--quiet", "--package", package, "--bench", name]))?;
        println!("{text}");
        let found = read(&text);
        if found.is_empty() {
            return Err(format!("the benchmark `{name}` printed no table that can be read"));
        }
        rows.extend(found);
    }
    Ok(rows)
}

/// Reads a table of divan:
///
/// ```text
/// scan         fastest  │ slowest │ median │ mean │ samples │ iters
/// ├─ scan               │         │        │      │         │
/// │  ├─ prose   1.2 ms  │ 1.3 ms  │ 1.2 ms │ …
/// │  │          850 MB/s│ …
/// ```
fn read(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut cells = line.rsplitn(6, '│');
        let (Some(median), Some(left)) = (cells.nth(3), cells.nth(1)) else { continue };
        let median = median.trim();
        if let Some(name) = Name::read(left) {
            groups.truncate(name.depth);
            groups.push(name.text);
            if let Some(seconds) =
                quantity(median, &[("ps", 1e-12), ("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)])
            {
                rows.push(Row { name: groups.join("/"), nanoseconds: seconds * 1e9, bytes_per_second: None });
            }
        } else if let (Some(row), Some(speed)) = (rows.last_mut(), speed(median)) {
            row.bytes_per_second.get_or_insert(speed);
        }
    }
    rows
}

/// What stands behind `├─` or `╰─`, and how deep.
struct Name {
    depth: usize,
    text: String,
}

impl Name {
    fn read(left: &str) -> Option<Self> {
        let at = left.find("├─ ").or_else(|| left.find("╰─ "))?;
        let (before, name) = left.split_at(at);
        let name = name.trim_start_matches(['├', '╰', '─', ' ']);
        // The fastest time stands behind the name, two spaces away at least.
        let name = name.split("  ").next().unwrap_or_default().trim();
        Some(Self { depth: before.chars().count() / 3, text: name.to_owned() })
    }
}

fn speed(text: &str) -> Option<f64> {
    quantity(text, &[("GB/s", 1e9), ("MB/s", 1e6), ("KB/s", 1e3), ("B/s", 1.0)])
}

/// A number, a space, and one of the units.
fn quantity(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let factor = units.iter().find(|(own, _)| *own == unit).map(|(_, factor)| factor)?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::{Row, read};

    #[test]
    fn reads_groups_arguments_and_speeds() {
        let text = "\
Timer precision: 20 ns
scan             fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ leaf                        │               │               │               │         │
│  ╰─ 10         41.6 ns       │ 71.2 ns       │ 42.5 ns       │ 43 ns         │ 100     │ 6400
╰─ scan                        │               │               │               │         │
   ├─ prose      560.1 µs      │ 1.2 ms        │ 580 µs        │ 601 µs        │ 100     │ 100
   │             1.872 GB/s    │ 873 MB/s      │ 1.8 GB/s      │ 1.7 GB/s      │         │
   │             alloc:        │               │               │               │         │
   │               2           │ 2             │ 2             │ 2             │         │
   ╰─ json       1.1 ms        │ 1.3 ms        │ 1.15 ms       │ 1.2 ms        │ 100     │ 100
";
        let row = |name: &str, nanoseconds: f64, bytes_per_second| Row {
            name: name.to_owned(),
            nanoseconds,
            bytes_per_second,
        };
        let rows: Vec<Row> = read(text)
            .into_iter()
            .map(|row| Row { nanoseconds: (row.nanoseconds * 10.0).round() / 10.0, ..row })
            .collect();
        let expected = [
            row("leaf/10", 42.5, None),
            row("scan/prose", 580_000.0, Some(1.8e9)),
            row("scan/json", 1_150_000.0, None),
        ];
        assert_eq!(rows, expected);
    }
}
