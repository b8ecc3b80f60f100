//! Nobody outside the engine can declare an output protected.
use airlock_engine::ProtectedOutput;

fn forge(leak: String) -> ProtectedOutput {
    ProtectedOutput { text: Some(leak) }
}

fn main() {
    let _ = forge;
}
