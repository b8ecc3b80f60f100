//! Nobody outside the engine can make a permit.
use airlock_engine::{Permit, RawCall};

fn forge(call: RawCall) -> Permit {
    Permit { call }
}

fn main() {
    let _ = forge;
}
