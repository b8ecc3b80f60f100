//! What evaders do: findings behind escapes, encodings, invisible characters and look-alikes.

use airlock_scan::{Finding, Kind, Scanner};

fn scan(text: &str) -> Vec<Finding> {
    let mut out = Vec::new();
    Scanner::default().scan(text, &mut out);
    out
}

fn found(text: &str) -> Vec<(Kind, &str)> {
    scan(text)
        .into_iter()
        .map(|finding| (finding.kind, text.get(finding.span).unwrap_or("not on a boundary")))
        .collect()
}

/// Checks a table of texts in which exactly one passage, between `⟦` and `⟧`, is a finding.
#[track_caller]
fn check(table: &[(Kind, &str)]) {
    let mut wrong = Vec::new();
    for (kind, marked) in table {
        let text = marked.replace(['⟦', '⟧'], "");
        let expected = marked.split('⟦').nth(1).and_then(|rest| rest.split('⟧').next()).unwrap_or_default();
        for text in [
            text.clone(),
            format!("filler of words, {text}"),
            format!("{}\n{text}\n{}", "x ".repeat(503), "y ".repeat(900)),
        ] {
            let found = found(&text);
            if found != [(*kind, expected)] {
                wrong.push(format!("{marked:?} gave {found:?}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

use Kind::{ApiKey, AwsAccessKey, ConnectionString, CreditCard, Email, Password, Phone, Ssn};

#[test]
fn json_and_c_escapes() {
    check(&[
        (Email, r#"{"mail":"⟦bob\u0040example.com⟧"}"#),
        (Email, r#"{"mail":"⟦bob@example\u002ecom⟧"}"#),
        (Email, r#"{"a":"{\"mail\":\"⟦bob\\u0040example.com⟧\"}"}"#),
        (Email, r#"{"mail":"⟦bob\u{40}example.com⟧"}"#),
        (Email, r#"s = "⟦bob\x40example\x2ecom⟧""#),
        (Email, r#"s = "⟦\x62\x6f\x62\x40example.com⟧""#),
        (Email, r#"s = "⟦bob\U00000040example.com⟧""#),
        (Email, r#"{"mail":"⟦bob\uff20example.com⟧"}"#),
        (Email, r#"{"mail":"⟦bob\u200b@example.com⟧"}"#),
        (Ssn, r#"{"ssn":"⟦\u0035\u0032\u0033-45-6781⟧"}"#),
        (Ssn, r#"{"ssn":"⟦523\u002d45\u002d6781⟧"}"#),
        (CreditCard, r#"{"card":"⟦4539\u00a05787\u00a06362\u00a01486⟧"}"#),
        (CreditCard, r#"{"card":"⟦\ud835\udfd2539578763621486⟧"}"#),
        (ConnectionString, r#"{"u":"postgres:\/\/svc:⟦Zr7kQ2mLp⟧@db\/x"}"#),
        (Password, r#"{"a":"{\"password\":\"⟦h7Qw2zKk9⟧\"}"}"#),
        (Password, r#"{"p\u0061ssword":"⟦h7Qw2zKk9⟧"}"#),
        (Password, r"{\u0022password\u0022:\u0022⟦h7Qw2zKk9⟧\u0022}"),
        (ApiKey, r#"{"token":"⟦gh\u0070_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧"}"#),
    ]);
}

#[test]
fn percent_and_entities() {
    check(&[
        (Email, "q=⟦bob%40example.com⟧&x=1"),
        (Email, "q=⟦bob%40example%2Ecom⟧&x=1"),
        (Email, "q=⟦bob%2540example.com⟧&x=1"),
        (Email, "q%3D⟦bob%40example.com⟧%26x=1"),
        (Email, "q=⟦bob%u0040example.com⟧"),
        (Email, "q=⟦bob%EF%BC%A0example.com⟧"),
        (CreditCard, "card=⟦4539%205787%206362%201486⟧"),
        (CreditCard, "card%3D⟦4539578763621486⟧"),
        (CreditCard, "card=⟦%34%35%33%39578763621486⟧"),
        (Ssn, "{%22ssn%22:%22⟦523-45-6781⟧%22}"),
        (Password, "%7B%22password%22%3A%22⟦h7Qw2zKk9⟧%22%7D"),
        (Email, "<p>⟦bob&#64;example.com⟧</p>"),
        (Email, "<p>⟦bob&#x40;example&#46;com⟧</p>"),
        (Email, "<p>⟦bob&#064example&period;com⟧</p>"),
        (Email, "<p>⟦bob&commat;example&period;com⟧</p>"),
        (Email, "<p>⟦bob&amp;#64;example.com⟧</p>"),
        (Email, "<p>⟦bob&shy;@example.com⟧</p>"),
        (Email, "<p>&lt;⟦bob@example.com⟧&gt;</p>"),
        (CreditCard, "<td>⟦4539&nbsp;5787&nbsp;6362&nbsp;1486⟧</td>"),
        (Password, "{&quot;password&quot;&colon;&quot;⟦h7Qw2zKk9⟧&quot;}"),
        (ApiKey, "<td>⟦ghp&lowbar;a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧</td>"),
        (Ssn, "<td>⟦523&hyphen;45&hyphen;6781⟧</td>"),
    ]);
}

#[test]
fn base64_and_hex() {
    check(&[
        (Email, "blob ⟦bWFpbCBib2JAZXhhbXBsZS5jb20gcGxlYXNl⟧"),
        (AwsAccessKey, "b64 ⟦a2V5PUFLSUFRM0VHVlpMNVRKN1hXTjJS⟧"),
        (Ssn, "hex ⟦73736e203532332d34352d36373831⟧"),
        (Ssn, "hex 0x⟦73736e203532332d34352d36373831⟧"),
        (Ssn, "hex ⟦73736E203532332D34352D36373831⟧;"),
        (Email, "x=⟦bWFpbCBib2JAZXhhbXBsZS5jb20=⟧&y"),
        (Email, "x=⟦bWFpbCBib2JAZXhhbXBsZS5jb20%3D⟧&y"),
        (Email, "/redirect/⟦bWFpbCBib2JAZXhhbXBsZS5jb20gcGxlYXNl⟧"),
        (Email, r#"{"log":"line\n⟦bWFpbCBib2JAZXhhbXBsZS5jb20gcGxlYXNl⟧"}"#),
        // `mail bob@example.com please` twice, and JSON with an escape.
        (Email, "x ⟦YldGcGJDQmliMkpBWlhoaGJYQnNaUzVqYjIwZ2NHeGxZWE5s⟧"),
        (Email, "x ⟦eyJtYWlsIjoiYm9iXHUwMDQwZXhhbXBsZS5jb20ifQ==⟧"),
        // UTF-16
        (Email, "-enc ⟦YgBvAGIAQABlAHgAYQBtAHAAbABlAC4AYwBvAG0A⟧"),
        // Lines of 76 characters.
        (
            Email,
            "\n⟦bG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg\nc2VkIG1haWwgdG8gYm9iQGV4YW1wbGUuY29tIHBsZWFzZQ==⟧\n",
        ),
    ]);
}

#[test]
fn invisible_characters_digits_and_look_alikes() {
    check(&[
        (Ssn, "ssn ⟦523\u{200b}-45-\u{200b}6781⟧"),
        (Ssn, "ssn ⟦523\u{ad}-45-\u{202e}6781⟧"),
        (Ssn, "ssn ⟦523\u{2011}45\u{2011}6781⟧ (U+2011)"),
        (Ssn, "ssn ⟦523\u{2212}45\u{2212}6781⟧"),
        (Ssn, "ssn ⟦٥٢٣-٤٥-٦٧٨١⟧"),
        (Ssn, "ssn ⟦५२३-४५-६७८१⟧"),
        (Ssn, "ssn ⟦５２３－４５－６７８１⟧"),
        (Email, "⟦bob\u{200d}@example.com⟧"),
        (Email, "⟦bob@exam\u{2060}ple.com⟧"),
        (Email, "⟦bob＠example．com⟧"),
        (Email, "⟦ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ⟧"),
        (Email, "⟦bob@example。com⟧"),
        (Email, "⟦𝐛𝐨𝐛@example.com⟧"),
        (CreditCard, "⟦４５３９５７８７６３６２１４８６⟧"),
        (CreditCard, "⟦４５３９－５７８７－６３６２－１４８６⟧"),
        (CreditCard, "⟦۴۵۳۹ ۵۷۸۷ ۶۳۶۲ ۱۴۸۶⟧"),
        (CreditCard, "⟦𝟒𝟓𝟑𝟗𝟓𝟕𝟖𝟕𝟔𝟑𝟔𝟐𝟏𝟒𝟖𝟔⟧"),
        (CreditCard, "⟦4539\u{a0}5787\u{a0}6362\u{a0}1486⟧"),
        (CreditCard, "⟦4539\u{2003}5787\u{2003}6362\u{2003}1486⟧"),
        (CreditCard, "⟦4539–5787–6362–1486⟧"),
        (CreditCard, "⟦4539\u{3000}5787\u{3000}6362\u{3000}1486⟧"),
        (Phone, "⟦０３－１２３４－５６７８⟧"),
        (ApiKey, "⟦gh\u{200b}p_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧"),
        (ApiKey, "⟦ghр_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧"),
        (ApiKey, "⟦ｇｈｐ＿a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧"),
        (AwsAccessKey, "⟦АКIAQ3EGVZL5TJ7XWN2R⟧"),
        (AwsAccessKey, "⟦ΑKIAQ3EGVZL5TJ7XWN2R⟧"),
        (Password, "pаsswоrd=⟦h7Qw2zKk9⟧"),
        (Password, "pass\u{200b}word: ⟦h7Qw2zKk9⟧"),
        (Password, "password：⟦h7Qw2zKk9⟧"),
    ]);
}

#[test]
fn line_wraps() {
    check(&[
        (ApiKey, "key ⟦ghp_a8Kd02LmQpXz71Rt=\nYvBn46WsEjHc93UfGoTi⟧ end"),
        (ApiKey, "key ⟦ghp_a8Kd02LmQpXz71Rt=\r\nYvBn46WsEjHc93UfGoTi⟧ end"),
        (ApiKey, "key ⟦ghp_a8Kd02LmQpXz71Rt\\\nYvBn46WsEjHc93UfGoTi⟧ end"),
        (ApiKey, "key ⟦ghp_a8Kd02LmQpXz71Rt\nYvBn46WsEjHc93UfGoTi⟧ end"),
        (ApiKey, "token: ⟦ghp_a8Kd02LmQpXz71Rt\nYvBn46WsEjHc93UfGoTi⟧\nend"),
        (ApiKey, "key ⟦ghp_a8Kd02LmQpXz71Rt\r\nYvBn46WsEjHc93UfGoTi⟧ end"),
        (AwsAccessKey, "key ⟦AKIAQ3EGVZL5\nTJ7XWN2R⟧ end"),
        (Email, "to ⟦bob@exam=\nple.com⟧ end"),
        (CreditCard, "pan ⟦45395787=\n63621486⟧ end"),
    ]);
    // What follows a whole token is not drawn in; two on two lines stay two.
    let whole = "key sk-live-9fK2mQ7xR4tW8zB1nC6v\norder12345 shipped";
    assert_eq!(found(whole), [(ApiKey, "sk-live-9fK2mQ7xR4tW8zB1nC6v")]);
    let two = "AKIAQ3EGVZL5TJ7XWN2R\nAKIAQ3EGVZL5TJ7XWN2S";
    assert_eq!(found(two).len(), 2);
    let two = "ghp_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi\nghp_b8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi";
    assert_eq!(found(two).len(), 2);
}
