//! Texts that tempt the scanner most: someone else writes what a tool returns, and may mean to keep us busy.

/// A name, and what is repeated.
const REPEATED: &[(&str, &str)] = &[
    ("eyJ", "eyJ"),
    ("eyJ.eyJ.", "eyJhbGciOi.eyJ."),
    ("digits", "1"),
    ("digits and spaces", "1 "),
    ("digits and dashes", "523-"),
    ("digits and dots", "1."),
    ("nines of card", "4539 5787 6362 1487 "),
    ("@", "@"),
    ("a@", "a@"),
    ("e-mails", "bob@example.com"),
    ("://", "://"),
    ("postgres://", "postgres://u:"),
    ("password=", "password="),
    ("password: \"", "password: \""),
    ("api_key quoted", "\"api_key\":\"\","),
    ("quotes", "\""),
    ("escaped quotes", "\\\""),
    ("deeply escaped quotes", "{\\\"password\\\":\\\"{\\\\\\\"token\\\\\\\":"),
    ("backslashes", "\\"),
    ("%40", "%40"),
    ("a%40b.", "a%40b."),
    ("\\u0040", "\\u0040"),
    ("\\u0035", "\\u0035"),
    ("&#64;", "&#64;"),
    ("zero width", "\u{200b}"),
    ("zero width in digits", "5\u{200b}2\u{200b}3-"),
    ("full width", "４５３９"),
    ("soft hyphens", "a\u{ad}@\u{ad}"),
    ("BEGIN", "-----BEGIN "),
    ("BEGIN PRIVATE KEY", "-----BEGIN PRIVATE KEY-----\n"),
    ("colons", "::"),
    ("hexadecimal and colons", "a:b:"),
    ("sk-", "sk-"),
    ("ghp_", "ghp_"),
    ("AKIA", "AKIA"),
    ("Bearer", "Bearer "),
    ("masks", "***-**-6789 "),
    ("Basic", "Authorization: Basic YWRtaW46"),
    ("spaces", " "),
    ("plus", "+1"),
    ("DE", "DE89 3704 0044 "),
    (
        "dense text repeated",
        "SSN 523-45-6781, card 4539 5787 6362 1486, bob@example.com, (212) 555-0132, 203.0.113.7, ",
    ),
];

/// Names and texts of about `len` bytes.
pub(crate) fn texts(len: usize) -> impl Iterator<Item = (&'static str, String)> {
    let base64 = move || ("base64", encoded(len));
    REPEATED
        .iter()
        .map(move |(name, piece)| (*name, piece.repeat(len / piece.len())))
        .chain(std::iter::once_with(base64))
}

/// Base64 of ordinary text, as a decoder likes it, in runs of some hundred characters.
fn encoded(len: usize) -> String {
    "bWFpbCBtZSBhdCBzb21lIHBsYWNlIGFuZCB0aGVuIHdyaXRlIGJhY2sgdG8gdGhlIHRlYW0gYWJvdXQgdGhlIG9yZGVyIG9mIHRoZSBkYXkg\n"
        .repeat(len / 109)
}
