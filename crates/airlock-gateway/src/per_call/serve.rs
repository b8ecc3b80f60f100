//! One server of a call, from its start to its end, on a thread of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use airlock_engine::{Code, Rejection};

use super::{
    AT_ONCE, HANDSHAKE, LINGER, Multiplexer,
    calls::{Call, Fresh, Key, Phase, Stage, State},
    lock,
    route::Said,
};
use crate::{
    line::{Line, LineReader},
    server::{Pipes, Server},
    stdio::sink::ServerSink,
};

/// Ends a server at once. Who waits for its end right now has killed it before.
pub(super) fn kill(server: &Arc<Mutex<Server>>) {
    if let Ok(mut server) = server.try_lock() {
        server.kill();
    }
}

impl State {
    /// A server has been through its handshake.
    pub(super) fn greeted(&mut self, key: Key) {
        let has_level = self.greeting.level.is_some();
        let rest = [&self.greeting.initialized, &self.greeting.level];
        let rest: Vec<_> = rest.into_iter().flatten().cloned().collect();
        let Some(fresh) = self.servers.get_mut(&key) else { return };
        for line in rest {
            fresh.tell(line);
        }
        fresh.level_awaited = has_level;
        if fresh.stage == Stage::Starting {
            fresh.stage = Stage::Ready;
            fresh.until = None;
            fresh.give_call();
        }
    }
}

impl Fresh {
    fn tell(&self, line: Vec<u8>) {
        if let Some(input) = &self.input {
            // There is room: what comes before its call, and the call.
            drop(input.queue(vec![line]));
        }
    }

    /// Hands over the call that it was started for.
    fn give_call(&mut self) {
        if self.stage == Stage::Ready
            && let Some(call) = &mut self.call
        {
            let line = std::mem::take(&mut call.line);
            self.stage = Stage::Calling;
            self.tell(line);
        }
    }
}

impl Multiplexer {
    /// Gives calls that wait to servers, as many as there may be.
    pub(super) fn start_waiting(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            if state.phase == Phase::Over || state.waiting.is_empty() || !state.is_begun() {
                return;
            }
            let spare = state.take_spare();
            if spare.is_none() && state.servers.len() >= AT_ONCE {
                // Those that have answered make room now.
                let now = Instant::now();
                for fresh in state.servers.values_mut().filter(|fresh| fresh.lingers) {
                    fresh.until = Some(now);
                }
                self.changed.notify_all();
                return;
            }
            state.spare_failed = false;
            let Some(mut call) = state.next_call() else { return };
            call.until = call.until.or_else(|| Some(Instant::now() + self.options.limit?));
            if let Some(key) = spare {
                state.calls.insert(call.id.clone(), Some(key));
                if let Some(fresh) = state.servers.get_mut(&key) {
                    fresh.call = Some(call);
                    fresh.give_call();
                }
                self.changed.notify_all();
                continue;
            }
            let key = state.add(Some(call));
            self.changed.notify_all();
            drop(state);
            self.spawn(key);
        }
    }

    /// Starts servers before there are calls for them; whether all is well.
    pub(super) fn start_ahead(self: &Arc<Self>) -> bool {
        loop {
            let mut state = self.state();
            let wanted =
                state.started && state.is_begun() && state.phase == Phase::Open && !state.spare_failed;
            let enough = state.spares.len() >= self.options.ahead || state.servers.len() >= AT_ONCE;
            if !wanted || enough || !state.waiting.is_empty() {
                return true;
            }
            let key = state.add(None);
            drop(state);
            if !self.spawn(key) {
                return false;
            }
        }
    }

    /// Whether there is a thread for the server. If not, it is over already, and its call answered.
    fn spawn(self: &Arc<Self>, key: Key) -> bool {
        let this = Arc::clone(self);
        let served = move || {
            let served = catch_unwind(AssertUnwindSafe(|| this.serve(key)));
            let panicked = served.is_err();
            let end = served.unwrap_or_else(|_panic| Err(Rejection::new(Code::InternalPanic)));
            this.watched("call", || {
                this.over(key, end);
                this.settle();
            });
            if panicked {
                this.failed("call");
            }
        };
        let Err(error) = thread::Builder::new().name("call".to_owned()).spawn(served) else { return true };
        let text = format!("no thread can be had for it: {error}");
        self.over(key, Err(Rejection::new(Code::SandboxError).with_message(text)));
        false
    }

    /// Runs a server until it has answered its call or ended. An error is why it could not be started.
    fn serve(self: &Arc<Self>, key: Key) -> Result<(), Rejection> {
        let (server, Pipes { input, output }) = Server::take(self.options.servers.start()?)
            .map_err(|error| Rejection::new(Code::SandboxError).with_message(error.to_string()))?;
        let server = Arc::new(Mutex::new(server));
        let input = Arc::new(ServerSink::new(input, self.options.max_line.saturating_mul(4)));
        let writer = Arc::clone(&input);
        let this = Arc::clone(self);
        let inject = move || this.watched("call's input", || drop(writer.inject()));
        let written = thread::Builder::new().name("call's input".to_owned()).spawn(inject);
        let begun = written.is_ok() && self.introduce(key, &server, &input);
        if begun {
            let mut lines = LineReader::new(output, self.options.max_line);
            let mut next = Next::More;
            while next == Next::More
                && let Ok(Some(line)) = lines.next_line()
            {
                next = self.hear(key, line);
            }
            input.close();
            if next == Next::Answered && self.may_linger(key) {
                // Whatever it still says nobody hears. The clock ends it.
                while let Ok(Some(_)) = lines.next_line() {}
            }
        }
        input.close();
        let mut server = lock(&server);
        server.kill();
        server.reap();
        Ok(())
    }

    /// Whether a server that has answered may put away what it has open. Its input is closed, so that it knows.
    fn may_linger(&self, key: Key) -> bool {
        let mut state = self.state();
        if state.phase == Phase::Over || (!state.waiting.is_empty() && state.servers.len() >= AT_ONCE) {
            return false;
        }
        let Some(fresh) = state.servers.get_mut(&key) else { return false };
        fresh.lingers = true;
        fresh.until = Some(Instant::now() + LINGER);
        self.changed.notify_all();
        true
    }

    /// Begins the handshake; whether there is one to begin.
    fn introduce(
        &self,
        key: Key,
        server: &Arc<Mutex<Server>>,
        input: &Arc<ServerSink<std::process::ChildStdin>>,
    ) -> bool {
        let mut state = self.state();
        let wanted = state.phase < Phase::Over && !state.is_done();
        let is_open = state.phase == Phase::Open;
        let greeting = state.greeting.initialize.clone();
        let Some(fresh) = state.servers.get_mut(&key) else { return false };
        fresh.server = Some(Arc::clone(server));
        fresh.input = Some(Arc::clone(input));
        // Started ahead of a call that does not come any more.
        let wanted = wanted && (is_open || fresh.call.is_some());
        if !wanted || fresh.late || fresh.stage == Stage::Over {
            return false;
        }
        match greeting {
            Some((id, line)) => {
                fresh.until = Some(Instant::now() + HANDSHAKE);
                fresh.awaited = Some(id);
                fresh.tell(line);
            }
            None => state.greeted(key),
        }
        self.changed.notify_all();
        true
    }

    /// One line of a server.
    fn hear(self: &Arc<Self>, key: Key, line: Line<'_>) -> Next {
        let said = self.judge(key, &line);
        let Some(downstream) = self.downstream() else { return Next::Over };
        let (passed, next) = match said {
            Said::Pass => (downstream.deliver(line), Next::More),
            Said::Edited(line) => (downstream.deliver(Line::Whole(&line)), Next::More),
            Said::Answer => (downstream.deliver(line), Next::Answered),
            Said::Nothing => (Ok(()), Next::More),
            // One that does not read what it asked for is ended.
            Said::ToItself(line) => match self.tell(key, line) {
                Ok(()) => (Ok(()), Next::More),
                Err(_) => (Ok(()), Next::Over),
            },
            Said::Unfit(problem) => {
                self.warn(format!("a call's server cannot be used: {problem}"));
                (Ok(()), Next::Over)
            }
            Said::Unreadable(problem) => {
                self.warn(format!("the answer of a call's server cannot be read: {problem}"));
                (Ok(()), Next::Over)
            }
        };
        if passed.is_err() { Next::Over } else { next }
    }

    /// A server is gone, or never came: its call is answered if it was not, or waits again.
    fn over(self: &Arc<Self>, key: Key, end: Result<(), Rejection>) {
        let mut state = self.state();
        let Some(fresh) = state.servers.get_mut(&key) else { return };
        let stage = std::mem::replace(&mut fresh.stage, Stage::Over);
        let mut call = fresh.call.take();
        let (ahead, late) = (fresh.ahead, fresh.late);
        // It is closed already, but for a panic.
        fresh.input.iter().for_each(|input| input.close());
        if let Some(place) = state.spares.iter().position(|spare| *spare == key) {
            state.spares.remove(place);
            state.spare_failed = true;
        }
        state.spare_failed |= end.is_err();
        // What became of a server that was started before there was this call is not the call's fault.
        let untouched = matches!(stage, Stage::Starting | Stage::Ready);
        let is_due = call.as_ref().and_then(|call| call.until).is_some_and(|until| until <= Instant::now());
        if ahead
            && untouched
            && !is_due
            && state.phase < Phase::Over
            && let Some(call) = call.take()
        {
            state.wait_again(call);
        }
        let unanswered = state.questions.gone(key);
        let heard = state.phase < Phase::Over;
        drop(state);
        if let Some(downstream) = self.downstream().filter(|_| heard) {
            for line in unanswered {
                drop(downstream.deliver(Line::Whole(&line)));
            }
            if let Some(Call { id, .. }) = &call {
                let ended = "the server that was started for this call ended before it answered";
                match (end, stage) {
                    // Cancelled before it was given to a server.
                    (Ok(()), Stage::Over) => downstream.lost(id, Rejection::new(Code::InternalUpstream)),
                    (Ok(()), Stage::Calling) if late => downstream.lost(id, Rejection::new(Code::Timeout)),
                    (Ok(()), Stage::Calling | Stage::Cancelled) => {
                        downstream.lost(id, Rejection::new(Code::InternalUpstream).with_message(ended));
                    }
                    (Ok(()), Stage::Starting | Stage::Ready) if late => {
                        let text = "the server that was started for this call was not ready in time";
                        downstream.not_run(id, Rejection::new(Code::Timeout).with_message(text));
                    }
                    (Ok(()), Stage::Starting | Stage::Ready) => {
                        let text = "the server that was started for this call ended before it got it";
                        downstream.not_run(id, Rejection::new(Code::SandboxError).with_message(text));
                    }
                    // A failure of ours.
                    (Err(rejection), Stage::Calling | Stage::Cancelled) => downstream.lost(id, rejection),
                    (Err(rejection), _) => downstream.not_run(id, rejection),
                }
            }
        }
        // Only now is the id free, and the slot.
        let mut state = self.state();
        state.servers.remove(&key);
        if let Some(Call { id, .. }) = &call
            && state.calls.get(id) == Some(&Some(key))
        {
            state.calls.remove(id);
        }
        self.changed.notify_all();
    }

    /// What is to be done when a call is over.
    pub(super) fn settle(self: &Arc<Self>) {
        loop {
            self.start_waiting();
            let quiet = self.state().is_quiet();
            if quiet {
                return self.close_primary();
            }
            // One that could not be started may have been given a call. It is not tried again without one.
            if self.start_ahead() {
                return;
            }
        }
    }
}

/// Whether a server has more to say that counts.
#[derive(PartialEq, Eq)]
enum Next {
    More,
    /// It has answered its call.
    Answered,
    Over,
}
