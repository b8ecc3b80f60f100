//! Single values, from the file or from an environment variable, parsed by the shape of their key.

use toml::de::{DeInteger, DeValue};

use super::{schema::Shape, suggest};

/// A single value. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool(bool),
    Count(usize),
    Text(String),
}

/// Why a value does not fit its key, without the value where that could be a secret.
pub(super) struct Misfit {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Misfit {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl Shape {
    /// Reads a value of the file; the shape must be one of a single value.
    pub(super) fn read(&self, value: &DeValue<'_>) -> Result<Scalar, Misfit> {
        match (self, value) {
            (Self::Bool, DeValue::Boolean(value)) => Ok(Scalar::Bool(*value)),
            (Self::Count { .. }, DeValue::Integer(value)) => self.count(integer(value)),
            (Self::Word(_) | Self::Text | Self::Secret, DeValue::String(text)) => self.text(text),
            _ => Err(self.mismatch(value)),
        }
    }

    /// Reads the text of an environment variable or a flag.
    pub(super) fn read_text(&self, text: &str) -> Result<Scalar, Misfit> {
        match self {
            Self::Bool => boolean(text).map(Scalar::Bool).ok_or_else(|| {
                Misfit::new("expected `true` or `false` (also `1`/`0`, `yes`/`no`, `on`/`off`)")
            }),
            Self::Count { .. } if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.count(text.parse().ok())
            }
            Self::Word(_) | Self::Text | Self::Secret => self.text(text),
            Self::Count { .. }
            | Self::Texts(_)
            | Self::Number
            | Self::Scalars
            | Self::Table(_)
            | Self::Tables(_)
            | Self::Map(..) => Err(Misfit::new(format!("expected {}", self.expected()))),
        }
    }

    fn count(&self, value: Option<i128>) -> Result<Scalar, Misfit> {
        let Self::Count { min, max } = self else { return Err(Misfit::new("not a count")) };
        match value.and_then(|value| usize::try_from(value).ok()) {
            Some(count) if (*min..=*max).contains(&count) => Ok(Scalar::Count(count)),
            _ => {
                let zero = (value == Some(0)).then(|| "zero does not mean unlimited".to_owned());
                Err(Misfit::new(format!("expected {}", self.expected())).with_help(zero))
            }
        }
    }

    fn text(&self, text: &str) -> Result<Scalar, Misfit> {
        match self {
            _ if text.trim().is_empty() => Err(Misfit::new("must not be empty")),
            Self::Word(words) if !words.contains(&text) => {
                let help = suggest::closest(text, words.iter().copied())
                    .map(|word| format!("did you mean `{word}`?"));
                Err(Misfit::new(format!("expected {}", self.expected())).with_help(help))
            }
            _ => Ok(Scalar::Text(text.to_owned())),
        }
    }

    /// The value is of another type than the key.
    pub(super) fn mismatch(&self, value: &DeValue<'_>) -> Misfit {
        let help = match (self, value) {
            (Self::Texts(_), DeValue::String(text)) => {
                Some(format!("write [\"{}\"]", suggest::printable(text)))
            }
            (Self::Bool, DeValue::String(text)) if boolean(text).is_some() => {
                Some("write it without quotes".to_owned())
            }
            (Self::Count { .. } | Self::Number, DeValue::String(_)) => {
                Some("write it without quotes".to_owned())
            }
            (Self::Tables(_), DeValue::Table(_)) => Some("write `[[` and `]]` around its name".to_owned()),
            (Self::Text | Self::Word(_), DeValue::Datetime(_)) => Some("write it in quotes".to_owned()),
            _ => None,
        };
        Misfit::new(format!("expected {}, found {}", self.expected(), found(value))).with_help(help)
    }
}

/// The words that an environment variable may use for a boolean, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["true", "1", "yes", "on"]) {
        Some(true)
    } else if is(["false", "0", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// The value of a TOML integer, which 128 bits hold unless somebody plays.
pub(super) fn integer(value: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(value.as_str(), value.radix()).ok()
}

/// The type of a value with its article.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, Shape};

    #[test]
    fn environment_booleans_are_exactly_these_words() {
        for (words, expected) in [
            (["true", "1", "yes", "on", "TRUE", "True", "Yes", "ON"], true),
            (["false", "0", "no", "off", "FALSE", "False", "No", "OFF"], false),
        ] {
            for word in words {
                assert!(
                    Shape::Bool.read_text(word).is_ok_and(|value| value == Scalar::Bool(expected)),
                    "{word}"
                );
            }
        }
        for bad in ["", " true", "true\n", "y", "n", "2", "enabled", "None", "１"] {
            assert!(Shape::Bool.read_text(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn environment_counts_are_plain_digits_within_bounds() {
        let shape = Shape::Count { min: 100, max: 5000 };
        for (text, expected) in [("100", 100), ("5000", 5000), ("0100", 100)] {
            assert!(shape.read_text(text).is_ok_and(|value| value == Scalar::Count(expected)), "{text}");
        }
        for bad in ["", "99", "5001", "+100", "-100", "1e3", "1_000", "١٠٠", " 100", "0", &"9".repeat(100)]
        {
            assert!(shape.read_text(bad).is_err(), "{bad:?}");
        }
    }
}
