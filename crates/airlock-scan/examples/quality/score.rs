//! Compares what the scanner finds with what is marked.

use std::{collections::BTreeMap, ops::Range};

use airlock_scan::{Class, Finding, Kind, KindSet, Scanner};

use crate::corpus::{Judge, Mark, Record};

/// What was counted for a kind or for a class of texts.
#[derive(Default)]
pub(crate) struct Count {
    /// Marks.
    pub(crate) expected: usize,
    /// Marks of which at least nine tenths are covered by findings.
    pub(crate) found: usize,
    /// Marks on which a finding of just that kind lies.
    pub(crate) named: usize,
    /// Findings that lie on no mark of their kind.
    pub(crate) wrong: usize,
    /// Texts in which false alarms are counted.
    pub(crate) judged: usize,
    /// Texts with at least one false alarm.
    pub(crate) alarmed: usize,
}

/// All counts, by the names of kinds and by the classes of the texts.
#[derive(Default)]
pub(crate) struct Score {
    pub(crate) texts: usize,
    pub(crate) all: Count,
    pub(crate) kinds: BTreeMap<String, Count>,
    pub(crate) classes: BTreeMap<String, Count>,
    /// What went wrong, one line each: `missed` or `false`, the kind, the id, the text.
    pub(crate) misses: Vec<String>,
}

/// Scans every text.
pub(crate) fn score(records: &[Record]) -> Score {
    let scanner = Scanner::new(KindSet::all());
    let mut score = Score::default();
    for record in records {
        let mut found = Vec::new();
        scanner.scan(&record.text, &mut found);
        let mut screened = Vec::new();
        scanner.screen(&record.text, &mut screened);
        found.append(&mut screened);
        score.texts += 1;
        score.expected(record, &found);
        score.alarms(record, &found);
    }
    score
}

impl Score {
    fn each(&mut self, record: &Record, kind: &str, change: impl Fn(&mut Count)) {
        change(&mut self.all);
        change(self.kinds.entry(kind.to_owned()).or_default());
        change(self.classes.entry(record.class().to_owned()).or_default());
    }

    fn expected(&mut self, record: &Record, found: &[Finding]) {
        // A kind that this scanner does not know cannot be missed.
        for mark in record.marks.iter().filter(|mark| Kind::from_name(&mark.kind).is_some()) {
            let hit = covered(&record.text, mark, found, record.loose);
            let named =
                found.iter().any(|finding| finding.kind.name() == mark.kind && touches(&mark.span, finding));
            self.each(record, &mark.kind, |count| {
                count.expected += 1;
                count.found += usize::from(hit);
                count.named += usize::from(named);
            });
            if !hit {
                self.note("missed", &mark.kind, record, &mark.span);
            }
        }
    }

    fn alarms(&mut self, record: &Record, found: &[Finding]) {
        if matches!(record.judge, Judge::None) {
            return;
        }
        let wrong: Vec<&Finding> = found.iter().filter(|finding| is_wrong(record, finding)).collect();
        for count in [&mut self.all, self.classes.entry(record.class().to_owned()).or_default()] {
            count.judged += 1;
            count.alarmed += usize::from(!wrong.is_empty());
        }
        for finding in wrong {
            self.each(record, finding.kind.name(), |count| count.wrong += 1);
            self.note("false", finding.kind.name(), record, &finding.span);
        }
    }

    fn note(&mut self, what: &str, kind: &str, record: &Record, span: &Range<usize>) {
        let text = record.text.get(span.clone()).unwrap_or_default();
        let text: String = text.chars().take(60).collect();
        let around: String = record.text.chars().take(90).collect();
        self.misses.push(format!("{what:<7} {kind:<18} {:<24} {text:?} in {around:?}", record.id));
    }
}

fn touches(span: &Range<usize>, finding: &Finding) -> bool {
    finding.span.start < span.end && span.start < finding.span.end
}

fn covered(text: &str, mark: &Mark, found: &[Finding], loose: bool) -> bool {
    if loose || mark.kind == Kind::Injection.name() {
        return found.iter().any(|finding| touches(&mark.span, finding));
    }
    let inside = text.get(mark.span.clone()).unwrap_or_default();
    let places = inside.char_indices().map(|(at, _)| mark.span.start + at);
    let hit = places.filter(|at| found.iter().any(|finding| finding.span.contains(at))).count();
    hit * 10 >= inside.chars().count() * 9
}

fn is_wrong(record: &Record, finding: &Finding) -> bool {
    let class = finding.kind.class();
    let same = |kind: &str| {
        kind == finding.kind.name()
            || class == Class::Secret
                && Kind::from_name(kind).is_some_and(|kind| kind.class() == Class::Secret)
    };
    match &record.judge {
        Judge::None => false,
        Judge::All => !record
            .marks
            .iter()
            .any(|mark| (mark.kind == "?" || same(&mark.kind)) && touches(&mark.span, finding)),
        Judge::Kinds { kinds, whole } => {
            kinds.iter().any(|kind| same(kind)) && (!whole || finding.span.len() >= record.text.trim().len())
        }
    }
}
