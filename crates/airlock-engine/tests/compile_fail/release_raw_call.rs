//! A raw call is not a permit.
use airlock_engine::{RawCall, RawOutput};

async fn skip_both_layers(call: RawCall) {
    let _ = call.release(RawOutput::text("x")).await;
}

fn main() {
    let _ = skip_both_layers;
}
