//! The machines of one backend: those in use, and those that were made ahead. All of them end with it.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use airlock_sandbox::{Awaited, Stop};

use crate::{CallError, Client, Left, Machine, client::PATIENCE_TO_KILL, keeper};

/// How long a machine may live longer than its program: what ending it takes.
pub(crate) const MARGIN: Duration = Duration::from_secs(60);
/// The service ends a machine that was running for so long.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// And so what can be run there takes no longer than this.
pub(crate) const LONGEST_RUN: Duration = LONGEST_LIFE.saturating_sub(MARGIN);
/// What ending all machines may take when the backend is dropped.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many are ended at once.
const AT_ONCE: usize = 16;

/// How machines are made ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warm {
    /// How many wait. Each is paid for while it does.
    pub size: NonZeroUsize,
    /// How long one that waits outlives this process, at most: its time limit, which is set anew when half of it is over.
    /// Counted in whole seconds, from 2 on.
    pub lifetime: Duration,
    /// How old one that waits gets before another one takes its place; the service ends it after 24 hours.
    pub oldest: Duration,
}

impl Default for Warm {
    /// One, which outlives this process by five minutes, and is replaced after 23 hours.
    fn default() -> Self {
        Self {
            size: NonZeroUsize::MIN,
            lifetime: Duration::from_secs(5 * 60),
            oldest: Duration::from_secs(23 * 3_600),
        }
    }
}

/// The machines, for as long as their backend is there.
#[derive(Debug)]
pub(crate) struct Fleet {
    machines: Arc<Machines>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Fleet {
    /// None are made ahead.
    pub(crate) fn new(client: Client, template: &str) -> Self {
        let template = template.to_owned();
        let (stop, state) = (Stop::new(), Mutex::default());
        let machines = Machines { client, template, stop, state, changed: Condvar::new() };
        Self { machines: Arc::new(machines), keeper: Mutex::default() }
    }

    /// Some are made ahead from now on.
    pub(crate) fn kept_warm(client: Client, template: &str, warm: Warm) -> io::Result<Self> {
        let fleet = Self::new(client, template);
        let machines = Arc::clone(&fleet.machines);
        let keeper = thread::Builder::new().name("e2b-keeper".to_owned());
        let keeper = keeper.spawn(move || keeper::keep(&machines, warm))?;
        *lock(&fleet.keeper) = Some(keeper);
        Ok(fleet)
    }

    pub(crate) fn machines(&self) -> &Machines {
        &self.machines
    }

    /// Ends all machines, also those in use and those that could not be ended before, and takes no longer than
    /// `patience`. Those that may live on, until their time limit.
    pub(crate) fn shut_down(&self, patience: Duration) -> Vec<Left> {
        let left = self.machines.end_all(Instant::now() + patience.min(LONGEST_LIFE));
        // One that still waits for the service ends the machine that it gets, and itself: nothing needs to wait for it.
        if self.machines.is_idle()
            && let Some(keeper) = lock(&self.keeper).take()
        {
            drop(keeper.join());
        }
        left
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Once is enough: whoever did so before said how long it may take, and heard of those that are left.
        if !self.machines.state().closed {
            self.shut_down(PATIENCE);
        }
    }
}

/// The machines, as those see them who use them.
#[derive(Debug)]
pub(crate) struct Machines {
    client: Client,
    template: String,
    /// Requested when all are to end.
    stop: Stop,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) closed: bool,
    /// Made ahead, and never used.
    pub(crate) waiting: VecDeque<Waiting>,
    /// In use, and about to be ended; by their names, and until when the service lets them live.
    used: BTreeMap<String, Instant>,
    /// The calls under way that make, keep or end a machine that is in neither list.
    under_way: BTreeMap<u64, Call>,
    calls: u64,
}

/// A call under way.
#[derive(Debug)]
struct Call {
    /// The machine, if it has a name already.
    machine: Option<String>,
    /// How long it lives at most when the call is made.
    lifetime: Duration,
}

/// A machine that was made ahead.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) machine: Machine,
    /// When it was asked for.
    pub(crate) made: Instant,
    /// Until when the service lets it live.
    pub(crate) until: Instant,
}

/// A machine for one use. It ends with this, whatever happened; if that fails, it ends at its time limit.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    machines: &'a Machines,
    /// Its calls are over at the deadline of the use.
    client: Client,
    pub(crate) deadline: Instant,
    pub(crate) machine: Machine,
    /// Until when the service lets it live.
    until: Instant,
    /// Whether it was made ahead: it may have ended since.
    pub(crate) waited: bool,
}

impl Lease<'_> {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// What is left for the use.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is.
    pub(crate) fn is_late(&self) -> bool {
        self.time_left().is_zero()
    }

    /// Ends it as soon as `stop` is requested, so that whoever waits for what is in it does not wait longer.
    pub(crate) fn end_when(&self, stop: &Stop) -> Awaited {
        let (client, machine) = (self.client().clone(), self.machine.clone());
        stop.when_requested(move || {
            let kill = move || drop(client.kill(&machine));
            // Without a thread it ends when what is in it does, or has to.
            drop(thread::Builder::new().name("e2b-end".to_owned()).spawn(kill));
        })
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.machines.client.end(&self.machine.id, self.until, PATIENCE_TO_KILL);
        self.machines.state().used.remove(&self.machine.id);
        self.machines.changed.notify_all();
    }
}

impl Machines {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A machine that nobody has used, for something that takes at most `wall`. To get it takes no longer than until
    /// `deadline`.
    pub(crate) fn lease(
        &self,
        wall: Duration,
        deadline: Instant,
        stop: &Stop,
    ) -> Result<Lease<'_>, CallError> {
        let need = wall + MARGIN;
        while let Some(mut lease) = self.take(need, deadline, stop)? {
            let enough = lease.until.saturating_duration_since(Instant::now()) >= need;
            if !enough {
                // Also if that fails: nobody knows whether it was done.
                lease.until = Instant::now() + need;
                self.state().used.insert(lease.machine.id.clone(), lease.until);
            }
            if enough || lease.client.set_timeout(&lease.machine, need).is_ok() {
                return Ok(lease);
            }
        }
        self.make_lease(wall, deadline, stop)
    }

    /// As [`Self::lease`], made just now.
    pub(crate) fn make_lease(
        &self,
        wall: Duration,
        deadline: Instant,
        stop: &Stop,
    ) -> Result<Lease<'_>, CallError> {
        let state = self.state();
        if state.closed {
            return Err(CallError::ShutDown);
        }
        let _under_way = self.begin(state, None, wall + MARGIN);
        let client = self.until(stop, Some(deadline));
        self.make(wall + MARGIN, &client, |state, Waiting { machine, until, .. }| {
            state.used.insert(machine.id.clone(), until);
            Lease { machines: self, client: client.clone(), deadline, machine, until, waited: false }
        })
    }

    /// One of those that wait, if one may live as long as it needs to.
    fn take(&self, need: Duration, deadline: Instant, stop: &Stop) -> Result<Option<Lease<'_>>, CallError> {
        let mut state = self.state();
        if state.closed {
            return Err(CallError::ShutDown);
        }
        let fit = |waiting: &Waiting| waiting.made.elapsed() + need <= LONGEST_LIFE;
        let Some(at) = state.waiting.iter().position(fit) else { return Ok(None) };
        let Some(Waiting { machine, until, .. }) = state.waiting.remove(at) else { return Ok(None) };
        state.used.insert(machine.id.clone(), until);
        drop(state);
        self.changed.notify_all();
        let client = self.until(stop, Some(deadline));
        Ok(Some(Lease { machines: self, client, deadline, machine, until, waited: true }))
    }

    /// Makes a machine, and has `keep` keep it, unless all are to end meanwhile: then it is ended.
    pub(crate) fn make<T>(
        &self,
        lifetime: Duration,
        client: &Client,
        keep: impl FnOnce(&mut State, Waiting) -> T,
    ) -> Result<T, CallError> {
        let made = Instant::now();
        let machine = client.create(&self.template, lifetime)?;
        let mut state = self.state();
        if state.closed {
            drop(state);
            self.client.end(&machine.id, made + lifetime, PATIENCE_TO_KILL);
            return Err(CallError::ShutDown);
        }
        Ok(keep(&mut state, Waiting { machine, made, until: made + lifetime }))
    }

    /// For calls that are given up when all machines are to end, too.
    pub(crate) fn until(&self, stop: &Stop, deadline: Option<Instant>) -> Client {
        self.client.until(vec![self.stop.clone(), stop.clone()], deadline)
    }

    /// Gives one that waits another `lifetime`. It is ended if that fails.
    pub(crate) fn keep_alive(&self, mut waiting: Waiting, lifetime: Duration) {
        let until = Instant::now() + lifetime;
        let kept = self.until(&Stop::default(), None).set_timeout(&waiting.machine, lifetime).is_ok();
        // Also if that failed: nobody knows whether it was done.
        waiting.until = until;
        let mut state = self.state();
        if kept && !state.closed {
            state.waiting.push_back(waiting);
        } else {
            drop(state);
            self.throw_away(&waiting);
        }
    }

    /// Ends one that waits no more.
    pub(crate) fn throw_away(&self, waiting: &Waiting) {
        self.client.end(&waiting.machine.id, waiting.until, PATIENCE_TO_KILL);
    }

    /// Waits until something has changed, or until then.
    pub(crate) fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    /// Until it is dropped, all machines are not ended for good: this one, or one without a name yet, may live for so long
    /// after that.
    pub(crate) fn begin(
        &self,
        mut state: MutexGuard<'_, State>,
        machine: Option<String>,
        lifetime: Duration,
    ) -> UnderWay<'_> {
        let call = state.calls;
        state.calls += 1;
        state.under_way.insert(call, Call { machine, lifetime });
        UnderWay(self, call)
    }

    fn is_idle(&self) -> bool {
        self.state().under_way.is_empty()
    }

    /// No machine is made any more, and all are ended until `deadline`. Those that may be left.
    fn end_all(&self, deadline: Instant) -> Vec<Left> {
        let mut state = self.state();
        state.closed = true;
        let waiting = state.waiting.drain(..).map(|waiting| (waiting.machine.id, waiting.until));
        let mut machines: BTreeMap<_, _> = waiting.collect();
        machines.extend(state.used.clone());
        drop(state);
        // Those, too, that could not be ended when they were to.
        machines.extend(self.client.left.list());
        self.stop.request();
        self.changed.notify_all();
        let machines: Vec<_> = machines.into_iter().collect();
        for some in machines.chunks(AT_ONCE) {
            thread::scope(|scope| {
                for (id, until) in some {
                    let patience = deadline.saturating_duration_since(Instant::now());
                    let end = move || self.client.end(id, *until, patience);
                    let ending = thread::Builder::new().name("e2b-end".to_owned()).spawn_scoped(scope, end);
                    if ending.is_err() {
                        self.client.left.note(id, *until);
                    }
                }
            });
        }
        let mut state = self.state();
        while !state.under_way.is_empty() && Instant::now() < deadline {
            state = self.wait(state, Some(deadline));
        }
        let mut left: BTreeMap<_, _> =
            self.client.left.list().into_iter().map(|(id, until)| (Some(id), until)).collect();
        let mut unnamed = Vec::new();
        for Call { machine, lifetime } in state.under_way.values() {
            let until = Instant::now() + *lifetime;
            match machine {
                Some(_) => drop(left.insert(machine.clone(), until)),
                None => unnamed.push(Left::new(None, until)),
            }
        }
        left.into_iter().map(|(machine, until)| Left::new(machine, until)).chain(unnamed).collect()
    }
}

/// That a call is under way.
pub(crate) struct UnderWay<'a>(&'a Machines, u64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way.remove(&self.1);
        self.0.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{Fleet, Warm};
    use crate::{Client, Settings};

    /// A service that is not there.
    fn client() -> Client {
        let url =
            |name: &str| Some(if name == "E2B_API_KEY" { "k" } else { "http://127.0.0.1:1" }.to_owned());
        Client::new(Settings::from_variables(|name| url(name).filter(|_| !name.ends_with("DOMAIN"))).unwrap())
    }

    #[test]
    fn the_keeper_ends_with_its_machines() {
        let fleet = Fleet::kept_warm(client(), "base", Warm::default()).unwrap();
        let machines = Arc::clone(&fleet.machines);
        assert_eq!(Arc::strong_count(&machines), 3, "the keeper has it, too");
        drop(fleet);
        assert_eq!(Arc::strong_count(&machines), 1);
        assert!(machines.state().closed);
    }

    #[test]
    fn nothing_lasts_for_ever() {
        let endless = Warm { lifetime: Duration::MAX, oldest: Duration::MAX, ..Warm::default() };
        let fleet = Fleet::kept_warm(client(), "base", endless).unwrap();
        assert_eq!(fleet.shut_down(Duration::MAX), []);
    }
}
