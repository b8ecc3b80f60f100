use agent_airlock::airlock;

struct Database;

impl Database {
    #[airlock(sandbox_required)]
    fn run(&self, code: String) -> String {
        code
    }
}

fn main() {}
