use agent_airlock::airlock;

#[airlock]
fn pattern((one, other): (u8, u8)) -> u8 {
    one + other
}

#[airlock]
fn borrowed(name: &str) -> usize {
    name.len()
}

#[airlock]
fn any(value: impl ToString) -> String {
    value.to_string()
}

#[airlock]
fn unbounded<T>(value: T) -> u8 {
    0
}

#[airlock]
fn two_callers(one: &agent_airlock::Caller, other: &agent_airlock::Caller) {}

#[airlock(within(file = "/data"))]
fn elsewhere(path: String) -> String {
    path
}

fn main() {}
