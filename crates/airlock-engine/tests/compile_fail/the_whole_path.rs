//! The positive control: the path as it is meant compiles.
use airlock_engine::{Airlock, Permit, ProtectedOutput, RawCall, RawOutput, Rejection};

async fn whole(airlock: Airlock, call: RawCall) -> Result<ProtectedOutput, Rejection> {
    let permit: Permit = airlock.admit(call).await?;
    permit.release(RawOutput::text("x")).await
}

fn main() {
    let _ = whole;
}
