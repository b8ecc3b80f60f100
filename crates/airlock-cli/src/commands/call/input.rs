//! What `airlock call` is asked about: arguments, schema and time, as the user gives them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use airlock_engine::{
    json::{Bounds, Document, Value},
    ports::{Clock, Now},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::exit::Failure;

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A schema with which nothing is a ghost and everything conforms.
const ANYTHING: &str = r#"{"type":"object","additionalProperties":true}"#;

/// The arguments: JSON, `@FILE`, or `-` for stdin.
pub(crate) fn arguments(given: &str) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => read_file(Path::new(path)),
        None if given == "-" => read(io::stdin().lock()).map_err(|error| unreadable("stdin", &error)),
        None => Ok(given.to_owned()),
    }
}

/// The tool's input schema, out of whatever the file holds: the schema itself, a tool definition, or a list of
/// tools as `tools/list` answers it. Without a file everything conforms.
pub(crate) fn schema(file: Option<&Path>, tool: &str) -> Result<String, Failure> {
    let Some(path) = file else { return Ok(ANYTHING.to_owned()) };
    let text = read_file(path)?;
    let invalid = |error| Failure::unexpected(format_args!("{} is not JSON: {error}", path.display()));
    let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).map_err(invalid)?;
    let root = doc.root();
    let list = root.get("result").unwrap_or(root).get("tools").filter(Value::is_array);
    let definition = match list {
        None => root,
        Some(list) => {
            let named =
                |definition: &Value<'_>| definition.get("name").is_some_and(|name| name.is_text(tool));
            list.elements().find(named).ok_or_else(|| {
                Failure::unexpected(format_args!("{} lists no tool `{tool}`", path.display()))
            })?
        }
    };
    Ok(definition.get("inputSchema").unwrap_or(definition).raw().to_owned())
}

fn read_file(path: &Path) -> Result<String, Failure> {
    File::open(path).and_then(read).map_err(|error| unreadable(&path.display().to_string(), &error))
}

fn read(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    if input.take(MAX_FILE + 1).read_to_string(&mut text)? as u64 > MAX_FILE {
        return Err(io::Error::other("longer than 16 MiB"));
    }
    Ok(text)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::unexpected(format_args!("cannot read {name}: {error}"))
}

/// A time with a zone or offset, or else one of this machine's zone.
pub(crate) fn time(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let here = text.parse::<DateTime>().and_then(|local| local.to_zoned(TimeZone::system()));
    here.map(|zoned| zoned.timestamp()).map_err(|_| {
        Failure::usage(format_args!("`{text}` is no time")).with_help(
            "write it as 2026-01-31T22:00:00Z, or 2026-01-31T22:00 for a time of this machine's zone",
        )
    })
}

/// The time now, to the second, as people say it.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A clock that stands still, so that the report can say what time it judged.
pub(crate) struct StoppedClock(pub(crate) Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Option<Now> {
        Some(Now { wall: self.0, monotonic: std::time::Duration::ZERO })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{ANYTHING, arguments, schema, time};

    #[test]
    fn the_schema_is_found_in_whatever_people_have() {
        let own = r#"{"type":"object","properties":{"a":{"maximum":12345678901234567890123}}}"#;
        let definition = format!(r#"{{"name":"t","inputSchema":{own}}}"#);
        let list = format!(r#"{{"tools":[{{"name":"other","inputSchema":{{}}}},{definition}]}}"#);
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{list}}}"#);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.json");
        for text in [own, &definition, &list, &answer] {
            fs::write(&path, text).unwrap();
            assert_eq!(schema(Some(&path), "t").unwrap(), own, "{text}");
        }
        fs::write(&path, &list).unwrap();
        assert!(schema(Some(&path), "missing").is_err());
        fs::write(&path, "{").unwrap();
        assert!(schema(Some(&path), "t").is_err());
        assert_eq!(schema(None, "t").unwrap(), ANYTHING);
    }

    #[test]
    fn arguments_come_from_the_command_line_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arguments.json");
        fs::write(&path, "{\"a\":1}").unwrap();
        assert_eq!(arguments("{}").unwrap(), "{}");
        assert_eq!(arguments(&format!("@{}", path.display())).unwrap(), "{\"a\":1}");
        assert!(arguments("@/nonexistent/file").is_err());
    }

    #[test]
    fn times_have_a_zone_or_are_of_here() {
        assert_eq!(time("2026-01-31T22:00:00Z").unwrap().to_string(), "2026-01-31T22:00:00Z");
        assert_eq!(time("2026-01-31T22:00:00+01:00").unwrap().to_string(), "2026-01-31T21:00:00Z");
        assert!(time("2026-01-31T22:00").is_ok());
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "22:00"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
