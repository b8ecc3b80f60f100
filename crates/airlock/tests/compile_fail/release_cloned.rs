//! A permit cannot be copied for a second call.
use agent_airlock::Permit;

fn copy(permit: &Permit) -> Permit {
    permit.clone()
}

fn main() {
    let _ = copy;
}
