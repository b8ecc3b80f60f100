//! Random credentials in the forms that vendors document. All bodies are random, checksums are not right.

use super::checks::{base64, base64url};
use super::random::{ALNUM, BASE32, BASE64, HEX, LOWER, Random, UPPER, URL64};

/// Forms of vendor tokens: `{alphabet length}` stands for random characters: `a` letters and digits, `h` hexadecimal,
/// `u` base64url, `d` digits, `l` lower case letters and digits, `U` upper case letters and digits.
const TOKENS: &[&str] = &[
    "ghp_{a36}",
    "gho_{a36}",
    "ghs_{a36}",
    "ghu_{a36}",
    "github_pat_{a22}_{a59}",
    "glpat-{u20}",
    "glrt-{u20}",
    "sk_live_{a24}",
    "rk_live_{a24}",
    "sk_test_{a24}",
    "whsec_{a32}",
    "sk-ant-api03-{u93}AA",
    "sk-proj-{a74}T3BlbkFJ{a74}",
    "xoxb-{d12}-{d13}-{a24}",
    "xoxp-{d12}-{d12}-{d13}-{h32}",
    "xapp-1-A{U10}-{d13}-{h64}",
    "SG.{u22}.{u43}",
    "npm_{a36}",
    "pypi-AgEIcHlwaS5vcmcCJ{u90}",
    "AIza{u35}",
    "GOCSPX-{u28}",
    "ya29.{u120}",
    "dop_v1_{h64}",
    "shpat_{h32}",
    "shpss_{h32}",
    "hf_{A34}",
    "dckr_pat_{u27}",
    "hvs.{u92}",
    "lin_api_{a40}",
    "PMAK-{h24}-{h34}",
    "sq0atp-{u22}",
    "xkeysib-{h64}-{a16}",
    "rubygems_{h48}",
    "NRAK-{U27}",
    "dapi{h32}",
    "pul-{h40}",
    "sbp_{h40}",
    "glsa_{a32}_{h8}",
    "dp.pt.{a43}",
    "pat{a14}.{h64}",
    "ATATT3xFfGF0{u180}",
    "pscale_tkn_{u43}",
    "figd_{u40}",
    "SK{h32}",
    "sntryu_{h64}",
    "EZAK{h54}",
    "CCIPAT_{a22}_{h40}",
    "{d10}:AA{u33}",
];

/// The marked kind and the value of a generator of this name.
pub(super) fn value(name: &str, random: &mut Random) -> Option<(&'static str, String)> {
    Some(match name {
        "token" => ("api_key", {
            let form = random.pick(TOKENS);
            split(&filled(form, random))
        }),
        "ghp" => ("api_key", split(&filled("ghp_{a36}", random))),
        "stripe" => ("api_key", split(&filled("sk_live_{a24}", random))),
        "openai" => ("api_key", split(&filled("sk-proj-{a74}T3BlbkFJ{a74}", random))),
        "slack" => ("api_key", split(&filled("xoxb-{d12}-{d13}-{a24}", random))),
        "npm" => ("api_key", split(&filled("npm_{a36}", random))),
        "google" => ("api_key", split(&filled("AIza{u35}", random))),
        "hex32" => ("api_key", random.chars(HEX, 32)),
        "key" => ("api_key", opaque(random, ALNUM, 32)),
        "key40" => ("api_key", opaque(random, BASE64, 40)),
        "bearer" => ("api_key", opaque(random, URL64, 43)),
        "aws_id" => (
            "aws_access_key",
            split(&format!("{}{}", random.pick(&["AKIA", "AKIA", "ASIA"]), random.chars(BASE32, 16))),
        ),
        "aws_secret" => ("aws_secret_key", opaque(random, BASE64, 40)),
        "jwt" => ("jwt", jwt(random)),
        "pem" => ("private_key", pem(random, "\n")),
        "pem_line" => ("private_key", pem(random, "\\n")),
        "password" => ("password", password(random, "!#*+-_.?^")),
        "password_url" => ("connection_string", password(random, "-_.~!")),
        "password_plain" => ("password", password(random, ALNUM)),
        "password_human" => ("password", human(random)),
        "basic" => ("password", {
            let user = random.pick(&["admin", "deploy", "ci-bot", "svc_report"]);
            base64(format!("{user}:{}", password(random, "!*-_.")).as_bytes())
        }),
        _ => return None,
    })
}

/// So that nothing which looks alive stands in the repository: whoever reads the corpus drops this character.
fn split(token: &str) -> String {
    let mut letters = token.chars();
    let start: String = letters.by_ref().take(3).collect();
    start + "‖" + letters.as_str()
}

/// Random characters with at least one letter and one digit, for they would be random no longer otherwise.
fn opaque(random: &mut Random, alphabet: &str, len: usize) -> String {
    let body = random.chars(alphabet, len.saturating_sub(2));
    format!("{}{body}{}", random.chars(UPPER, 1), random.digits(1))
}

fn filled(form: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let mut rest = form;
    while let Some((before, tail)) = rest.split_once('{') {
        let (what, after) = tail.split_once('}').unwrap_or((tail, ""));
        let (alphabet, len) = what.split_at_checked(1).unwrap_or((what, ""));
        let lower = format!("{LOWER}0123456789");
        let upper = format!("{UPPER}0123456789");
        let letters = format!("{LOWER}{UPPER}");
        let alphabet = match alphabet {
            "h" => HEX,
            "u" => URL64,
            "d" => "0123456789",
            "l" => &lower,
            "U" => &upper,
            "A" => &letters,
            _ => ALNUM,
        };
        out.push_str(before);
        let len = len.parse().unwrap_or(0);
        let last = random.chars(if alphabet == URL64 { ALNUM } else { alphabet }, 1);
        out.push_str(&random.chars(alphabet, len - 1));
        out.push_str(&last);
        rest = after;
    }
    out + rest
}

pub(super) fn jwt(random: &mut Random) -> String {
    let algorithm = random.pick(&["HS256", "RS256", "ES256"]);
    let head = format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"}}");
    let (subject, time) = (random.digits(8), random.range(1_700_000_000, 1_790_000_000));
    let body = format!("{{\"sub\":\"{subject}\",\"iat\":{time}}}");
    let last = random.chars(ALNUM, 1);
    format!("{}.{}.{}{last}", base64url(head.as_bytes()), base64url(body.as_bytes()), random.chars(URL64, 42))
}

fn pem(random: &mut Random, newline: &str) -> String {
    let label = random.pick(&["RSA ", "EC ", "OPENSSH ", "", "", "DSA ", "ENCRYPTED "]);
    let lines: Vec<String> = (0..random.range(3, 8)).map(|_| random.chars(BASE64, 64)).collect();
    let tail = random.chars(BASE64, 38) + "==";
    format!(
        "-----BEGIN ‖{label}PRIVATE KEY-----{newline}{}{newline}{tail}{newline}-----END {label}PRIVATE KEY-----",
        lines.join(newline)
    )
}

/// Letters and digits around two characters of `marks`, as a generator of passwords makes them.
fn password(random: &mut Random, marks: &str) -> String {
    let len = usize::try_from(random.range(3, 5)).unwrap_or(4);
    let mut part = |len| random.chars(ALNUM, len);
    let (one, two, three) = (part(len), part(len), part(2));
    let digit = random.digits(1);
    format!(
        "{}{one}{}{digit}{two}{}{three}",
        random.chars(UPPER, 1),
        random.chars(marks, 1),
        random.chars(marks, 1)
    )
}

/// What people think up.
fn human(random: &mut Random) -> String {
    let word =
        random.pick(&["Kestrel", "Bluebird", "Winter", "Marzipan", "Tromsoe", "gandalf", "Zebra", "Quokka"]);
    let other = random.pick(&["Moon", "", "", "Rain", "Harbor"]);
    format!("{word}{other}{}{}", random.range(17, 9899), random.pick(&["!", "#", "$", "!?", "*"]))
}
