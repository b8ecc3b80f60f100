//! Telephone numbers: international, North American and other national forms, and those that a word names.

mod international;
mod national;
mod words;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
    verify::digits::{Group, Number, Separator},
};

/// More groups than any telephone number has.
const GROUPS: usize = 8;

/// A number with the lengths of its groups at hand.
struct Candidate<'n> {
    number: &'n Number<'n>,
    groups: &'n [Group],
    lengths: [u8; GROUPS],
    total: usize,
}

pub(crate) fn verify(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    if !sink.wants(Kind::Phone) {
        return false;
    }
    let Some(candidate) = Candidate::new(number) else { return false };
    let start = number.start();
    let (from, found) = match number.text.before(start, 1) {
        b'+' => (start - 1, international::with_plus(&candidate)),
        b'(' => match national::in_parentheses(&candidate) {
            Some(end) => (start - 1, Some(end)),
            // All of it stands in them.
            None => (start, national::plain(&candidate)),
        },
        _ => (start, international::with_zeros(&candidate).or_else(|| national::plain(&candidate))),
    };
    if let Some(end) = found {
        let confidence = if from < start { Confidence::High } else { Confidence::Medium };
        sink.report(Kind::Phone, from..end, confidence, "phone");
        return true;
    }
    let Some(end) = words::named(&candidate) else { return false };
    sink.report(Kind::Phone, start..end, Confidence::Medium, "phone-context");
    true
}

/// Reports a short run of digits without separators, if a word names it.
pub(crate) fn verify_run(text: &Text<'_>, start: usize, end: usize, sink: &mut Sink<'_>) {
    let ends = !is_word(text.at(end)) && !matches!(text.at(end), b'%' | b'*');
    if ends && sink.wants(Kind::Phone) && words::named_run(text, start, end) {
        sink.report(Kind::Phone, start..end, Confidence::Medium, "phone-context");
    }
}

impl<'n> Candidate<'n> {
    /// `None` for what is too short, and for dates, which are the most frequent numbers with separators.
    fn new(number: &'n Number<'n>) -> Option<Self> {
        let groups = number.groups();
        // The next most frequent are decimal fractions.
        if groups.len() == 2 && groups.get(1).is_some_and(|group| group.separator == Separator::Dot) {
            return None;
        }
        // Coordinates are fractions, too, with a space or a comma between them: `0.08695 3.081375`.
        let fraction = groups.first().is_some_and(|group| group.len() == 1)
            && groups.get(1).is_some_and(|group| group.separator == Separator::Dot)
            && number.first_digit() == b'0';
        if fraction {
            return None;
        }
        let mut lengths = [0; GROUPS];
        let mut total = 0;
        for (slot, group) in lengths.iter_mut().zip(groups) {
            *slot = u8::try_from(group.len()).unwrap_or(u8::MAX);
            total += group.len();
        }
        let date = matches!(lengths, [4, 1 | 2, 1 | 2, ..] | [1 | 2, 1 | 2, 4, 0..=2, ..])
            && number.separator(3).is_some_and(|separator| separator != Separator::Space)
            && number.text.before(number.start(), 1) != b'+';
        (total >= 7 && !date).then_some(Self { number, groups, lengths, total })
    }

    fn text(&self) -> &'n Text<'n> {
        self.number.text
    }

    fn first(&self) -> u8 {
        self.number.first_digit()
    }

    /// The digit `index` places behind the first of the number, whatever group it is in.
    fn digit(&self, index: usize) -> u8 {
        self.number.digits(GROUPS).nth(index).unwrap_or(0)
    }

    /// The value of the first digits.
    fn prefix(&self, digits: usize) -> u32 {
        self.number.digits(GROUPS).take(digits).fold(0, |value, digit| value * 10 + u32::from(digit))
    }

    fn separator(&self, index: usize) -> Option<Separator> {
        self.groups.get(index).map(|group| group.separator)
    }

    /// Digits of the first `count` groups.
    fn total_of(&self, count: usize) -> usize {
        self.groups.iter().take(count).map(|group| group.len()).sum()
    }

    /// Whether no number stands one space before or behind the first `count` groups.
    fn stands_alone(&self, count: usize) -> bool {
        self.number.follows == 0 && self.number.next_length(count) == 0
    }

    /// End of the number of `count` groups and of an extension behind it; `None` where a word goes on.
    fn end(&self, count: usize) -> Option<usize> {
        if let Some(end) = self.number.end_of(count) {
            return Some(extension(self.text(), end).unwrap_or(end));
        }
        let last = *self.groups.get(count.checked_sub(1)?)?;
        let goes_on = self.groups.len() > count;
        extension(self.text(), self.number.place_of_end(last)).filter(|_| !goes_on)
    }

    fn has_extension(&self, count: usize) -> bool {
        let last = count.checked_sub(1).and_then(|last| self.groups.get(last));
        last.is_some_and(|last| extension(self.text(), self.number.place_of_end(*last)).is_some())
    }
}

/// End of the extension at `at`: `x123`, ` ext. 4`, `;ext=12`, ` # 7`.
fn extension(text: &Text<'_>, at: usize) -> Option<usize> {
    const WORDS: [&[u8]; 4] = [b"extension", b"extn", b"ext", b"x"];
    let marker = text.run(at, 2, |byte| matches!(byte, b' ' | b',' | b';'));
    let word = WORDS.iter().find(|word| text.has_fold(marker, word))?;
    let digits = text.run(marker + word.len(), 2, |byte| matches!(byte, b' ' | b'.' | b':' | b'='));
    let end = text.run(digits, 7, |byte| byte.is_ascii_digit());
    ((1..=6).contains(&(end - digits)) && !is_word(text.at(end))).then_some(end)
}

#[cfg(test)]
mod tests;
