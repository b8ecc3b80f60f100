//! What the name of a value tells about the value.

use crate::Kind;

/// Only the end of a name is read: what a value is stands last (`billing_contact_email`).
const TAIL: usize = 64;
const WORDS: usize = 8;

/// What kind of value stands under `key`, as far as the name tells; `None` for most names.
///
/// The name is split into words at `_`, `-`, `.`, spaces and case changes, and compared word by word:
/// `user_ssn`, `userSSN` and `user.ssn` all tell; `keyword`, `monkey`, `author`, `max_tokens`,
/// `next_page_token`, `primary_key` and `public_key` do not. Only the last 64 bytes are read.
///
/// ```
/// use airlock_scan::{Kind, kind_of_key};
/// assert_eq!(kind_of_key("clientSecret"), Some(Kind::Password));
/// assert_eq!(kind_of_key("X-API-Key"), Some(Kind::ApiKey));
/// assert_eq!(kind_of_key("tokens_used"), None);
/// ```
pub fn kind_of_key(key: &str) -> Option<Kind> {
    let mut buffer = [0; TAIL];
    let words = Words::split(key.as_bytes(), &mut buffer);
    secret(&words).or_else(|| personal(&words))
}

/// What a name in running text tells: less surely than the name of a member, because more words are considered.
pub(crate) struct Telling {
    pub(crate) kind: Kind,
    /// Whether the last word tells, as [`kind_of_key`] demands.
    pub(crate) sure: bool,
    /// Whether the name is one word, such as `token`.
    pub(crate) alone: bool,
    /// Whether the last word is `secret`, which may be anything, rather than a password's.
    pub(crate) secret: bool,
}

/// Reads a name that a value is assigned to. `password_super_secure`, `snyk_key` and `user_auth` may tell, too;
/// `csrf_token`, `publicToken` and `fake_password` say that there is no secret.
pub(crate) fn telling(name: &str) -> Option<Telling> {
    let mut buffer = [0; TAIL];
    let words = Words::split(name.as_bytes(), &mut buffer);
    if words.words.iter().any(|word| is_disclaimer(word)) {
        return None;
    }
    let alone = words.back(1).is_empty();
    let (last, previous) = (words.back(0), words.back(1));
    if let Some(kind) = secret(&words) {
        return Some(Telling { kind, sure: true, alone, secret: last.ends_with(b"secret") });
    }
    let kind = match last {
        b"key" => (!names_a_place(previous)).then_some(Kind::ApiKey),
        b"auth" | b"salt" | b"pepper" => Some(Kind::ApiKey),
        b"pw" | b"bindpw" | b"rootpw" | b"secrete" | b"parola" | b"clave" => Some(Kind::Password),
        b"data" if previous == b"key" => Some(Kind::PrivateKey),
        b"login" if previous == b"sonar" => Some(Kind::ApiKey),
        _ => None,
    };
    if let Some(kind) = kind {
        let sure = matches!(last, b"pw" | b"bindpw" | b"rootpw" | b"secrete");
        return Some(Telling { kind, sure, alone, secret: false });
    }
    let mut behind = 0;
    while behind < WORDS && !words.back(behind).is_empty() {
        let word = words.back(behind);
        if behind > 0 && (matches!(word, b"secret" | b"secrete" | b"token") || compound(word).is_some()) {
            return Some(Telling { kind: Kind::ApiKey, sure: false, alone, secret: false });
        }
        let pass = word == b"pass" && password_owner(words.back(behind + 1));
        if behind > 0 && (is_password(word) || pass) {
            return Some(Telling { kind: Kind::Password, sure: false, alone, secret: false });
        }
        if is_property(word) {
            return None;
        }
        behind += 1;
    }
    None
}

/// Words that say that the value is no secret, or none of anybody's.
fn is_disclaimer(word: &[u8]) -> bool {
    matches!(
        word,
        b"public"
            | b"csrf"
            | b"xsrf"
            | b"csrftoken"
            | b"antiforgery"
            | b"authenticity"
            | b"non"
            | b"not"
            | b"fake"
            | b"dummy"
            | b"invalid"
            | b"bogus"
            | b"mock"
            | b"placeholder"
            | b"publishable"
    )
}

/// Words before `key` that make it the name of a place or a thing.
fn names_a_place(word: &[u8]) -> bool {
    matches!(
        word,
        b"primary"
            | b"foreign"
            | b"partition"
            | b"sort"
            | b"cache"
            | b"index"
            | b"row"
            | b"column"
            | b"object"
            | b"map"
            | b"dict"
            | b"hash"
            | b"group"
            | b"routing"
            | b"registry"
            | b"record"
            | b"idempotency"
            | b"dedup"
            | b"deduplication"
            | b"translation"
            | b"message"
            | b"event"
            | b"item"
            | b"unique"
            | b"hot"
            | b"shortcut"
            | b"range"
            | b"lookup"
            | b"etag"
            | b"site"
            | b"license"
            | b"resource"
            | b"property"
            | b"issue"
            | b"project"
            | b"release"
    )
}

/// Words behind a telling one that make it a property: `password_policy`, `token_type`, `secret_name`.
fn is_property(word: &[u8]) -> bool {
    matches!(
        word,
        b"policy"
            | b"length"
            | b"len"
            | b"name"
            | b"names"
            | b"type"
            | b"types"
            | b"id"
            | b"ids"
            | b"count"
            | b"path"
            | b"file"
            | b"filename"
            | b"dir"
            | b"url"
            | b"uri"
            | b"endpoint"
            | b"host"
            | b"field"
            | b"label"
            | b"hint"
            | b"title"
            | b"text"
            | b"message"
            | b"msg"
            | b"error"
            | b"expires"
            | b"expiry"
            | b"expiration"
            | b"at"
            | b"in"
            | b"ttl"
            | b"age"
            | b"time"
            | b"date"
            | b"min"
            | b"max"
            | b"regex"
            | b"pattern"
            | b"format"
            | b"enabled"
            | b"disabled"
            | b"required"
            | b"form"
            | b"input"
            | b"reset"
            | b"strength"
            | b"version"
            | b"ref"
            | b"arn"
            | b"header"
            | b"hash"
            | b"sha"
            | b"md"
            | b"digest"
            | b"checksum"
            | b"algorithm"
            | b"alg"
            | b"method"
            | b"address"
            | b"symbol"
            | b"contract"
            | b"index"
            | b"size"
            | b"status"
            | b"scope"
            | b"mode"
            | b"class"
            | b"request"
            | b"response"
            | b"page"
            | b"test"
            | b"tests"
            | b"username"
            | b"user"
            | b"email"
    )
}

/// The lower-case words of a name, counted from its end.
struct Words<'b> {
    words: [&'b [u8]; WORDS],
}

impl<'b> Words<'b> {
    fn split(key: &[u8], buffer: &'b mut [u8; TAIL]) -> Self {
        let tail = key.get(key.len().saturating_sub(TAIL)..).unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(tail) {
            *to = from.to_ascii_lowercase();
        }
        let lower: &'b [u8] = buffer;
        let mut words = Self { words: [&[]; WORDS] };
        let (mut count, mut end) = (0, tail.len());
        while end > 0 && count < WORDS {
            let start = word_start(tail, end);
            let word = trim_digits(lower.get(start..end).unwrap_or_default());
            // A qualifier says where the value is used, not what it is.
            let skip = word.is_empty() || count == 0 && is_qualifier(word);
            if !skip {
                if let Some(slot) = words.words.get_mut(count) {
                    *slot = word;
                }
                count += 1;
            }
            end = if start == end { end - 1 } else { start };
        }
        words
    }

    /// The word `back` places before the last one; empty where there is none.
    fn back(&self, back: usize) -> &'b [u8] {
        self.words.get(back).copied().unwrap_or_default()
    }

    fn any(&self, word: &[u8]) -> bool {
        self.words.contains(&word)
    }
}

/// Start of the word that ends before `end`; `end` itself at a separator.
fn word_start(name: &[u8], end: usize) -> usize {
    let (mut start, mut next, mut behind) = (end, 0_u8, 0_u8);
    for this in name.get(..end).unwrap_or_default().iter().rev().copied() {
        if !this.is_ascii_alphanumeric() && this.is_ascii() {
            break;
        }
        // `next` begins a word behind a small letter, and behind a capital that ends an acronym: `HTTPToken`.
        if next.is_ascii_uppercase() && (!this.is_ascii_uppercase() || behind.is_ascii_lowercase()) {
            break;
        }
        (next, behind) = (this, next);
        start -= 1;
    }
    start
}

fn trim_digits(word: &[u8]) -> &[u8] {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    word.get(..word.len() - digits).unwrap_or_default()
}

fn is_qualifier(word: &[u8]) -> bool {
    matches!(
        word,
        b"value"
            | b"plain"
            | b"plaintext"
            | b"base64"
            | b"b64"
            | b"prod"
            | b"production"
            | b"staging"
            | b"live"
            | b"dev"
            | b"test"
            | b"sandbox"
            | b"confirm"
            | b"confirmation"
            | b"old"
            | b"new"
            | b"default"
            // What is done with it: `password.equals("…")`.
            | b"assign"
            | b"equals"
            | b"sendkeys"
    )
}

fn secret(words: &Words<'_>) -> Option<Kind> {
    let (last, previous, earlier) = (words.back(0), words.back(1), words.back(2));
    match last {
        b"secret" => (!matches!(previous, b"pull" | b"from")).then_some(Kind::Password),
        b"pass" => password_owner(previous).then_some(Kind::Password),
        b"hash" => is_password(previous).then_some(Kind::Password),
        b"credential" | b"credentials" | b"creds" => Some(Kind::Password),
        b"authorization" | b"bearer" => Some(Kind::ApiKey),
        b"jwt" => Some(Kind::Jwt),
        b"token" => (!marks_position(previous)).then_some(Kind::ApiKey),
        b"key" => key(previous, earlier, words),
        b"id" => (previous == b"key" && earlier == b"access" || previous == b"accesskey")
            .then_some(Kind::AwsAccessKey),
        b"connectionstring" | b"connstr" => Some(Kind::ConnectionString),
        b"string" | b"str" => matches!(previous, b"connection" | b"conn").then_some(Kind::ConnectionString),
        _ => compound(last),
    }
}

/// Names written as one word.
fn compound(word: &[u8]) -> Option<Kind> {
    const KEYS: [&[u8]; 12] = [
        b"apikey",
        b"accesskey",
        b"secretkey",
        b"authkey",
        b"masterkey",
        b"encryptionkey",
        b"signingkey",
        b"accountkey",
        b"storagekey",
        b"appkey",
        b"sessionkey",
        b"subscriptionkey",
    ];
    const TOKENS: [&[u8]; 9] = [
        b"apitoken",
        b"accesstoken",
        b"authtoken",
        b"refreshtoken",
        b"bearertoken",
        b"usertoken",
        b"sessiontoken",
        b"bottoken",
        b"oauthtoken",
    ];
    let ends = |stem: &&[u8]| word.ends_with(stem);
    if is_password(word) {
        Some(Kind::Password)
    } else if word.ends_with(b"privatekey") {
        Some(Kind::PrivateKey)
    } else if word.ends_with(b"secretaccesskey") {
        Some(Kind::AwsSecretKey)
    } else if KEYS.iter().any(ends) || TOKENS.iter().any(ends) {
        Some(Kind::ApiKey)
    } else if word.ends_with(b"secret") {
        Some(Kind::Password)
    } else {
        None
    }
}

fn is_password(word: &[u8]) -> bool {
    const STEMS: [&[u8]; 20] = [
        b"password",
        b"passwd",
        b"passphrase",
        b"passcode",
        b"pwd",
        b"passwort",
        b"kennwort",
        b"wachtwoord",
        "contraseña".as_bytes(),
        b"contrasena",
        "密码".as_bytes(),
        "パスワード".as_bytes(),
        "密碼".as_bytes(),
        "비밀번호".as_bytes(),
        "пароль".as_bytes(),
        "ароль".as_bytes(),
        b"motdepasse",
        "lösenord".as_bytes(),
        "hasło".as_bytes(),
        b"salasana",
    ];
    STEMS.iter().any(|stem| word.ends_with(stem))
        || matches!(
            word,
            b"senha"
                | b"passe"
                | b"heslo"
                | b"requirepass"
                | b"masterauth"
                | b"psk"
                | b"storepass"
                | b"keypass"
                | b"srcstorepass"
                | b"deststorepass"
                | b"destkeypass"
                | b"userpass"
                | b"dbpass"
                | b"rootpass"
        )
}

/// Whether `pass` after this word is a password rather than a ticket or a result.
fn password_owner(word: &[u8]) -> bool {
    matches!(
        word,
        b"" | b"user"
            | b"db"
            | b"database"
            | b"admin"
            | b"root"
            | b"login"
            | b"smtp"
            | b"imap"
            | b"ftp"
            | b"sftp"
            | b"mail"
            | b"email"
            | b"sql"
            | b"mysql"
            | b"pg"
            | b"postgres"
            | b"redis"
            | b"mongo"
            | b"mongodb"
            | b"auth"
            | b"proxy"
            | b"ssh"
            | b"sudo"
            | b"basic"
            | b"http"
            | b"ldap"
            | b"wifi"
            | b"vault"
            | b"become"
            | b"rabbitmq"
            | b"amqp"
            | b"api"
    )
}

/// Whether a token after this word marks a place in a list or a text, and opens nothing.
fn marks_position(word: &[u8]) -> bool {
    matches!(
        word,
        b"page"
            | b"next"
            | b"prev"
            | b"previous"
            | b"continuation"
            | b"continue"
            | b"cursor"
            | b"sync"
            | b"max"
            | b"min"
            | b"num"
            | b"total"
            | b"start"
            | b"end"
            | b"pad"
            | b"eos"
            | b"bos"
            | b"unk"
            | b"stop"
            | b"first"
            | b"last"
            | b"special"
            | b"input"
            | b"output"
            | b"completion"
            | b"prompt"
            | b"cancel"
            | b"cancellation"
            | b"progress"
            | b"change"
            | b"resume"
            | b"resumption"
            | b"pagination"
            | b"paging"
            | b"skip"
            | b"mask"
            | b"sep"
            | b"cls"
            | b"delta"
            | b"idempotency"
            | b"per"
            | b"line"
            | b"string"
            | b"current"
            | b"this"
    )
}

/// What a key is for decides whether it opens something: `api_key` does, `primary_key` does not.
fn key(previous: &[u8], earlier: &[u8], words: &Words<'_>) -> Option<Kind> {
    match previous {
        b"private" => Some(Kind::PrivateKey),
        b"access" if earlier == b"secret" => Some(Kind::AwsSecretKey),
        b"access" if words.any(b"aws") => Some(Kind::AwsAccessKey),
        b"secret" if words.any(b"aws") => Some(Kind::AwsSecretKey),
        b"api" | b"access" | b"secret" | b"auth" | b"authentication" | b"encryption" | b"encrypt"
        | b"decryption" | b"signing" | b"sign" | b"master" | b"account" | b"storage" | b"subscription"
        | b"consumer" | b"hmac" | b"aes" | b"webhook" | b"admin" | b"integration" | b"service" | b"app"
        | b"application" | b"client" | b"server" | b"session" | b"shared" | b"symmetric" | b"security"
        | b"write" | b"ingestion" | b"deploy" | b"live" | b"openai" | b"anthropic" | b"stripe"
        | b"github" | b"gitlab" | b"aws" | b"azure" | b"google" | b"gcp" | b"sendgrid" | b"twilio"
        | b"slack" | b"heroku" | b"mailgun" | b"datadog" | b"cloudflare" => Some(Kind::ApiKey),
        _ => None,
    }
}

fn personal(words: &Words<'_>) -> Option<Kind> {
    let (last, previous) = (words.back(0), words.back(1));
    if words.any(b"ssn") || words.any(b"social") && words.any(b"security") {
        return Some(Kind::Ssn);
    }
    let number = matches!(last, b"number" | b"no" | b"num" | b"nr" | b"address" | b"addr");
    let noun = if number { previous } else { last };
    match noun {
        b"socialsecuritynumber" => Some(Kind::Ssn),
        b"card" | b"cc" if number => Some(Kind::CreditCard),
        b"card" => matches!(previous, b"credit" | b"debit" | b"payment").then_some(Kind::CreditCard),
        b"creditcard" | b"cardnumber" | b"cardno" | b"ccnumber" | b"ccnum" | b"pan" => Some(Kind::CreditCard),
        b"email" | b"mail" | b"emailaddress" => Some(Kind::Email),
        b"phone" | b"phonenumber" | b"telephone" | b"tel" | b"mobile" | b"cell" | b"cellphone" | b"fax"
        | b"msisdn" | b"whatsapp" => Some(Kind::Phone),
        b"ip" | b"ipaddress" | b"ipaddr" => Some(Kind::IpAddress),
        b"iban" | b"ibannumber" | b"accountiban" => Some(Kind::Iban),
        b"remote" | b"client" | b"peer" if matches!(last, b"address" | b"addr") => Some(Kind::IpAddress),
        _ => opt_in(noun, previous, last),
    }
}

/// Names of what is found only where it is asked for.
fn opt_in(noun: &[u8], previous: &[u8], last: &[u8]) -> Option<Kind> {
    match noun {
        b"passport" | b"passportnumber" | b"passportno" | b"reisepass" => Some(Kind::Passport),
        b"license" | b"licence"
            if last == noun && matches!(previous, b"driver" | b"drivers" | b"driving") =>
        {
            Some(Kind::DriversLicense)
        }
        b"license" | b"licence" if last == b"number" => Some(Kind::DriversLicense),
        b"driverlicense" | b"driverslicense" | b"driverlicence" | b"licensenumber" | b"fuehrerschein" => {
            Some(Kind::DriversLicense)
        }
        b"routing" | b"aba" | b"routingnumber" => Some(Kind::AbaRouting),
        b"bic" | b"swift" | b"swiftcode" | b"swiftbic" => Some(Kind::Bic),
        b"code" if previous == b"swift" || previous == b"bic" => Some(Kind::Bic),
        b"nino" | b"cpf" | b"cnpj" | b"aadhaar" | b"aadhar" | b"pesel" | b"bsn" | b"nif" | b"nie"
        | b"dni" | b"curp" | b"cuit" | b"cuil" | b"nir" | b"nric" | b"tfn" | b"abn" | b"itin" | b"npi"
        | b"mbi" | b"nhs" | b"hetu" | b"cpr" | b"ahv" | b"personnummer" | b"codicefiscale" | b"steuerid"
        | b"taxid" | b"nationalid" | b"oib" | b"jmbg" | b"egn" | b"cnp" | b"tckn" | b"rrn" | b"hkid"
        | b"mykad" => Some(Kind::NationalId),
        b"id" if matches!(previous, b"national" | b"tax" | b"citizen" | b"steuer") => Some(Kind::NationalId),
        b"fiscale" if previous == b"codice" => Some(Kind::NationalId),
        b"mac" | b"macaddress" | b"macaddr" => Some(Kind::MacAddress),
        b"dob" | b"birthdate" | b"birthday" | b"dateofbirth" | b"geburtsdatum" => Some(Kind::DateOfBirth),
        b"birth" if previous == b"of" => Some(Kind::DateOfBirth),
        b"date" if previous == b"birth" => Some(Kind::DateOfBirth),
        b"wallet" | b"walletaddress" => Some(Kind::CryptoWallet),
        b"vin" | b"vinnumber" => Some(Kind::Vin),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_names() {
        let table: &[(Kind, &[&str])] = &[
            (
                Kind::Password,
                &[
                    "password",
                    "passwd",
                    "pwd",
                    "secret",
                    "client_secret",
                    "clientSecret",
                    "DB_PASSWORD",
                    "PGPASSWORD",
                    "userPassword",
                    "user.password",
                    "spring.datasource.password",
                    "password2",
                    "PASSWORD_PROD",
                    "db_pass",
                    "pass",
                    "passphrase",
                    "app-secret",
                    "password_hash",
                    "credentials",
                    "contraseña",
                    "密码",
                    "signingSecret",
                ],
            ),
            (
                Kind::ApiKey,
                &[
                    "api_key",
                    "apiKey",
                    "APIKey",
                    "apikey",
                    "x-api-key",
                    "X-API-Key",
                    "access_token",
                    "accessToken",
                    "auth_token",
                    "authorization",
                    "Proxy-Authorization",
                    "token",
                    "OPENAI_API_KEY",
                    "openaiKey",
                    "secret_key",
                    "refresh_token",
                    "githubToken",
                    "bittrexToken",
                    "API key",
                    "STRIPE_API_KEY_LIVE",
                ],
            ),
            (Kind::AwsAccessKey, &["aws_access_key_id", "AccessKeyId", "accessKeyId"]),
            (Kind::AwsSecretKey, &["aws_secret_access_key", "SecretAccessKey", "AWS_SECRET_KEY"]),
            (Kind::PrivateKey, &["private_key", "privateKey", "ssh-private-key", "PRIVATEKEY"]),
            (Kind::Jwt, &["jwt", "user_jwt"]),
            (Kind::ConnectionString, &["connection_string", "connectionString", "conn_str"]),
            (Kind::Ssn, &["ssn", "user_ssn", "userSSN", "social_security_number", "ssn_full", "SSN"]),
            (
                Kind::CreditCard,
                &["credit_card", "card_number", "cardNumber", "pan", "creditCardNumber", "cc_num"],
            ),
            (Kind::Email, &["email", "userEmail", "email_address", "contact.email", "e-mail"]),
            (Kind::Phone, &["phone", "phone_number", "mobile", "homePhone", "tel"]),
            (Kind::Iban, &["iban", "IBAN", "creditor_iban", "ibanNumber"]),
            (Kind::Passport, &["passport", "passport_number", "passportNo"]),
            (Kind::DriversLicense, &["drivers_license", "driverLicenseNumber", "driving_licence"]),
            (Kind::AbaRouting, &["routing_number", "bankRouting"]),
            (Kind::Bic, &["bic", "swift_code", "swiftCode"]),
            (Kind::NationalId, &["cpf", "national_id", "taxId", "aadhaar_number", "codice_fiscale"]),
            (Kind::MacAddress, &["mac", "mac_address", "macAddr"]),
            (Kind::DateOfBirth, &["dob", "date_of_birth", "birthDate", "dateOfBirth"]),
            (Kind::CryptoWallet, &["wallet_address", "wallet"]),
            (Kind::Vin, &["vin", "vehicle_vin"]),
            (Kind::IpAddress, &["ip", "ip_address", "clientIp", "remote_addr"]),
        ];
        for (kind, names) in table {
            for name in *names {
                assert_eq!(kind_of_key(name), Some(*kind), "{name}");
            }
        }
    }

    #[test]
    fn names_that_only_look_telling() {
        for name in [
            "",
            "_",
            "keyword",
            "monkey",
            "author",
            "tokens_used",
            "max_tokens",
            "token_count",
            "next_page_token",
            "nextPageToken",
            "pageToken",
            "progressToken",
            "cursor",
            "primary_key",
            "foreign_key",
            "public_key",
            "key",
            "password_policy",
            "min_length",
            "password_min_length",
            "secretary",
            "token_type",
            "tokenizer",
            "passed",
            "bypass",
            "boarding_pass",
            "compass",
            "passenger",
            "private_key_id",
            "secretName",
            "imagePullSecret",
            "cardinality",
            "card",
            "card_type",
            "discard",
            "expand",
            "span",
            "company",
            "emailed_at",
            "phone_verified",
            "mailbox",
            "ship",
            "zip",
            "description",
            "id",
            "key_id",
            "hotkey",
            "turkey",
            "stopToken",
            "keys",
            "authors",
            "password_reset_token_expires_in",
            "username",
            "session_id",
            "commit_hash",
            "signature_algorithm",
            "license",
            "machine",
            "birth_rate",
            "update_date",
            "user_id",
            "swiftly",
        ] {
            assert_eq!(kind_of_key(name), None, "{name}");
        }
    }
}
