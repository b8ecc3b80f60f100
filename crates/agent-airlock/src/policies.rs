//! The predefined policies, under the names of the product's documentation.

use std::sync::LazyLock;

use airlock_engine::policy::SecurityPolicy;

/// No restriction.
pub static PERMISSIVE_POLICY: LazyLock<SecurityPolicy> = LazyLock::new(SecurityPolicy::permissive);

/// Requires an agent id, and allows each agent 100 calls per hour of all tools together that have this policy.
pub static STRICT_POLICY: LazyLock<SecurityPolicy> = LazyLock::new(SecurityPolicy::strict);

/// Allows tools whose names begin like reading and denies those whose names tell of writing; see
/// [`SecurityPolicy::read_only`].
pub static READ_ONLY_POLICY: LazyLock<SecurityPolicy> = LazyLock::new(SecurityPolicy::read_only);

/// Allows calls from 09:00 to 17:00, every day, in the system's time zone.
pub static BUSINESS_HOURS_POLICY: LazyLock<SecurityPolicy> = LazyLock::new(SecurityPolicy::business_hours);
