//! Folding: one form for all spellings of a name that a reader takes for the same.
//!
//! Only rules that restrict look at folded names. A fold that merges two names too many therefore costs a
//! call at worst; one that keeps two spellings apart lets a trick through.

use unicode_normalization::UnicodeNormalization;

/// Folds a name: compatibility forms resolved (NFKC), lower case, diacritics, white space, control and
/// invisible characters removed, look-alikes of ASCII letters and punctuation mapped to ASCII.
///
/// Folding twice gives the same as folding once. Cost: linear in the name.
///
/// ```
/// # use airlock_engine::policy::fold;
/// assert_eq!(fold("Delete\u{200b}_User"), "delete_user");
/// assert_eq!(fold("ｄ\u{435}lete_user"), "delete_user"); // full-width d, Cyrillic е
/// ```
pub fn fold(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return name.to_ascii_lowercase();
    }
    fold_seeing(name, |c| c)
}

/// The other reading of a name: some Greek capitals look like other Latin letters than their lower-case
/// forms do (`Ν` like `N`, `ν` like `v`). `None` when the name has no such letter.
pub(crate) fn fold_capitals(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let other = fold_seeing(name, look_alike_capital);
    (other != fold(name)).then_some(other)
}

fn fold_seeing(name: &str, seen: impl Fn(char) -> char) -> String {
    name.chars()
        .map(look_alike)
        .nfkd()
        .filter(|&c| !is_invisible(c) && !is_diacritic(c) && !c.is_whitespace())
        .map(seen)
        .map(look_alike)
        .flat_map(char::to_lowercase)
        .map(look_alike)
        .nfc()
        .collect()
}

/// Whether a character shows nothing: control, format and filler characters, selectors and tags.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Marks that decorate a letter. Marks that belong to the letters of other scripts are not among them.
fn is_diacritic(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn look_alike_capital(c: char) -> char {
    match c {
        '\u{39c}' => 'm',
        '\u{39d}' => 'n',
        '\u{397}' => 'h',
        '\u{3a5}' => 'y',
        other => other,
    }
}

/// The ASCII character that `c` looks like, after the idea of the confusables of Unicode TR 39: Cyrillic,
/// Greek, Armenian, Coptic, Cherokee, Lisu, small capitals, letters with strokes or hooks, boxed letters.
fn look_alike(c: char) -> char {
    if c < '\u{a0}' {
        return c;
    }
    match cherokee_capital(c) {
        boxed @ ('\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}' | '\u{1f1e6}'..='\u{1f1ff}') => {
            boxed_letter(boxed)
        }
        '\u{430}' | '\u{3b1}' | '\u{251}' | '\u{1d00}' | '\u{2c65}' | '\u{2c81}' | '\u{a4ee}'
        | '\u{13aa}' => 'a',
        '\u{432}' | '\u{44c}' | '\u{3b2}' | '\u{299}' | '\u{180}' | '\u{253}' | '\u{a4d0}' | '\u{13f4}' => {
            'b'
        }
        '\u{441}' | '\u{3f2}' | '\u{3f9}' | '\u{1d04}' | '\u{188}' | '\u{2ca5}' | '\u{a4da}' | '\u{13df}' => {
            'c'
        }
        '\u{501}' | '\u{1d05}' | '\u{111}' | '\u{257}' | '\u{a4d3}' | '\u{13a0}' => 'd',
        '\u{435}' | '\u{454}' | '\u{3b5}' | '\u{1d07}' | '\u{247}' | '\u{2c89}' | '\u{a4f0}' | '\u{13ac}' => {
            'e'
        }
        '\u{3dd}' | '\u{192}' | '\u{a730}' | '\u{a4dd}' => 'f',
        '\u{50d}' | '\u{581}' | '\u{261}' | '\u{262}' | '\u{1e5}' | '\u{260}' | '\u{a4d6}' | '\u{13c0}' => {
            'g'
        }
        '\u{43d}' | '\u{4bb}' | '\u{570}' | '\u{29c}' | '\u{127}' | '\u{266}' | '\u{a4e7}' | '\u{13bb}' => {
            'h'
        }
        '\u{456}' | '\u{3b9}' | '\u{131}' | '\u{26a}' | '\u{268}' | '\u{269}' | '\u{2c93}' | '\u{a4f2}' => {
            'i'
        }
        '\u{458}' | '\u{3f3}' | '\u{237}' | '\u{1d0a}' | '\u{575}' | '\u{a4d9}' | '\u{13ab}' => 'j',
        '\u{43a}' | '\u{3ba}' | '\u{1d0b}' | '\u{199}' | '\u{a741}' | '\u{2c95}' | '\u{a4d7}'
        | '\u{13e6}' => 'k',
        '\u{4cf}' | '\u{4c0}' | '\u{1c0}' | '\u{29f}' | '\u{142}' | '\u{26b}' | '\u{26c}' | '\u{26d}'
        | '\u{a4e1}' | '\u{13de}' => 'l',
        '\u{43c}' | '\u{1d0d}' | '\u{271}' | '\u{2c99}' | '\u{a4df}' | '\u{13b7}' => 'm',
        '\u{43f}' | '\u{3b7}' | '\u{578}' | '\u{57c}' | '\u{274}' | '\u{272}' | '\u{273}' | '\u{14b}'
        | '\u{2c9b}' | '\u{a4e0}' => 'n',
        '\u{43e}' | '\u{3bf}' | '\u{3c3}' | '\u{3c2}' | '\u{585}' | '\u{1d0f}' | '\u{f8}' | '\u{2c9f}'
        | '\u{a4f3}' => 'o',
        '\u{440}' | '\u{3c1}' | '\u{1d18}' | '\u{1a5}' | '\u{2ca3}' | '\u{a4d1}' | '\u{13e2}' => 'p',
        '\u{51b}' | '\u{566}' | '\u{24b}' => 'q',
        '\u{433}' | '\u{280}' | '\u{24d}' | '\u{a4e3}' | '\u{13a1}' => 'r',
        '\u{455}' | '\u{a731}' | '\u{282}' | '\u{a4e2}' | '\u{13da}' => 's',
        '\u{442}' | '\u{3c4}' | '\u{1d1b}' | '\u{167}' | '\u{1ad}' | '\u{2ca7}' | '\u{a4d4}' | '\u{13a2}' => {
            't'
        }
        '\u{3c5}' | '\u{3bc}' | '\u{57d}' | '\u{1d1c}' | '\u{a4f4}' => 'u',
        '\u{475}' | '\u{3bd}' | '\u{1d20}' | '\u{28b}' | '\u{a4e6}' | '\u{13d9}' => 'v',
        '\u{51d}' | '\u{461}' | '\u{3c9}' | '\u{1d21}' | '\u{a4ea}' | '\u{13b3}' => 'w',
        '\u{445}' | '\u{3c7}' | '\u{2cad}' | '\u{a4eb}' => 'x',
        '\u{443}' | '\u{4af}' | '\u{3b3}' | '\u{28f}' | '\u{1b4}' | '\u{2ca9}' | '\u{a4ec}' => 'y',
        '\u{3b6}' | '\u{1d22}' | '\u{1b6}' | '\u{290}' | '\u{225}' | '\u{a4dc}' | '\u{13c3}' => 'z',
        '\u{2010}' | '\u{2012}' | '\u{2013}' | '\u{2014}' | '\u{2015}' | '\u{2212}' => '-',
        '\u{2cd}' | '\u{7fa}' => '_',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{2d0}' | '\u{5c3}' | '\u{2236}' | '\u{a789}' => ':',
        '\u{a4f8}' => '.',
        _ => c,
    }
}

/// The table names Cherokee capitals; their small forms lie 0x97D0 above.
fn cherokee_capital(c: char) -> char {
    match c {
        '\u{ab70}'..='\u{abbf}' => char::from_u32(u32::from(c) - 0x97d0).unwrap_or(c),
        '\u{13f8}'..='\u{13fd}' => char::from_u32(u32::from(c) - 8).unwrap_or(c),
        other => other,
    }
}

/// Letters in black circles or squares, and the letters that flags are spelled with: three alphabets.
fn boxed_letter(c: char) -> char {
    let start = match c {
        '\u{1f150}'..='\u{1f169}' => 0x1f150,
        '\u{1f170}'..='\u{1f189}' => 0x1f170,
        _ => 0x1f1e6,
    };
    let index = u8::try_from(u32::from(c).saturating_sub(start)).unwrap_or_default();
    char::from(b'a'.saturating_add(index))
}

/// The name as the most lenient decoder takes it: without regard to case (`ſ` and the Kelvin sign included) or
/// to control characters. Two names that fold alike here may be one to another program, so that what a rule is
/// about must not stand beside one that is spelled otherwise.
pub fn fold_lenient(name: &str) -> String {
    let letters = name.chars().filter(|c| !c.is_control());
    letters.flat_map(|c| if c == '\u{17f}' { 's' } else { c }.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fold, fold_capitals};

    #[test]
    fn spellings_that_look_the_same_fold_to_the_same() {
        for trick in [
            "delete_user",
            "Delete_User",
            "DELETE_USER",
            "delete\u{200b}_user",
            "de\u{ad}lete_us\u{2060}er",
            "\u{feff}delete_user\u{fe0f}",
            "delete_user\u{e0061}\u{e007f}",
            "ｄｅｌｅｔｅ＿ｕｓｅｒ",
            "𝐝𝐞𝐥𝐞𝐭𝐞_𝓊𝓈𝑒𝓇",
            "d\u{435}l\u{435}t\u{435}_us\u{435}r",
            "\u{501}\u{435}\u{4cf}\u{435}\u{442}\u{435}_\u{57d}\u{455}\u{435}\u{433}",
            "dеlеtе_uѕеr",
            "délètê_üser",
            "d\u{332}e\u{332}lete_user",
            " delete_user\n",
            "delete\u{a0}_user",
            "delete\u{0}_user",
            "ᴅᴇʟᴇᴛᴇ_ᴜꜱᴇʀ",
            "🅳🅴🅻🅴🆃🅴_🅤🅢🅔🅡",
            "🇩🇪🇱🇪🇹🇪_🇺🇸🇪🇷",
            "ᎠᎬᏞᎬᎢᎬ_user",
            "đełeŧe_user",
            "delete\u{7fa}user",
            "dele\u{3c4}e_user",
        ] {
            assert_eq!(fold(trick), "delete_user", "{trick:?}");
        }
    }

    #[test]
    fn capitals_are_read_both_ways() {
        assert_eq!(fold_capitals("TRUNCATE"), None);
        assert_eq!(fold_capitals("trunсate"), None);
        assert_eq!(fold_capitals("TRU\u{39d}CATE").as_deref(), Some("truncate"));
        assert_eq!(fold_capitals("\u{397}IDE").as_deref(), Some("hide"));
        assert_eq!(fold("dro\u{3c1}"), "drop");
    }

    #[test]
    fn other_scripts_stay_apart() {
        for (one, other) in
            [("読む", "書く"), ("ガ", "カ"), ("удалить", "читать"), ("삭제", "읽기"), ("हटाओ", "पढ़ो")]
        {
            assert_ne!(fold(one), fold(other));
            assert!(!fold(one).is_empty());
        }
        assert_eq!(fold("УДАЛИТЬ"), fold("удалить"));
        assert_eq!(fold("ΔΙΑΓΡΑΦΉΣ"), fold("διαγραφής"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(name in "\\PC{0,24}|[\\x00-\\x7f]{0,24}|.{0,24}") {
            let once = fold(&name);
            prop_assert_eq!(fold(&once), once.clone());
            prop_assert!(!once.chars().any(|c| c.is_ascii_uppercase() || c.is_control()));
        }

        #[test]
        fn case_never_matters_in_ascii(name in "[ -~]{0,40}") {
            prop_assert_eq!(fold(&name.to_uppercase()), fold(&name));
        }
    }
}
