//! Random personal data: numbers that pass their checks, names, addresses.

use super::checks::{aba, brazilian, iban, luhn, nif, nir, pesel, tfn};
use super::random::{HEX, Random, UPPER};

const FIRST: &[&str] = &[
    "james", "mary", "robert", "patricia", "linda", "david", "wei", "priya", "omar", "ana", "yuki", "lars",
    "chloe", "ivan", "aisha", "tomasz", "ingrid", "mateo", "noor", "kofi",
];
const LAST: &[&str] = &[
    "smith",
    "johnson",
    "garcia",
    "miller",
    "chen",
    "patel",
    "khan",
    "silva",
    "tanaka",
    "nielsen",
    "dubois",
    "petrov",
    "okafor",
    "kowalski",
    "haugen",
    "rossi",
    "weber",
    "moreau",
    "lindqvist",
    "adeyemi",
];
const DOMAINS: &[&str] = &[
    "example.com",
    "example.org",
    "mail.example.net",
    "acme-widgets.io",
    "corp.example.co.uk",
    "firma-weber.de",
    "tanaka.jp",
    "uni-nord.edu",
    "silva.com.br",
    "northwind.dev",
    "kestrel.health",
    "blauwal.shop",
];

/// The marked kind and the value of a generator of this name.
pub(super) fn value(name: &str, random: &mut Random) -> Option<(&'static str, String)> {
    Some(match name {
        "ssn" => ("ssn", ssn(random, "-")),
        "ssn_spaces" => ("ssn", ssn(random, " ")),
        "ssn9" => ("ssn", ssn(random, "")),
        "card" => ("credit_card", card(random)),
        "card16" => ("credit_card", card_number(random, "4", 16)),
        "email" => ("email", email(random)),
        "ip" => ("ip_address", ip(random)),
        "ip6" => ("ip_address", ip6(random)),
        "iban" => ("iban", bank_account(random)),
        "bic" => (
            "bic",
            random.pick(&["DEUTDEFF500", "COBADEFFXXX", "BNPAFRPP", "NDEANOKK", "CHASUS33"]).to_owned(),
        ),
        "aba" => ("aba_routing", {
            let body = random.fill("0@######");
            aba(&body)
        }),
        "mac" => ("mac_address", mac(random)),
        "dob" => (
            "date_of_birth",
            format!("19{}-{:02}-{:02}", random.range(40, 99), random.range(1, 12), random.range(1, 28)),
        ),
        "eth" => ("crypto_wallet", format!("0x{}", random.chars(HEX, 40))),
        "passport" => ("passport", random.pick(&["X", "C", "L"]).to_owned() + &random.digits(8)),
        _ => {
            return phone(name, random)
                .map(|form| ("phone", form))
                .or_else(|| national(name, random).map(|number| ("national_id", number)));
        }
    })
}

pub(super) fn first(random: &mut Random) -> String {
    capital(random.pick(FIRST))
}

pub(super) fn last(random: &mut Random) -> String {
    capital(random.pick(LAST))
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|letter| letter.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn ssn(random: &mut Random, separator: &str) -> String {
    let area = match random.range(1, 899) {
        666 => 667,
        area => area,
    };
    let (group, serial) = (random.range(1, 99), random.range(1, 9999));
    format!("{area:03}{separator}{group:02}{separator}{serial:04}")
}

fn card_number(random: &mut Random, issuer: &str, len: usize) -> String {
    let body = format!("{issuer}{}", random.digits(len.saturating_sub(issuer.len() + 1)));
    luhn(&body)
}

fn card(random: &mut Random) -> String {
    let issuer = random.pick(&["4", "4", "51", "55", "2221", "6011", "65", "3530", "34", "37", "36"]);
    let (len, groups): (usize, &[usize]) = match issuer {
        "34" | "37" => (15, &[4, 6, 5]),
        "36" => (14, &[4, 6, 4]),
        _ => (16, &[4, 4, 4, 4]),
    };
    let number = card_number(random, issuer, len);
    let mut rest = number.as_str();
    let parts: Vec<&str> = groups
        .iter()
        .filter_map(|len| {
            let (part, tail) = rest.split_at_checked(*len)?;
            rest = tail;
            Some(part)
        })
        .collect();
    parts.join(random.pick(&["", " ", "-"]))
}

fn email(random: &mut Random) -> String {
    let (first, last, domain) = (random.pick(FIRST), random.pick(LAST), random.pick(DOMAINS));
    let number = random.range(2, 99);
    match random.range(0, 5) {
        0 => format!("{first}@{domain}"),
        1 => format!("{first}.{last}{number}@{domain}"),
        2 => format!("{first}_{last}@{domain}"),
        3 => format!("{first}+{number}@{domain}"),
        _ => format!("{first}.{last}@{domain}"),
    }
}

fn ip(random: &mut Random) -> String {
    let start = random
        .pick(&["8", "34", "52", "81", "93", "104", "141", "185", "198.51", "203.0", "213", "10", "192.168"]);
    let count = 4 - start.split('.').count();
    let parts = (0..count).map(|_| random.range(1, 254).to_string());
    std::iter::once(start.to_owned()).chain(parts).collect::<Vec<_>>().join(".")
}

fn ip6(random: &mut Random) -> String {
    let mut group = || format!("{:x}", random.range(16, 0xffff));
    let (one, two, three, four) = (group(), group(), group(), group());
    match random.range(0, 3) {
        0 => format!("2001:db8::{one}"),
        1 => format!("2001:db8:{one}:{two}::{three}"),
        2 => format!("2a02:{one}:{two}:{three}:0:ff:fe{}:{four}", random.chars(HEX, 2)),
        _ => format!("fe80::{one}:{two}:{three}:{four}"),
    }
}

fn bank_account(random: &mut Random) -> String {
    let (country, form) = *[
        ("DE", "##################"),
        ("GB", "&&&&##############"),
        ("FR", "#######################"),
        ("NL", "&&&&##########"),
        ("ES", "####################"),
        ("CH", "#################"),
        ("AT", "################"),
    ]
    .get(usize::try_from(random.range(0, 6)).unwrap_or(0))
    .unwrap_or(&("DE", "##################"));
    let letters = random.chars(UPPER, 4);
    let number = iban(country, &random.fill(&form.replace("&&&&", &letters)));
    if random.range(0, 1) == 0 {
        return number;
    }
    let letters: Vec<char> = number.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

fn mac(random: &mut Random) -> String {
    let parts: Vec<String> = (0..5).map(|_| random.chars(HEX, 2)).collect();
    format!("00:{}", parts.join(":"))
}

const AREAS: &[&str] =
    &["212", "415", "646", "303", "512", "617", "206", "312", "713", "404", "503", "619", "416", "604"];

fn phone(name: &str, random: &mut Random) -> Option<String> {
    let forms: &[&str] = match name {
        "phone" => {
            return phone(
                random.pick(&[
                    "phone_us", "phone_uk", "phone_de", "phone_fr", "phone_in", "phone_jp", "phone_br",
                    "phone_au",
                ]),
                random,
            );
        }
        "phone_us" => {
            let area = random.pick(AREAS);
            let form = random.pick(&[
                "({}) @@#-####",
                "{}-@@#-####",
                "{}.@@#.####",
                "+1 {} @@# ####",
                "+1-{}-@@#-####",
                "+1{}@@#####",
                "+1 ({}) @@#-####",
            ]);
            return Some(random.fill(&form.replace("{}", area)));
        }
        "phone_e164" => &[
            "+1415@@#####",
            "+4420794#####",
            "+49301@######",
            "+3361@######",
            "+9198@#######",
            "+8190@@######",
            "+55119@#######",
            "+614@@######",
        ],
        "phone_uk" => &[
            "+44 20 7946 0###",
            "020 7946 0###",
            "+44 7700 900###",
            "07700 900###",
            "0161 496 0###",
            "(0131) 496 0###",
        ],
        "phone_de" => &[
            "+49 30 23125 ###",
            "+49 (0)89 636-48###",
            "+49 171 392####",
            "+49 40 66969-###",
            "+49 (30) 23125 ###",
        ],
        "phone_fr" => &[
            "01 99 00 ## ##",
            "06 39 98 ## ##",
            "+33 1 99 00 ## ##",
            "+33 (0)6 39 98 ## ##",
            "04.99.00.##.##",
        ],
        "phone_in" => &["+91 98### #####", "+91-22-2345 ####", "+91 99#######0", "+91-98########"],
        "phone_jp" => &["03-5@##-####", "090-@###-####", "+81 3-5@##-####", "+81 90 @### ####"],
        "phone_br" => &["(11) 9@###-####", "+55 11 9@###-####", "+55 (21) 2@##-####", "(21) 9@###-####"],
        "phone_au" => &["+61 2 9@## ####", "(02) 9@## ####", "04## ### ###", "+61 4## ### ###"],
        _ => return None,
    };
    let form = random.pick(forms);
    Some(random.fill(form))
}

fn national(name: &str, random: &mut Random) -> Option<String> {
    Some(match name {
        "cpf" => {
            let body = random.fill("@########");
            dotted(&brazilian(&body, 11), "###.###.###-##")
        }
        "cnpj" => {
            let body = random.fill("@#######0001");
            dotted(&brazilian(&body, 9), "##.###.###/####-##")
        }
        "nir" => {
            let body = random.fill("28@0775116###");
            nir(&body)
        }
        "nif" => {
            let body = random.fill("@#######");
            nif(&body)
        }
        "pesel" => {
            let body = random.fill("8@0514#####").chars().take(10).collect::<String>();
            pesel(&body)
        }
        "sin" => {
            let body = random.fill("4#######");
            dotted(&luhn(&body), "### ### ###")
        }
        "tfn" => {
            let number = (0..99).find_map(|_| tfn(&random.fill("@#######")))?;
            dotted(&number, "### ### ###")
        }
        "nino" => format!(
            "{} {} {} {} {}",
            random.pick(&["AB", "JG", "SK", "PX"]),
            random.digits(2),
            random.digits(2),
            random.digits(2),
            random.pick(&["A", "B", "C", "D"])
        ),
        _ => return None,
    })
}

/// Digits in a form: every `#` takes one.
fn dotted(number: &str, form: &str) -> String {
    let mut digits = number.chars();
    form.chars().filter_map(|letter| if letter == '#' { digits.next() } else { Some(letter) }).collect()
}
