//! What stands in `#[airlock(…)]`.

use proc_macro2::Span;
use syn::{
    Error, Expr, ExprArray, ExprLit, Ident, Lit, LitBool, LitStr, Path, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// Every word, for the error about an unknown one.
const WORDS: &[&str] = &[
    "strict",
    "permissive",
    "policy",
    "config",
    "sandbox",
    "sandbox_required",
    "sanitize_output",
    "mask_pii",
    "mask_secrets",
    "max_output_chars",
    "roles",
    "rate_limit",
    "within",
    "name",
    "description",
    "associated",
    "crate",
];

/// A value and where its word stands.
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// What stands in the attribute, each word at most once.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) strict: Option<At<bool>>,
    pub(crate) policy: Option<At<Expr>>,
    pub(crate) config: Option<At<Expr>>,
    pub(crate) sandbox: Option<At<bool>>,
    pub(crate) sandbox_required: Option<At<()>>,
    pub(crate) sanitize_output: Option<At<Expr>>,
    pub(crate) mask_pii: Option<At<Expr>>,
    pub(crate) mask_secrets: Option<At<Expr>>,
    pub(crate) max_output_chars: Option<At<Expr>>,
    pub(crate) roles: Option<At<Vec<Expr>>>,
    pub(crate) rate_limit: Option<At<Expr>>,
    pub(crate) within: Vec<(Ident, Vec<Expr>)>,
    pub(crate) name: Option<At<LitStr>>,
    pub(crate) description: Option<At<LitStr>>,
    pub(crate) associated: Option<At<()>>,
    pub(crate) krate: Option<At<Path>>,
}

/// Sets what may be set once.
fn once<T>(place: &mut Option<At<T>>, word: &Ident, value: T) -> Result<()> {
    if place.is_some() {
        return Err(Error::new(word.span(), format!("`{word}` is given twice")));
    }
    *place = Some(At { value, span: word.span() });
    Ok(())
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = Self::default();
        while !input.is_empty() {
            attributes.word(input)?;
            if input.is_empty() {
                break;
            }
            input.parse::<Token![,]>()?;
        }
        attributes.check()?;
        Ok(attributes)
    }
}

impl Attributes {
    fn word(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(Token![crate]) {
            let word = Ident::new("crate", input.parse::<Token![crate]>()?.span);
            return once(&mut self.krate, &word, value(input)?);
        }
        let word: Ident = input.parse()?;
        match word.to_string().as_str() {
            "strict" => self.mode(&word, flag(input)?.value),
            "permissive" => {
                let on = flag(input)?.value;
                self.mode(&word, !on)
            }
            "policy" => once(&mut self.policy, &word, value(input)?),
            "config" => once(&mut self.config, &word, value(input)?),
            "sandbox" => once(&mut self.sandbox, &word, flag(input)?.value),
            "sandbox_required" => {
                let flag = flag(input)?;
                if flag.value { once(&mut self.sandbox_required, &word, ()) } else { Ok(()) }
            }
            "sanitize_output" => once(&mut self.sanitize_output, &word, value(input)?),
            "mask_pii" => once(&mut self.mask_pii, &word, value(input)?),
            "mask_secrets" => once(&mut self.mask_secrets, &word, value(input)?),
            "max_output_chars" => once(&mut self.max_output_chars, &word, value(input)?),
            "roles" => {
                let roles = list(input)?;
                if roles.is_empty() {
                    return Err(Error::new(word.span(), "`roles` without a role would admit nobody"));
                }
                once(&mut self.roles, &word, roles)
            }
            "rate_limit" => once(&mut self.rate_limit, &word, value(input)?),
            "within" => self.within(input),
            "name" => once(&mut self.name, &word, value(input)?),
            "description" => once(&mut self.description, &word, value(input)?),
            "associated" => once(&mut self.associated, &word, ()),
            unknown => Err(Error::new(word.span(), unknown_word(unknown))),
        }
    }

    fn mode(&mut self, word: &Ident, strict: bool) -> Result<()> {
        if let Some(mode) = &self.strict {
            let message = if mode.value == strict {
                format!("`{word}` says again what was said already")
            } else {
                "`strict` and `permissive` contradict each other: ghost arguments are either refused or stripped"
                    .to_owned()
            };
            return Err(Error::new(word.span(), message));
        }
        once(&mut self.strict, word, strict)
    }

    /// `within(path = "/data", other = ["/a", "/b"])`
    fn within(&mut self, input: ParseStream<'_>) -> Result<()> {
        let content;
        parenthesized!(content in input);
        let rules = Punctuated::<Within, Token![,]>::parse_terminated(&content)?;
        if rules.is_empty() {
            return Err(content.error("say which parameter must lie where: `within(path = \"/data\")`"));
        }
        for Within { parameter, folders } in rules {
            if self.within.iter().any(|(known, _)| *known == parameter) {
                let message = format!(
                    "`{parameter}` is given twice: list its folders, `{parameter} = [\"/a\", \"/b\"]`"
                );
                return Err(Error::new(parameter.span(), message));
            }
            self.within.push((parameter, folders));
        }
        Ok(())
    }

    /// What each word may be, but not together.
    fn check(&self) -> Result<()> {
        if let (Some(required), Some(At { value: false, .. })) = (&self.sandbox_required, &self.sandbox) {
            return Err(Error::new(required.span, "`sandbox_required` contradicts `sandbox = false`"));
        }
        Ok(())
    }

    /// Where a sandbox is asked for, if it is.
    pub(crate) fn sandbox_span(&self) -> Option<Span> {
        let wanted = self.sandbox.as_ref().filter(|sandbox| sandbox.value).map(|sandbox| sandbox.span);
        self.sandbox_required.as_ref().map(|required| required.span).or(wanted)
    }
}

struct Within {
    parameter: Ident,
    folders: Vec<Expr>,
}

impl Parse for Within {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let parameter = input.parse()?;
        input.parse::<Token![=]>()?;
        let folders: Expr = input.parse()?;
        let folders = match folders {
            Expr::Array(ExprArray { elems, .. }) => elems.into_iter().collect(),
            one => vec![one],
        };
        Ok(Self { parameter, folders })
    }
}

/// `= VALUE`
fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(input.error("expected `= …`"));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Nothing, or `= true`, or `= false`.
fn flag(input: ParseStream<'_>) -> Result<LitBool> {
    if !input.peek(Token![=]) {
        return Ok(LitBool::new(true, input.span()));
    }
    match value(input)? {
        Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) => Ok(flag),
        other => Err(Error::new_spanned(other, "expected `true` or `false`")),
    }
}

/// `("a", "b")` or `= ["a", "b"]`
fn list(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    if input.peek(Token![=]) {
        let array: ExprArray = value(input)?;
        return Ok(array.elems.into_iter().collect());
    }
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn unknown_word(word: &str) -> String {
    let words = WORDS.join("`, `");
    match nearest(word) {
        Some(near) => format!("unknown word `{word}`; did you mean `{near}`?"),
        None => format!("unknown word `{word}`; known are `{words}`"),
    }
}

/// The known word with at most two letters changed, added, or left out.
fn nearest(word: &str) -> Option<&'static str> {
    let best = WORDS.iter().map(|known| (distance(word, known), *known)).min()?;
    (best.0 <= 2).then_some(best.1)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, against) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(letter != *against);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Attributes, distance};

    fn error(text: &str) -> String {
        match syn::parse_str::<Attributes>(text) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_word_of_the_documentation_is_read() {
        let text = r#"policy = STRICT_POLICY, config = CONFIG, strict, sandbox, sandbox_required, mask_pii = false,
            mask_secrets = true, sanitize_output = true, max_output_chars = 10_000, roles("admin", "ops"),
            rate_limit = "10/minute", within(path = "/data", to = ["/a", "/b"]), name = "n", description = "d","#;
        let read = syn::parse_str::<Attributes>(text).unwrap();
        assert!(read.strict.unwrap().value && read.sandbox_required.is_some());
        assert_eq!(read.roles.unwrap().value.len(), 2);
        assert_eq!(read.within.iter().map(|(_, folders)| folders.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(!syn::parse_str::<Attributes>("permissive").unwrap().strict.unwrap().value);
        assert!(syn::parse_str::<Attributes>("").unwrap().strict.is_none());
    }

    #[test]
    fn misuse_is_named() {
        for (text, expected) in [
            ("stict", "did you mean `strict`?"),
            ("frobnicate", "known are `strict`"),
            ("strict, permissive", "contradict"),
            ("strict, strict", "again"),
            ("name = \"a\", name = \"b\"", "twice"),
            ("sandbox = false, sandbox_required", "contradicts"),
            ("roles()", "admit nobody"),
            ("within()", "which parameter"),
            ("within(a = \"/x\", a = \"/y\")", "twice"),
            ("policy", "expected `= …`"),
            ("strict = 1", "`true` or `false`"),
        ] {
            assert!(error(text).contains(expected), "{text}: {}", error(text));
        }
    }

    #[test]
    fn distances() {
        for (one, other, expected) in
            [("", "", 0), ("a", "", 1), ("strict", "stict", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
