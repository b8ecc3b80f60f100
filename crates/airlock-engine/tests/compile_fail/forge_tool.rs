//! A tool is bound by an engine, with its contract and its policies, or not at all.
use airlock_engine::Tool;

fn forge() -> Tool {
    Tool { name: "read_file".into() }
}

fn main() {
    let _ = forge;
}
