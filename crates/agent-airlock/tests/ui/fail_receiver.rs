use agent_airlock::airlock;

struct Counter(u32);

impl Counter {
    #[airlock]
    fn count(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

#[airlock]
struct NoFunction;

fn main() {}
