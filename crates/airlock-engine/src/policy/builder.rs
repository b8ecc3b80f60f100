//! Writing a policy in code.

use super::SecurityPolicy;

/// The texts; for none of them an empty one, which does not compile: an empty list would allow everything.
fn owned<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    if texts.is_empty() { vec![String::new()] } else { texts }
}

/// Each method adds to what the policy says.
///
/// ```
/// use airlock_engine::policy::SecurityPolicy;
/// let policy = SecurityPolicy::permissive()
///     .allow_tools(["read_*", "query_*", "get_*"])
///     .deny_tools(["delete_*", "drop_*", "truncate_*"])
///     .with_agent_id()
///     .for_roles(["analyst", "developer"])
///     .rate_limit("query_*", "100/minute")
///     .rate_limit("*", "1000/hour")
///     .time_restriction("write_*", "09:00-17:00")
///     .in_timezone("Europe/Berlin");
/// assert!(policy.compile("PRODUCTION_POLICY", &jiff::tz::TimeZone::UTC).is_ok());
/// ```
impl SecurityPolicy {
    /// Only these tools may be called, and those that were allowed before. None of them is a mistake that
    /// [`compile`](Self::compile) reports.
    #[must_use]
    pub fn allow_tools<'t>(mut self, patterns: impl IntoIterator<Item = &'t str>) -> Self {
        self.allowed_tools.extend(owned(patterns));
        self
    }

    /// These tools may not be called.
    #[must_use]
    pub fn deny_tools<'t>(mut self, patterns: impl IntoIterator<Item = &'t str>) -> Self {
        self.denied_tools.extend(patterns.into_iter().map(str::to_owned));
        self
    }

    /// The caller must have an agent id.
    #[must_use]
    pub fn with_agent_id(mut self) -> Self {
        self.require_agent_id = true;
        self
    }

    /// The caller must hold one of these roles, or one of those that were named before. None of them is a mistake that
    /// [`compile`](Self::compile) reports.
    #[must_use]
    pub fn for_roles<'t>(mut self, roles: impl IntoIterator<Item = &'t str>) -> Self {
        self.allowed_roles.extend(owned(roles));
        self
    }

    /// Calls of tools that match `pattern` per caller, such as `"100/minute"`. The most specific pattern counts.
    #[must_use]
    pub fn rate_limit(mut self, pattern: &str, limit: &str) -> Self {
        self.rate_limits.push((pattern.to_owned(), limit.to_owned()));
        self
    }

    /// When tools that match `pattern` may be called, such as `"Mon-Fri 09:00-17:00"`. The most specific one counts.
    #[must_use]
    pub fn time_restriction(mut self, pattern: &str, window: &str) -> Self {
        self.time_restrictions.push((pattern.to_owned(), window.to_owned()));
        self
    }

    /// The zone of the windows, an IANA name.
    #[must_use]
    pub fn in_timezone(mut self, zone: &str) -> Self {
        self.timezone = Some(zone.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::SecurityPolicy;

    #[test]
    fn an_empty_list_allows_nobody_by_mistake() {
        let compiles = |policy: SecurityPolicy| policy.compile("p", &TimeZone::UTC).is_ok();
        assert!(!compiles(SecurityPolicy::permissive().for_roles([])));
        assert!(!compiles(SecurityPolicy::permissive().allow_tools([])));
        assert!(compiles(SecurityPolicy::permissive().for_roles(["a"]).allow_tools(["a"]).deny_tools([])));
    }
}
