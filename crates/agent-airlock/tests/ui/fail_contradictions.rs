use agent_airlock::airlock;

#[airlock(strict, permissive)]
fn modes() {}

#[airlock(sandbox = false, sandbox_required)]
fn sandboxes() {}

#[airlock(name = "a", name = "b")]
fn names() {}

fn main() {}
