//! A permit is good for one output.
use airlock_engine::{Permit, RawOutput};

async fn twice(permit: Permit) {
    let _ = permit.release(RawOutput::text("a")).await;
    let _ = permit.release(RawOutput::text("b")).await;
}

fn main() {
    let _ = twice;
}
