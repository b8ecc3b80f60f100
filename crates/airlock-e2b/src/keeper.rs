//! The thread that makes machines ahead, keeps them alive, and replaces those that get old.

use std::time::{Duration, Instant};

use airlock_sandbox::Stop;

use crate::machines::{LONGEST_LIFE, Machines, State, Waiting, Warm};

/// How long to wait after a machine could not be made; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Less cannot be kept: the service counts in seconds.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// What is to be done next.
#[derive(Debug)]
enum Task {
    Make,
    KeepAlive(Waiting),
    /// Another one will be made for it.
    ThrowAway(Waiting),
    /// Nothing until then.
    Wait(Option<Instant>),
}

/// Until all machines are to end.
pub(crate) fn keep(machines: &Machines, warm: Warm) {
    let lifetime = warm.lifetime.clamp(SHORTEST_LIFE, LONGEST_LIFE);
    let warm = Warm { lifetime, oldest: warm.oldest.min(LONGEST_LIFE), ..warm };
    let (mut failures, mut pause) = (0, None);
    loop {
        let mut state = machines.state();
        if state.closed {
            return;
        }
        let task = task(&mut state, warm, pause, Instant::now());
        if let Task::Wait(until) = task {
            drop(machines.wait(state, until));
            continue;
        }
        let machine = match &task {
            Task::KeepAlive(waiting) | Task::ThrowAway(waiting) => Some(waiting.machine.id.clone()),
            Task::Make | Task::Wait(_) => None,
        };
        let _under_way = machines.begin(state, machine, lifetime);
        match task {
            Task::Make => {
                let client = machines.until(&Stop::default(), None);
                let made = machines.make(lifetime, &client, |state, made| state.waiting.push_back(made));
                failures = if made.is_ok() { 0 } else { failures + 1 };
                pause = made.err().map(|_| Instant::now() + pause_after(failures));
            }
            Task::KeepAlive(waiting) => machines.keep_alive(waiting, lifetime),
            Task::ThrowAway(waiting) => machines.throw_away(&waiting),
            Task::Wait(_) => {}
        }
    }
}

/// What is to be done at `now`. No machine is made before `pause` is over.
fn task(state: &mut State, warm: Warm, pause: Option<Instant>, now: Instant) -> Task {
    // Before it is too late for them; taken out, so that nobody uses one whose time limit is about to change.
    let old_at = |waiting: &Waiting| waiting.made + warm.oldest;
    if let Some(at) = state.waiting.iter().position(|waiting| old_at(waiting) <= now) {
        return state.waiting.remove(at).map_or(Task::Wait(None), Task::ThrowAway);
    }
    let due_at = |waiting: &Waiting| waiting.until.checked_sub(warm.lifetime / 2).unwrap_or(now);
    if let Some(at) = state.waiting.iter().position(|waiting| due_at(waiting) <= now) {
        return state.waiting.remove(at).map_or(Task::Wait(None), Task::KeepAlive);
    }
    let missing = state.waiting.len() < warm.size.get();
    if missing && pause.is_none_or(|pause| pause <= now) {
        return Task::Make;
    }
    let next = state.waiting.iter().map(|waiting| old_at(waiting).min(due_at(waiting))).min();
    Task::Wait(next.into_iter().chain(pause.filter(|_| missing)).min())
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroUsize,
        time::{Duration, Instant},
    };

    use super::{Task, pause_after, task};
    use crate::{
        Machine,
        machines::{State, Waiting, Warm},
    };

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Two of them, which live for a minute and get an hour old.
    fn warm() -> Warm {
        Warm { size: NonZeroUsize::MIN.saturating_add(1), lifetime: seconds(60), oldest: seconds(3_600) }
    }

    /// Machines that wait, each by when it was made and until when it lives.
    fn state(machines: &[(Instant, Instant)]) -> State {
        let mut state = State::default();
        for (nth, (made, until)) in machines.iter().enumerate() {
            let (id, text) = (nth.to_string(), String::new);
            let machine = Machine {
                id,
                address: text(),
                interpreter: text(),
                token: text(),
                traffic_token: None,
                envd: None,
            };
            state.waiting.push_back(Waiting { machine, made: *made, until: *until });
        }
        state
    }

    #[test]
    fn machines_are_made_until_there_are_enough() {
        let now = Instant::now();
        let (fresh, mut none) = ((now, now + seconds(60)), state(&[]));
        assert!(matches!(task(&mut none, warm(), None, now), Task::Make));
        assert!(matches!(task(&mut none, warm(), Some(now), now), Task::Make));
        let pause = now + seconds(7);
        let wait = |task| if let Task::Wait(Some(until)) = task { until } else { panic!("{task:?}") };
        assert_eq!(wait(task(&mut none, warm(), Some(pause), now)), pause);
        assert!(matches!(task(&mut state(&[fresh]), warm(), None, now), Task::Make));
        // Enough: then nothing, until half of the time of one is over.
        let mut enough = state(&[(now, now + seconds(65)), fresh]);
        assert_eq!(wait(task(&mut enough, warm(), Some(pause), now)), now + seconds(30));
        assert_eq!(enough.waiting.len(), 2);
    }

    #[test]
    fn those_that_wait_are_kept_alive_until_they_are_old() {
        let made = Instant::now();
        let due = (made, made + seconds(60));
        let mut one = state(&[(made, made + seconds(99)), due]);
        let now = made + seconds(30);
        let Task::KeepAlive(waiting) = task(&mut one, warm(), None, now) else { panic!("half is over") };
        assert_eq!((waiting.machine.id(), one.waiting.len()), ("1", 1), "nobody can use it meanwhile");
        let now = made + seconds(3_600);
        let mut one = state(&[(now, now + seconds(60)), (made, now + seconds(60))]);
        let Task::ThrowAway(waiting) = task(&mut one, warm(), None, now) else { panic!("it is old") };
        assert_eq!((waiting.machine.id(), one.waiting.len()), ("1", 1));
    }

    #[test]
    fn a_service_that_fails_is_asked_less_and_less() {
        let pauses: Vec<_> = [1, 2, 3, 7, u32::MAX].map(|failures| pause_after(failures).as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 60, 60]);
    }
}
