//! Nobody outside the engine can declare an output protected.
use agent_airlock::ProtectedOutput;

fn forge(leak: String) -> ProtectedOutput {
    ProtectedOutput { text: Some(leak) }
}

fn main() {
    let _ = forge;
}
