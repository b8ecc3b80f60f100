//! Secrets known by their structure or by the name they stand under.

use crate::{
    Kind, Rule,
    rule::Matcher::{Folded, Verify},
    verify::{connection, jwt, keyword, pem, token},
};

const OWASP: &str = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html";

pub(crate) static SECRETS: &[Rule] = &[
    Rule {
        id: "private-key",
        kind: Kind::PrivateKey,
        anchors: &["-----BEGIN"],
        description: "Private keys in PEM armour, the whole block",
        source: "https://www.rfc-editor.org/rfc/rfc7468",
        examples: &[
            "-----BEGIN RSA PRIVATE KEY-----\nZmFicmljYXRlZA==\n-----END RSA PRIVATE KEY-----",
            "{\"key\":\"-----BEGIN PRIVATE KEY-----\\nZmFicmljYXRlZA==\\n-----END PRIVATE KEY-----\"}",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nZmFicmljYXRlZA==",
        ],
        counterexamples: &[
            "-----BEGIN CERTIFICATE-----\nZmFicmljYXRlZA==\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\nZmFicmljYXRlZA==\n-----END PUBLIC KEY-----",
            "the file starts with -----BEGIN PRIVATE KEY-----",
        ],
        matcher: Verify(pem::verify),
    },
    Rule {
        id: "jwt",
        kind: Kind::Jwt,
        anchors: &["eyJ"],
        description: "JSON Web Tokens whose header names an algorithm",
        source: "https://www.rfc-editor.org/rfc/rfc7519",
        examples: &[concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
            ".eyJzdWIiOiJ1LTEifQ",
            ".h7Qe0dVYw2mJt5sKcR8x"
        )],
        counterexamples: &[
            "eyJub3QiOiJhIGp3dCJ9.notbase64json!!.zzz",
            "eyJhbGciOi is how they start",
            "\"cursor\":\"eyJwYWdlIjozfQ\"",
        ],
        matcher: Verify(jwt::verify),
    },
    Rule {
        id: "aws-access-key-id",
        kind: Kind::AwsAccessKey,
        anchors: &["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
        description: "AWS access key ids, long-term and temporary",
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids",
        examples: &["AKIAIOSFODNN7EXAMPLE", concat!("key=", "ASIAQ3EGVZL5TJ7XWN2R", ",")],
        counterexamples: &["AKIAIOSFODNN7EXAMPLES", "xAKIAIOSFODNN7EXAMPLE", "akiaiosfodnn7example"],
        matcher: Verify(token::verify_aws_id),
    },
    Rule {
        id: "url-password",
        kind: Kind::ConnectionString,
        anchors: &["://", ":\\/\\/"],
        description: "The password in the user information of a URL",
        source: "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        examples: &["postgres://svc:Zr7!kQ2m#Lp@db.internal:5432/app", "redis://:9sJ3kLmQ@cache:6379/0"],
        counterexamples: &[
            "postgres://localhost:5432/app",
            "mysql://root:${DB_PASSWORD}@db/app",
            "postgres://user:password@localhost/x",
        ],
        matcher: Verify(connection::verify),
    },
    Rule {
        id: "keyed-text",
        kind: Kind::Password,
        anchors: &["pass", "pwd", "cret", "oken", "key", "cred", "authoriz", "jwt", "wort"],
        description: "Values beside a telling name: password, secret, token, API key and their like",
        source: OWASP,
        examples: &[
            "password = \"Tr0ub4dor&3x\"",
            "PGPASSWORD=h7-Qw_2z! psql",
            "{\"a\":\"{\\\"password\\\":\\\"h7Qw2zKk9\\\"}\"}",
            "api_key=d41f7c02b9e84a66b1c3aa0975e2f8d4",
            "<password>h7Qw2zKk9</password>",
            "--password h7Qw2zKk9",
        ],
        counterexamples: &[
            "password must be at least 8 characters",
            "password = getpass()",
            "apiKey: process.env.API_KEY",
            "secret santa: december",
            "max_tokens: 4096",
            "api_key=***REDACTED***",
            "[API_KEY:9f86d081]",
        ],
        matcher: Folded(keyword::verify),
    },
    Rule {
        id: "bearer",
        kind: Kind::ApiKey,
        anchors: &["bearer"],
        description: "Bearer tokens outside a named header",
        source: "https://www.rfc-editor.org/rfc/rfc6750",
        examples: &["send Bearer Qm7Tz2Lx9Wp4Rk8Vb3Nf6Hd1"],
        counterexamples: &["Bearer ********************", "bearer of good news today"],
        matcher: Folded(keyword::verify_bearer),
    },
    Rule {
        id: "user-option",
        kind: Kind::Password,
        anchors: &["-u ", "--user"],
        description: "The password in `-u user:password` of a command",
        source: "https://curl.se/docs/manpage.html#-u",
        examples: &["curl -u admin:S3cr3tPw9 https://x", "--user=bob:S3cr3tPw9"],
        counterexamples: &["curl -u admin:$PASS https://x", "docker run -u 1000:1000 img", "sort -u file"],
        matcher: Folded(keyword::verify_user_option),
    },
];
