use crate::{Kind, KindSet, Scanner};

fn found(text: &str) -> Vec<(&'static str, &str)> {
    let mut out = Vec::new();
    let kinds = KindSet::all().opt_in();
    Scanner::new(kinds).scan(text, &mut out);
    out.into_iter().map(|finding| (finding.rule, &text[finding.span])).collect()
}

#[test]
fn spans_are_exact() {
    let mut wrong = Vec::new();
    for (text, rule, span) in [
        ("My NINO: AB 12 34 56 C, thanks", "gb-nino", "AB 12 34 56 C"),
        ("{\"cpf\":\"52998224725\"}", "br-cpf", "52998224725"),
        ("CPF 529.982.247-25.", "br-cpf", "529.982.247-25"),
        ("DNI 12345678-Z;", "es-nif", "12345678-Z"),
        ("SIN: 130\u{a0}692\u{a0}544", "ca-sin", "130\u{a0}692\u{a0}544"),
        ("2123 45670 1 is my Medicare number", "au-medicare", "2123 45670 1"),
        ("born on 24 December 1987 in Bonn", "date-of-birth", "24 December 1987"),
        ("DOB: 12/24/1987", "date-of-birth", "12/24/1987"),
        ("\"dateOfBirth\": \"1987-12-24\"", "date-of-birth", "1987-12-24"),
        ("geboren am 24. Dezember 1987", "date-of-birth", "24. Dezember 1987"),
        ("née le 3 février 1990", "date-of-birth", "3 février 1990"),
        ("生年月日：1987年12月24日", "date-of-birth", "1987年12月24日"),
        ("birthday: Dec 24th, 1987", "date-of-birth", "Dec 24th, 1987"),
        ("mac 00:1A:2b:3C:4d:5E up", "mac-address", "00:1A:2b:3C:4d:5E"),
        ("0012.3456.789a", "mac-address", "0012.3456.789a"),
        ("passport no. C01X00T47", "passport", "C01X00T47"),
        ("SWIFT: DEUTDEFF500", "bic", "DEUTDEFF500"),
        ("routing 121000358", "aba-routing", "121000358"),
        ("1HGCM82633A004352", "vin", "1HGCM82633A004352"),
    ] {
        if found(text) != [(rule, span)] {
            wrong.push((text, found(text)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn not_found() {
    let mut wrong = Vec::new();
    for text in [
        "52998224725",
        "CPF 529.982.247-26",
        "CPF 111.111.111-11",
        "order 130692544 and 130 692 544",
        "DOB unknown, seen 1987",
        "updated 2026-11-22",
        "born 2026-13-40",
        "released on 24 December 1987",
        "de:ad:be:ef:00:01:02:03",
        "ff:ff:ff:ff:ff:ff",
        "12:34:56",
        "my passport is old",
        "passport control in 12 minutes",
        "DEUTDEFF",
        "SWIFT: PASSPORT",
        "121000358",
        "routing 121000359",
        "1HGCM82633A004353",
        "sha 3f2a9c81d7e64b05a1c9f8e27d6b4a0c5e1f7d92",
        "1763800000123",
        "v1.2.3 build 20261122",
        "550e8400-e29b-41d4-a716-446655440000",
        "[PASSPORT REDACTED] 912803456",
        "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ2",
        "0x0000000000000000000000000000000000000001",
    ] {
        if !found(text).is_empty() {
            wrong.push((text, found(text)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The rule table documents every identifier, and nothing else.
#[test]
fn the_tables_are_in_step() {
    for id in super::TABLE {
        let rule = crate::rules().iter().find(|rule| rule.id == id.rule);
        assert_eq!(rule.map(|rule| rule.kind), Some(id.kind), "{}", id.rule);
    }
    let own = ["mac-address", "bic", "date-of-birth", "crypto-wallet"];
    for rule in crate::rules().iter().filter(|rule| rule.kind.is_opt_in() && !own.contains(&rule.id)) {
        assert!(super::TABLE.iter().any(|id| id.rule == rule.id), "{}", rule.id);
    }
}

#[test]
fn only_what_is_asked_for() {
    let text = "CPF 529.982.247-25, passport C01X00T47";
    let mut out = Vec::new();
    Scanner::default().scan(text, &mut out);
    assert_eq!(out, []);
    Scanner::new(KindSet::none().with(Kind::Passport)).scan(text, &mut out);
    assert_eq!(out.len(), 1);
}

#[test]
fn a_telling_key_needs_no_word() {
    for (key, value, kind) in [
        ("passport_number", "912803456", Kind::Passport),
        ("cpf", "52998224725", Kind::NationalId),
        ("dob", "1987-12-24", Kind::DateOfBirth),
        ("routingNumber", "121000358", Kind::AbaRouting),
        ("swift_code", "DEUTDEFF", Kind::Bic),
        ("mac", "00:1a:2b:3c:4d:5e", Kind::MacAddress),
        ("vin", "1HGCM82633A004352", Kind::Vin),
        ("iban", "DE89 3704 0044 0532 0130 00", Kind::Iban),
        ("driver_license_number", "H12234567", Kind::DriversLicense),
        ("walletAddress", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", Kind::CryptoWallet),
    ] {
        let mut out = Vec::new();
        Scanner::new(KindSet::all()).scan_keyed(key, value, &mut out);
        assert_eq!(
            out.iter().map(|finding| (finding.kind, finding.span.clone())).collect::<Vec<_>>(),
            [(kind, 0..value.len())],
            "{key}"
        );
        out.clear();
        Scanner::new(KindSet::all()).scan_keyed(key, "unknown", &mut out);
        assert_eq!(out, [], "{key}");
    }
}
