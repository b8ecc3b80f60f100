//! Rules for the values of arguments.
//!
//! An [`ArgumentRule`] is what the user wrote for one argument; it compiles to [`ArgumentRules`]. A value is
//! refused unless every condition can be evaluated and holds; an argument that is absent passes, since the
//! schema says what is required.

mod address;
mod decimal;
mod path;
mod select;
mod url;
mod value;

use std::borrow::Cow;

pub use decimal::{Decimal, DecimalError};

use self::{path::Folders, select::Selector, url::UrlMatcher, value::WholeMatch};
use super::PolicyProblem;
use crate::{
    code::Code,
    json::{Kind, Value},
    ports::Files,
    rejection::Rejection,
};

/// Most values that one rule looks at in one call; a call with more is refused.
pub const MAX_SELECTED_VALUES: usize = 1_000;

/// The rule for one argument as the user wrote it. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArgumentRule {
    /// The value is a path, or an array of paths, inside one of these folders. Folders may be relative to
    /// the tool's working directory. Empty: no such condition.
    pub within: Vec<String>,
    /// The value is a number, at most this one.
    pub max: Option<Decimal>,
    /// The value is a number, at least this one.
    pub min: Option<Decimal>,
    /// The value equals one of these as JSON does: `1` and `1.0` are equal, the order of members does not
    /// matter. Empty: no such condition.
    pub one_of: Vec<serde_json::Value>,
    /// The value is a string and this regular expression matches the whole of it.
    pub matches: Option<String>,
    /// The value is a URL, or an array of URLs, that this rule allows.
    pub url: Option<UrlRule>,
}

/// Which URLs are allowed. The default: `http` and `https`, any public host.
///
/// Names are not resolved: a public name that points to a private address passes. Only the network can stop
/// that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlRule {
    /// Hosts as names, addresses, or patterns such as `*.example.com`; empty allows any public host. A
    /// private name (`localhost`, `db.internal`) is allowed only where it is listed by itself or by its own
    /// ending (`*.internal`).
    pub hosts: Vec<String>,
    /// Schemes; an empty list is a problem.
    pub schemes: Vec<String>,
    /// Dangerous, and called `danger_allow_private_hosts` in configuration: allows loopback, private, link-local (cloud metadata!) and other special addresses and names.
    pub allow_private: bool,
}

impl Default for UrlRule {
    fn default() -> Self {
        Self { hosts: Vec::new(), schemes: ["https", "http"].map(str::to_owned).into(), allow_private: false }
    }
}

/// The compiled rule for one argument.
#[derive(Clone, Debug)]
pub struct ArgumentRules {
    selector: Selector,
    within: Option<Folders>,
    max: Option<Decimal>,
    min: Option<Decimal>,
    one_of: Box<[serde_json::Value]>,
    matches: Option<WholeMatch>,
    url: Option<UrlMatcher>,
}

/// Why a value is refused: the code, what the value is not, and what it should be. The texts are ours or the
/// operator's and never hold the value.
#[derive(Debug, PartialEq, Eq)]
struct Denied {
    code: Code,
    why: Cow<'static, str>,
    hint: Option<String>,
}

impl Denied {
    fn argument(why: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::ArgumentDenied, why: why.into(), hint: None }
    }

    fn path(why: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Code::PathDenied, why: why.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl ArgumentRules {
    /// Compiles the rule for `argument`: a name (`path`), a member (`options.path`, `"a.b".c`), every element
    /// of an array (`files[]`), or a mixture (`files[].path`).
    ///
    /// # Errors
    ///
    /// Every problem of the rule, not only the first. A rule without any condition is one.
    pub fn compile(argument: &str, rule: &ArgumentRule) -> Result<Self, Vec<PolicyProblem>> {
        let mut problems = Problems(Vec::new());
        let selector = problems
            .keep(Selector::parse(argument).map_err(|why| vec![problem("argument", Some(argument), why)]));
        let within = (!rule.within.is_empty()).then(|| problems.keep(Folders::compile(&rule.within)));
        let matches = rule.matches.as_deref().map(|text| {
            problems.keep(WholeMatch::compile(text).map_err(|why| vec![problem("matches", None, why)]))
        });
        let url = rule.url.as_ref().map(|rule| problems.keep(UrlMatcher::compile(rule)));
        if let (Some(min), Some(max)) = (&rule.min, &rule.max)
            && min > max
        {
            problems.0.push(problem("min", None, "no number is at least `min` and at most `max`"));
        }
        if *rule == ArgumentRule::default() {
            let message =
                "the rule has no condition; write `within`, `max`, `min`, `one_of`, `matches` or `url`";
            problems.0.push(problem("argument", Some(argument), message));
        }
        match (selector, problems.0.is_empty()) {
            (Some(selector), true) => Ok(Self {
                selector,
                within: within.flatten(),
                max: rule.max.clone(),
                min: rule.min.clone(),
                one_of: rule.one_of.clone().into(),
                matches: matches.flatten(),
                url: url.flatten(),
            }),
            _ => Err(problems.0),
        }
    }

    /// Checks the arguments of a call. The rejection names the argument as the rule does, and no value.
    ///
    /// # Errors
    ///
    /// [`Code::PathDenied`] from `within`, [`Code::ArgumentDenied`] from everything else.
    pub fn check(&self, arguments: Value<'_>, files: &dyn Files) -> Result<(), Rejection> {
        let mut seen = 0;
        let mut check = |value: Value<'_>| {
            // The elements of an array are values too, since a condition may look at each.
            seen += if value.kind() == Kind::Array { value.len().max(1) } else { 1 };
            if seen > MAX_SELECTED_VALUES {
                return Err(Denied::argument(format!("has more than {MAX_SELECTED_VALUES} values")));
            }
            self.check_value(value, files)
        };
        self.selector.each(arguments, &mut check).map_err(|denied| {
            let rejection = Rejection::new(denied.code).with_message(format!(
                "the argument `{}` {}",
                self.selector.as_str(),
                denied.why
            ));
            denied.hint.into_iter().fold(rejection, Rejection::with_hint)
        })
    }

    fn check_value(&self, value: Value<'_>, files: &dyn Files) -> Result<(), Denied> {
        if let Some(folders) = &self.within {
            each_text(value, Denied::path, &mut |path| folders.check(path, files))?;
        }
        if self.max.is_some() || self.min.is_some() {
            value::check_range(value, self.min.as_ref(), self.max.as_ref())?;
        }
        if !self.one_of.is_empty() {
            value::check_one_of(value, &self.one_of)?;
        }
        if let Some(matches) = &self.matches {
            matches.check(&text_of(value, Denied::argument)?)?;
        }
        if let Some(url) = &self.url {
            each_text(value, Denied::argument, &mut |text| url.check(text))?;
        }
        Ok(())
    }
}

/// Collects problems while compiling goes on.
struct Problems(Vec<PolicyProblem>);

impl Problems {
    fn keep<T>(&mut self, result: Result<T, Vec<PolicyProblem>>) -> Option<T> {
        result.map_err(|problems| self.0.extend(problems)).ok()
    }
}

fn problem(field: &str, entry: Option<&str>, message: impl Into<String>) -> PolicyProblem {
    PolicyProblem {
        field: field.to_owned(),
        entry: entry.map(str::to_owned),
        message: message.into(),
        help: None,
    }
}

/// Compiles the items of a list, or tells every problem.
fn compile_each<T>(
    field: &str,
    texts: &[String],
    compile: impl Fn(&str) -> Result<T, String>,
) -> Result<Box<[T]>, Vec<PolicyProblem>> {
    let (mut items, mut problems) = (Vec::with_capacity(texts.len()), Vec::new());
    for text in texts {
        match compile(text) {
            Ok(item) => items.push(item),
            Err(why) => problems.push(problem(field, Some(text), why)),
        }
    }
    if problems.is_empty() { Ok(items.into()) } else { Err(problems) }
}

/// The text of a string; anything else is refused.
fn text_of(value: Value<'_>, denied: fn(&'static str) -> Denied) -> Result<Cow<'_, str>, Denied> {
    if value.has_lone_surrogate() {
        return Err(denied("holds half of a surrogate pair"));
    }
    value.as_str().ok_or_else(|| denied("must be a string"))
}

/// A string, or each string of an array.
fn each_text(
    value: Value<'_>,
    denied: fn(&'static str) -> Denied,
    check: &mut dyn FnMut(&str) -> Result<(), Denied>,
) -> Result<(), Denied> {
    match value.kind() {
        Kind::String => check(&text_of(value, denied)?),
        Kind::Array => value.elements().try_for_each(|element| check(&text_of(element, denied)?)),
        _ => Err(denied("must be a string or an array of strings")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{ArgumentRule, ArgumentRules, MAX_SELECTED_VALUES, UrlRule};
    use crate::{
        code::Code,
        json::{Bounds, Document},
        ports::Files,
        rejection::Rejection,
    };

    /// No links and no `..`.
    struct Plain;

    impl Files for Plain {
        fn resolve(&self, path: &str) -> Option<PathBuf> {
            (!path.contains("..")).then(|| PathBuf::from("/data").join(path))
        }
    }

    fn check(argument: &str, rule: &ArgumentRule, json: &str) -> Result<(), Rejection> {
        let doc = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
        ArgumentRules::compile(argument, rule).unwrap().check(doc.root(), &Plain)
    }

    fn code(argument: &str, rule: &ArgumentRule, json: &str) -> Option<Code> {
        check(argument, rule, json).err().map(|rejection| rejection.code())
    }

    fn within() -> ArgumentRule {
        ArgumentRule { within: vec!["/data".to_owned()], ..ArgumentRule::default() }
    }

    #[test]
    fn paths_may_be_one_or_many() {
        for (argument, json, expected) in [
            ("path", r#"{"path":"/data/x"}"#, None),
            ("path", r#"{"path":"x"}"#, None),
            ("path", "{}", None),
            ("path", r#"{"other":"/etc"}"#, None),
            ("path", r#"{"path":["/data/x","y"]}"#, None),
            ("path", r#"{"path":[]}"#, None),
            ("path", r#"{"path":"/etc"}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":"\u002fetc"}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":"/data/\u0000"}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":"/data/\ud800"}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":["/data/x","/etc"]}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":["x",1]}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":[["x"]]}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":null}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":{"toString":"x"}}"#, Some(Code::PathDenied)),
            ("path", r#"{"path":1}"#, Some(Code::PathDenied)),
            ("files[].path", r#"{"files":[{"path":"x"},{"path":"/etc"}]}"#, Some(Code::PathDenied)),
            ("files[].path", r#"{"files":[{"path":"x"},{}]}"#, None),
            ("files[].path", r#"{"files":{"path":"/etc"}}"#, Some(Code::ArgumentDenied)),
        ] {
            assert_eq!(code(argument, &within(), json), expected, "{argument} {json}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let rule = ArgumentRule {
            min: Some(1.into()),
            max: Some(10.into()),
            one_of: vec![5.into(), 50.into()],
            ..ArgumentRule::default()
        };
        for (json, expected) in [
            (r#"{"n":5}"#, None),
            (r#"{"n":6}"#, Some(Code::ArgumentDenied)),
            (r#"{"n":50}"#, Some(Code::ArgumentDenied)),
            (r#"{"n":"5"}"#, Some(Code::ArgumentDenied)),
        ] {
            assert_eq!(code("n", &rule, json), expected, "{json}");
        }
    }

    #[test]
    fn urls_and_forms_need_strings() {
        let url = ArgumentRule { url: Some(UrlRule::default()), ..ArgumentRule::default() };
        let matches = ArgumentRule { matches: Some("[a-z]+".to_owned()), ..ArgumentRule::default() };
        for (rule, json, expected) in [
            (&url, r#"{"v":"https://example.com"}"#, true),
            (&url, r#"{"v":["https://example.com"]}"#, true),
            (&url, r#"{"v":["https://example.com","http://localhost"]}"#, false),
            (&url, r#"{"v":null}"#, false),
            (&matches, r#"{"v":"abc"}"#, true),
            (&matches, r#"{"v":"abc1"}"#, false),
            (&matches, r#"{"v":"a\ud800"}"#, false),
            (&matches, r#"{"v":["abc"]}"#, false),
            (&matches, r#"{"v":7}"#, false),
        ] {
            assert_eq!(code("v", rule, json), (!expected).then_some(Code::ArgumentDenied), "{json}");
        }
    }

    #[test]
    fn rejections_name_the_argument_and_no_value() {
        let rejection =
            check("files[].path", &within(), r#"{"files":[{"path":"/secret/place"}]}"#).unwrap_err();
        assert_eq!(rejection.message(), "the argument `files[].path` lies outside the allowed folders");
        assert_eq!(rejection.fix_hints(), ["use a plain path inside `/data`"]);
        let rule = ArgumentRule { max: Some("10".parse().unwrap()), ..ArgumentRule::default() };
        let rejection = check("n", &rule, r#"{"n":31337}"#).unwrap_err();
        assert!(!rejection.to_agent_json().contains("31337"));
        assert_eq!(rejection.fix_hints(), ["use a number of at most 10"]);
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let many = |count: usize| format!(r#"{{"l":[{}]}}"#, vec![r#""x""#; count].join(","));
        for argument in ["l", "l[]"] {
            assert!(check(argument, &within(), &many(MAX_SELECTED_VALUES)).is_ok());
            assert!(check(argument, &within(), &many(MAX_SELECTED_VALUES + 1)).is_err());
        }
    }

    #[test]
    fn all_problems_of_a_rule_are_reported() {
        let rule = ArgumentRule {
            within: vec!["~".to_owned()],
            min: Some(2.into()),
            max: Some(1.into()),
            matches: Some("(".to_owned()),
            url: Some(UrlRule {
                hosts: vec!["127.0.0.1".to_owned()],
                schemes: vec!["x:".to_owned()],
                allow_private: false,
            }),
            ..ArgumentRule::default()
        };
        let problems = ArgumentRules::compile("a..b", &rule).unwrap_err();
        let found: Vec<_> = problems.iter().map(|p| (p.field.as_str(), p.entry.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("argument", Some("a..b")),
                ("within", Some("~")),
                ("matches", None),
                ("url.hosts", Some("127.0.0.1")),
                ("url.schemes", Some("x:")),
                ("min", None),
            ]
        );
        let nothing = ArgumentRules::compile("a", &ArgumentRule::default()).unwrap_err();
        assert!(nothing[0].message.contains("no condition"));
    }
}
