//! A permit is good for one output.
use agent_airlock::{Permit, RawOutput};

async fn twice(permit: Permit) {
    let _ = permit.release(RawOutput::text("a")).await;
    let _ = permit.release(RawOutput::text("b")).await;
}

fn main() {
    let _ = twice;
}
