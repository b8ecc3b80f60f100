use agent_airlock::airlock;

struct Opaque;

#[airlock]
fn gives() -> Opaque {
    Opaque
}

#[airlock]
fn fails() -> Result<u8, Opaque> {
    Err(Opaque)
}

fn main() {}
