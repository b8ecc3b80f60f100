//! A permit cannot be copied for a second call.
use airlock_engine::Permit;

fn copy(permit: &Permit) -> Permit {
    permit.clone()
}

fn main() {
    let _ = copy;
}
