use std::{convert::Infallible, sync::Arc};

use agent_airlock::{AirlockConfig, Caller, SecurityPolicy, Tool, airlock};

fn policy() -> SecurityPolicy {
    SecurityPolicy::read_only()
}

/// All words at once.
#[airlock(
    policy = policy(),
    config = AirlockConfig::default(),
    strict,
    sandbox = true,
    sandbox_required,
    sanitize_output = true,
    mask_pii = true,
    mask_secrets = true,
    max_output_chars = 10_000,
    roles("admin", "ops"),
    rate_limit = "10/minute",
    within(path = ["/data", "/tmp"]),
    name = "read_all",
    description = "Reads."
)]
async fn all(path: String, _caller: Arc<Caller>) -> Result<String, Infallible> {
    Ok(path)
}

fn main() {
    let tool: Tool = all();
    assert_eq!((tool.name(), tool.description()), ("read_all", "Reads."));
    assert_eq!(tool.problems(), [] as [&str; 0]);
}
