use agent_airlock::airlock;

#[airlock(stict)]
fn near(path: String) -> String {
    path
}

#[airlock(frobnicate = 3)]
fn far(path: String) -> String {
    path
}

fn main() {}
