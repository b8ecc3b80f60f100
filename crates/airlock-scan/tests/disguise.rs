//! What evaders do: findings behind escapes, encodings, invisible characters and look-alikes.

#[path = "common/clock.rs"]
mod clock;
mod common;

use std::fmt::Write;

use airlock_scan::{Finding, Kind, KindSet, Scanner};
use common::streamed;
use proptest::{prelude::*, test_runner::RngSeed};

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

/// Checks a table of texts in which exactly one passage, between `⟦` and `⟧`, is a finding, alone and in
/// other places of longer texts.
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
        (Password, "<code>password = &quot;⟦h7Qw2zKk9⟧&quot;</code>"),
        (Password, "<a data='{&#34;password&#34;: &#34;⟦h7Qw2zKk9⟧&#34;}'>"),
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
            r#"{"d":"⟦bG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg\nc2VkIG1haWwgdG8gYm9iQGV4YW1wbGUuY29tIHBsZWFzZQ==⟧"}"#,
        ),
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
        (Email, "⟦ⓑⓞⓑ@example.com⟧"),
        (Email, "⟦bob@𝑒xamp𝑙ℯ.com⟧"),
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
        (ApiKey, "k=3D⟦ghp_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi⟧ end"),
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

#[test]
fn ordinary_text_of_many_languages() {
    let prices_dates_and_words = [
        // German, French
        "Am 24.–26. Dezember 2026 kostet die Karte 1.299,00 € statt 1 499,00 €; Größe 38–40, Seite 1234–1240.",
        "Die Donau\u{ad}dampf\u{ad}schifffahrts\u{ad}gesellschaft fuhr von 1829–1991; E‑Mail nur nach Absprache.",
        "Le prix est de 12 345 678 € ; « c’est cher » : 1 234 567 habitants, 75 %, 2019–2021 — à suivre.",
        // Russian, Greek, Ukrainian
        "В 2026 году цена составила 1 234 567 рублей, т. е. на 12–15 % больше; iPhone'ом за 99 990 р.",
        "Сроки: 01.02.2026–15.03.2026. Рост 0а, 5й класс, SMS-ка, USBс, 10к просмотров.",
        "Η τιμή είναι 1.234,56 € για το 2026· το iPhoneο του 5ου τμήματος, 10–12 Μαΐου.",
        // Chinese, Japanese
        "价格为１２３４５６元，折合￥１，２３４，５６７，日期：２０２６年１１月２４日。",
        "2026年11月24日（火）１０：３０～１２：００、参加費１，２３４円。ＡＰＩの仕様はＶ２．１です。",
        "版本：1.2.3；编号：20261124001，共１２３４５６７８９０１２件。",
        // Arabic, Persian, Hindi
        "في عام ٢٠٢٦ بلغ السعر ١٬٢٣٤٬٥٦٧ درهماً في ٢٤/١١/٢٠٢٦ الساعة ١٠:٣٠.",
        "می‌خواهم ۱۲۳۴۵۶۷ تومان بپردازم؛ سال ۱۴۰۵، ساعت ۱۲:۳۰، شماره‌ی ۱۲۳۴۵۶۷۸۹۰۱۲۳۴۵۶.",
        "सन् २०२६ में कीमत १२,३४,५६७ रुपये थी; दिनांक २४-११-२०२६, समय १०:३०, क्र. ४५३९५७८७६३६२१४८७.",
        // Emoji, flags, marks at the start
        "\u{feff}Thanks ❤️! 1️⃣ 2️⃣ 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ok",
    ];
    for text in prices_dates_and_words {
        assert_eq!(found(text), [], "{text}");
    }
    // Controls: the same scripts, with something to find.
    for text in [
        "Karte 4539–5787–6362–1486 kostet nichts",
        "карта ４５３９５７８７６３６２１４８６ и",
        "क्र. ४५३९५७८७६३६२१४८६",
        "شماره‌ی ۴۵۳۹۵۷۸۷۶۳۶۲۱۴۸۶ است",
        "卡号：４５３９５７８７６３６２１４８６。",
    ] {
        assert_eq!(scan(text).len(), 1, "{text}");
    }
}

#[test]
fn encodings_that_hide_nothing() {
    for text in [
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "integrity sha512-9FJ2dVZ0nC0pUsY0c2E8tqTQ3Bz6xqkfz0Wm8l4oEwYpKfJzZk3m0s8yJtC1Xh6q0b8aTn2rHq5uV7wXyZ4pQ==",
        "cursor=eyJpZCI6MTIzNDUsInRzIjoxNzYzODAwMDAwfQ== next",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 by hand",
        "sum e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "id 550e8400-e29b-41d4-a716-446655440000 and 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "authentication_credentials_provider_factory/implementation_details_of_it",
        "/usr/share/doc/packages/applications/documentation",
        "path%2Fto%2Fsome%20file%2Etxt?x=100%25&y=%7B%7D",
        "printf(\"%02d:%02d %5.2f%%\\n\", \\x1b[0m, \\u001b[31m, \\u00fc\\u00df)",
        "<a href=\"https:\\/\\/example.com\\/a\\/b\">a &amp; b &lt;c&gt;<\\/a>",
        "FOO=\nBAR=1\nBAZ=\r\nQUX=\\\n  2",
        "order12345678\n1234 of them\nabc12345678x\nwas9 here",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn values_whose_name_tells_what_they_are() {
    let keyed = |key: &str, value: &str| {
        let mut out = Vec::new();
        Scanner::default().scan_keyed(key, value, &mut out);
        out.into_iter().map(|finding| (finding.kind, finding.span)).collect::<Vec<_>>()
    };
    assert_eq!(keyed("ssn", "５２３４５６７８１"), [(Ssn, 0..27)]);
    assert_eq!(keyed("ssn", "523%2045%206781"), [(Ssn, 0..15)]);
    assert_eq!(keyed("ssn", "５２３４５６７８"), []);
}

#[test]
fn what_has_a_rule_of_its_own_keeps_it() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJtYWlsIjoiYm9iQGV4YW1wbGUuY29tIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
    assert_eq!(found(&format!("Cookie: t={jwt}; x")), [(Kind::Jwt, jwt)]);
    let basic = "Authorization: Basic Ym9iQGV4YW1wbGUuY29tOmg3UXcyektrOQ==";
    assert_eq!(found(basic), [(Password, "Ym9iQGV4YW1wbGUuY29tOmg3UXcyektrOQ==")]);
    let url = "mongodb+srv://root:p%40ss%2Fw0rd9@c.example.net/x";
    assert_eq!(found(url), [(ConnectionString, "p%40ss%2Fw0rd9")]);
}

/// Disguised findings, ordinary text and what could be mistaken for either.
const PIECES: [&str; 44] = [
    "bob\\u0040example.com",
    "bob%40example%2Ecom",
    "bob&commat;example.com",
    "523\u{200b}-45-\u{200b}6781",
    "４５３９５７８７６３６２１４８６",
    "४५३९ ५७८७ ६३६२ १४८६",
    "4539\u{a0}5787\u{a0}6362\u{a0}1486",
    "ghр_a8Kd02LmQpXz71RtYvBn46WsEjHc93UfGoTi",
    "ghp_a8Kd02LmQpXz71Rt\nYvBn46WsEjHc93UfGoTi",
    "ghp_a8Kd02LmQpXz71Rt=\r\nYvBn46WsEjHc93UfGoTi",
    "bWFpbCBib2JAZXhhbXBsZS5jb20gcGxlYXNl",
    "73736e203532332d34352d36373831",
    "YldGcGJDQmliMkpBWlhoaGJYQnNaUzVqYjIwZ2NHeGxZWE5s",
    "{\\\"password\\\":\\\"h7Qw2zKk9\\\"}",
    "p\\u0061ssword=h7Qw2zKk9",
    "postgres:\\/\\/svc:Zr7kQ2mLp@db\\/x",
    "mongodb://root:p%40ss%2Fw0rd9@c.example.net/x",
    "ann@example.org",
    "523-45-6781",
    " ",
    "\n",
    "=\n",
    "\\\n",
    "%",
    "%2",
    "\\u00",
    "\\",
    "&#",
    "&",
    "\u{200b}",
    "\u{ad}",
    "＠",
    "．",
    "é",
    "名前",
    "ор",
    "а1",
    "***REDACTED***",
    "[SSN REDACTED]",
    "b***@example.com",
    "AKIAQ3EGVZL5\nTJ7XWN2R",
    "eyJ",
    "lorem ipsum dolor ",
    "4111 1111",
];

fn text(len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![9 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "\\PC{0,8}", 1 => "[a-z ]{1,60}"];
    proptest::collection::vec(piece, len).prop_map(|pieces| pieces.concat())
}

fn masked(text: &str) -> String {
    let mut masked = text.to_owned();
    for finding in scan(text).into_iter().rev() {
        masked.replace_range(finding.span, &format!("[{} REDACTED]", finding.kind.label()));
    }
    masked
}

/// Whether the findings are the same when the text arrives in chunks of these lengths.
#[track_caller]
fn check_cuts(scanner: &Scanner, text: &str, cuts: &[usize]) {
    let mut whole = Vec::new();
    scanner.scan(text, &mut whole);
    assert_eq!(streamed(scanner, text, cuts), (text.to_owned(), whole), "chunks of {cuts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn spans_are_sorted_disjoint_and_on_boundaries(text in text(0..24)) {
        let mut end = 0;
        for finding in scan(&text) {
            prop_assert!(finding.span.start >= end && finding.span.end > finding.span.start);
            prop_assert!(text.get(finding.span.clone()).is_some());
            end = finding.span.end;
        }
    }

    #[test]
    fn masking_leaves_nothing(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..19]), 0..12)) {
        let once = masked(&pieces.join(" ; "));
        prop_assert_eq!(scan(&once), [], "{}", once);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_findings_of_no_cut(
        text in text(300..900),
        cuts in proptest::collection::vec(prop_oneof![1_usize..16, 16_usize..4000, 4000_usize..9000], 1..8),
    ) {
        check_cuts(&Scanner::new(KindSet::all()), &text, &cuts);
    }
}

#[test]
fn a_private_key_in_a_query_is_covered() {
    let mut key = "-----BEGIN%20PRIVATE%20KEY-----%0A".to_owned();
    for line in 0..24 {
        write!(key, "ZmFicmljYXRlZC1rZXktbWF0ZXJpYWwtMDAtMDEyMzQ1Njc4OWFiY2RlZj%2B{line:02}%0A").unwrap();
    }
    key += "-----END%20PRIVATE%20KEY-----";
    for before in [0, 300, 700, 1000] {
        let text = format!("{}k={key}&x=1 {}", "x ".repeat(before), "y ".repeat(3000));
        assert_eq!(found(&text), [(Kind::PrivateKey, key.as_str())], "behind {before}");
        check_cuts(&Scanner::default(), &text, &[777]);
    }
}

/// What a reading shows of a passage longer than itself depends on the cell, and so on the absolute place.
#[test]
fn long_disguised_passages_do_not_depend_on_cuts() {
    let mut token = "eyJhbGciOiJIUzI1NiJ9.eyJ=\n".to_owned();
    for line in 0..40 {
        writeln!(token, "c2lnbmF0dXJlLXNpZ25hdHVyZ{line:02}c2lnbmF0dXJlLXNpZ25hdHVyZ=").unwrap();
    }
    token += ".c2lnbmF0dXJl";
    for before in [3100, 3500, 4090, 4500, 5000] {
        let text = format!("{}{token}{}", "x ".repeat(before), " y".repeat(4000));
        let expected = scan(&text);
        assert_eq!(expected.first().map(|finding| finding.kind), Some(Kind::Jwt), "{before}");
        for cut in [97, 1000, 1777, 5000] {
            check_cuts(&Scanner::default(), &text, &[cut]);
        }
    }
}

#[test]
fn a_long_encoded_run_is_found_over_many_chunks() {
    // 36 KiB of text with one address at its end.
    let line = "bG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQgY29uc2VjdGV0dXIg";
    let run = line.repeat(920) + "bWFpbCBib2JAZXhhbXBsZS5jb20gcGxlYXNl";
    let text = format!("{}{run}\n{}", "x ".repeat(3000), "y ".repeat(3000));
    assert_eq!(found(&text), [(Email, run.as_str())]);
    for cut in [97, 1000, 5000, 50_000] {
        check_cuts(&Scanner::default(), &text, &[cut]);
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    for temptation in [
        "%40",
        "%2540",
        "\\u0040",
        "\\\\\\\\",
        "a\u{200b}",
        "&#64;",
        "&amp;",
        "a=\n",
        "a\\\n",
        "ａ",
        "٣",
        "aр",
        "р",
        "4\u{a0}",
        "4–",
        "ghp_a8Kd02LmQ1\n",
        "bWFpbCBib2I",
        "bWFpbCBi/",
        "bWFpbCBib2JAbWFpbCBib2JAbWFpbCBib2JAbWFpbCBib2JAbWFpbCBib2JA\n",
        "36373831",
        "bob%40example.com ",
    ] {
        let text = temptation.repeat(100_000 / temptation.len());
        let before = clock::cpu();
        scan(&text);
        let took = clock::cpu().saturating_sub(before);
        assert!(took.as_secs() < 5, "{temptation:?} took {took:?}");
    }
}
