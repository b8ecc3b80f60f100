//! URIs of resources in their plain form, the only one that a pattern can judge.

/// What stands for a pattern in the refusal of a URI that is not plain.
pub(super) const NOT_PLAIN: &str = "a URI with `.`, `..` or empty segments, backslashes or needless escapes";

/// Whether the text of a URI is the only way to write it (RFC 3986, section 6.2.2): no dot segments and no empty
/// ones inside the path, no backslash, no escape of a character that needs none, of a separator or of an escape.
pub(super) fn is_plain(uri: &str) -> bool {
    !uri.contains('\\') && has_plain_segments(uri) && has_plain_escapes(uri)
}

fn has_plain_segments(uri: &str) -> bool {
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    let before_query = uri.get(..end).unwrap_or_default();
    // The authority begins after `//` and ends at the next slash; it may be empty, as in `file:///`.
    let (path, root) = match before_query.split_once("://") {
        Some((_, rest)) => (rest.split_once('/').map_or("", |(_, path)| path), ""),
        None => (before_query.split_once(':').map_or(before_query, |(_, path)| path), "/"),
    };
    let path = path.strip_prefix(root).unwrap_or(path);
    let inner = path.strip_suffix('/').unwrap_or(path);
    path.is_empty() || !inner.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

fn has_plain_escapes(uri: &str) -> bool {
    uri.split('%').skip(1).all(|escape| {
        let byte = escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.is_some_and(|byte| {
            let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !unreserved && !byte.is_ascii_control() && !b"/\\%".contains(&byte)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn one_way_to_write_it() {
        for plain in [
            "file:///srv/a.txt",
            "file:///srv/dir/",
            "https://example.com",
            "https://example.com/a?b=../c#..",
            "demo://resource/1",
            "urn:x:y",
            "note:a/b",
            "file:///srv/with%20space",
            "",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "file:///srv/../etc/passwd",
            "file:///srv/%2e%2e/etc/passwd",
            "file:///srv/./secret/x",
            "file:///srv//secret/x",
            "file:////etc/passwd",
            "file:///srv/%73ecret/x",
            "file:///srv%2fsecret",
            "file:///srv%252e",
            "file:///srv\\secret",
            "file:///srv/%zz",
            "file:///srv/%",
            "file:///srv/a%00",
            "note:a/../b",
            "file:///srv/..",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }
}
