//! Templates: a text with generators in it, and what becomes of it. Their form is described in `corpus/detection/README.md`.

use super::checks::{base64, base64url, hex, percent};
use super::random::Random;
use super::{innocent, personal, secrets};

/// One text, to be made in so many variants.
pub(super) struct Template {
    pub(super) class: String,
    pub(super) variants: u64,
    pub(super) text: String,
}

/// Reads a file of templates: `### class N` begins a text of several lines, `=== class N` texts of one line each.
pub(super) fn read(file: &str) -> Result<Vec<Template>, String> {
    let mut templates: Vec<Template> = Vec::new();
    let mut section: Option<(bool, String, u64)> = None;
    for line in file.lines() {
        if let Some((marker, rest)) =
            line.split_at_checked(4).filter(|(marker, _)| ["### ", "=== "].contains(marker))
        {
            let (class, variants) = rest.rsplit_once(' ').ok_or_else(|| format!("`{line}` has no count"))?;
            let variants = variants.parse().map_err(|_| format!("`{line}` has no count"))?;
            section = Some((marker == "=== ", class.to_owned(), variants));
            if marker == "### " {
                templates.push(Template { class: class.to_owned(), variants, text: String::new() });
            }
            continue;
        }
        match &section {
            None => {}
            Some((true, ..)) if line.is_empty() => {}
            Some((true, class, variants)) => {
                let text = line.replace('⏎', "\n").replace('⇥', "\t");
                templates.push(Template { class: class.clone(), variants: *variants, text });
            }
            Some((false, ..)) => {
                if let Some(template) = templates.last_mut() {
                    template.text.push_str(&line.replace('⇥', "\t"));
                    template.text.push('\n');
                }
            }
        }
    }
    Ok(templates)
}

impl Template {
    /// One variant, with the findings marked in it.
    pub(super) fn expand(&self, variant: u64) -> Result<String, String> {
        let random = &mut Random::for_text(&format!("{}\n{}", self.class, self.text), variant);
        let (mut out, mut rest) = (String::new(), self.text.as_str());
        while let Some((before, tail)) = rest.split_once('«') {
            let (name, after) = tail.split_once('»').ok_or_else(|| format!("no end: `«{tail}`"))?;
            out.push_str(before);
            out.push_str(&generator(name, random).ok_or_else(|| format!("no generator `{name}`"))?);
            rest = after;
        }
        Ok(characters(&(out + rest)))
    }
}

/// `name`, `-name` without a mark, `name:kind` marked otherwise, `name>code` encoded, `one|two` a choice.
fn generator(name: &str, random: &mut Random) -> Option<String> {
    if name.contains('|') {
        return Some(random.pick(&name.split('|').collect::<Vec<_>>()).to_owned());
    }
    let (name, plain) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    let (name, kind) = name.split_once(':').map_or((name, None), |(name, kind)| (name, Some(kind)));
    let (name, code) = name.split_once('>').map_or((name, None), |(name, code)| (name, Some(code)));
    let made = personal::value(name, random).or_else(|| secrets::value(name, random));
    let made = made.or_else(|| innocent::value(name, random).map(|value| ("", value)));
    let (own, value) = made?;
    let value = code.map_or(Some(value.clone()), |code| encoded(&value, code))?;
    let kind = kind.unwrap_or(own);
    Some(if plain || kind.is_empty() { value } else { format!("⟦{kind}:{value}⟧") })
}

fn encoded(value: &str, code: &str) -> Option<String> {
    let plain = value.replace('‖', "");
    let bytes = plain.as_bytes();
    let between = |separator: &str| {
        let mut letters = plain.chars();
        let start: String = letters.by_ref().take(3).collect();
        format!("{start}{separator}{}", letters.as_str())
    };
    Some(match code {
        "base64" => base64(format!("the value is {plain} today").as_bytes()),
        "base64url" => base64url(format!("{{\"v\":\"{plain}\",\"n\":7}}").as_bytes()),
        "hex" => hex(bytes),
        "percent" => percent(&plain),
        "json" => plain.replace('@', "\\u0040").replace('-', "\\u002d").replace(' ', "\\u0020"),
        "html" => plain.replace('@', "&#64;").replace('-', "&#45;").replace('.', "&#46;"),
        "upper" => plain.to_uppercase(),
        "zw" => between("\u{200b}"),
        "shy" => between("\u{ad}"),
        "wide" => plain.chars().map(wide).collect(),
        "nbsp" => plain.replace(['-', ' '], "\u{a0}"),
        "dash" => plain.replace('-', "\u{2011}"),
        _ => return None,
    })
}

/// The full-width form of a digit or of `@`.
fn wide(letter: char) -> char {
    match letter {
        '0'..='9' | '@' => char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter),
        other => other,
    }
}

/// `\u{…}` in a template is that character, so that invisible ones can be seen.
fn characters(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, tail)) = rest.split_once("\\u{") {
        let (code, after) = tail.split_once('}').unwrap_or((tail, ""));
        out.push_str(before);
        out.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        rest = after;
    }
    out + rest
}
