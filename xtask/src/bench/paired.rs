//! What `airlock run` adds to a call: the same server with and without it, in turns, in one run.
//!
//! A block of calls goes to one session, then a block to the other, and the order changes each time; so that
//! whatever else the machine does meets both. Each figure is the median over the blocks.

use super::process::{self, Airlock};
use super::{Programs, SERVER, Session, median, percentile};

/// Calls to each of the two sessions.
const CALLS: usize = 20_000;
const BLOCK: usize = 500;
const WARM_UP: usize = 1_000;

/// What was measured; times in microseconds.
pub(super) struct Added {
    pub(super) calls: usize,
    pub(super) request_bytes: usize,
    pub(super) answer_bytes: usize,
    /// CPU of airlock's own processes for a call.
    pub(super) cpu: f64,
    /// CPU of the server for a call, directly.
    pub(super) server_cpu: f64,
    /// CPU of the server for a call, guarded.
    pub(super) guarded_server_cpu: f64,
    pub(super) direct: Latency,
    pub(super) guarded: Latency,
    /// Guarded minus direct, per pair of blocks.
    pub(super) gap_p50: f64,
    /// Guarded divided by direct, per pair of blocks.
    pub(super) ratio_p50: f64,
}

/// Time from the request to its answer, over all calls.
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// The figures on one core, which is what the budget is about, and on all of them.
pub(super) struct Placements {
    pub(super) one_core: Added,
    pub(super) all_cores: Added,
}

pub(super) fn measure(programs: &Programs) -> Result<Placements, String> {
    let cores = process::cores()?;
    let first = cores.split([',', '-']).next().unwrap_or("0");
    process::stay_on(first)?;
    let one_core = measure_here(programs);
    process::stay_on(&cores)?;
    Ok(Placements { one_core: one_core?, all_cores: measure_here(programs)? })
}

fn measure_here(programs: &Programs) -> Result<Added, String> {
    let session = Session::start(&mut programs.direct())?.0;
    let server = session.pid();
    let mut direct = Side::start(session, None, server)?;
    let session = Session::start(&mut programs.guarded())?.0;
    let (airlock, server) = process::below(session.pid(), SERVER)?;
    let mut guarded = Side::start(session, Some(airlock), server)?;
    let answer_bytes = direct.session.answer().len();
    if !guarded.session.answer().windows(3).any(|window| window == b"***") {
        return Err("the answers are not masked: this would measure something else".to_owned());
    }
    for pair in 0..CALLS / BLOCK {
        if pair % 2 == 0 {
            direct.block()?;
            guarded.block()?;
        } else {
            guarded.block()?;
            direct.block()?;
        }
    }
    let pairs = || guarded.medians.iter().zip(&direct.medians);
    let gap_p50 = median(&mut pairs().map(|(guarded, direct)| guarded - direct).collect::<Vec<_>>());
    let ratio_p50 = median(&mut pairs().map(|(guarded, direct)| guarded / direct).collect::<Vec<_>>());
    let added = Added {
        calls: CALLS,
        request_bytes: direct.session.last_request().len(),
        answer_bytes,
        cpu: median(&mut guarded.airlock_cpu),
        server_cpu: median(&mut direct.server_cpu),
        guarded_server_cpu: median(&mut guarded.server_cpu),
        direct: direct.latency(),
        guarded: guarded.latency(),
        gap_p50,
        ratio_p50,
    };
    direct.session.end()?;
    guarded.session.end()?;
    Ok(added)
}

/// One of the two sessions and what was seen of it, in microseconds.
struct Side {
    session: Session,
    params: String,
    server: u32,
    airlock: Option<Airlock>,
    /// The median latency of each block.
    medians: Vec<f64>,
    /// The latency of every call.
    all: Vec<f64>,
    /// CPU per call in each block.
    airlock_cpu: Vec<f64>,
    server_cpu: Vec<f64>,
}

impl Side {
    fn start(mut session: Session, airlock: Option<Airlock>, server: u32) -> Result<Self, String> {
        let params = params();
        for _ in 0..WARM_UP {
            session.call(&params)?;
        }
        let (medians, all, airlock_cpu, server_cpu) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
        Ok(Self { session, params, server, airlock, medians, all, airlock_cpu, server_cpu })
    }

    fn block(&mut self) -> Result<(), String> {
        let before = self.cpu()?;
        let mut took = Vec::with_capacity(BLOCK);
        for _ in 0..BLOCK {
            took.push(self.session.call(&self.params)?.as_secs_f64() * 1e6);
        }
        let after = self.cpu()?;
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of half a second fit")]
        let per_call = |before: u64, after: u64| after.saturating_sub(before) as f64 / 1e3 / BLOCK as f64;
        self.airlock_cpu.push(per_call(before.0, after.0));
        self.server_cpu.push(per_call(before.1, after.1));
        self.all.extend_from_slice(&took);
        self.medians.push(median(&mut took));
        Ok(())
    }

    /// Nanoseconds so far: airlock's, the server's.
    fn cpu(&self) -> Result<(u64, u64), String> {
        let airlock = self.airlock.as_ref().map_or(Ok(0), Airlock::cpu)?;
        Ok((airlock, process::cpu(self.server)?))
    }

    fn latency(&mut self) -> Latency {
        Latency { p50: median(&mut self.all), p99: percentile(&mut self.all, 0.99) }
    }
}

/// A call whose line has about 1 KB.
fn params() -> String {
    let comment = "rows that changed since the last report, for the table on the second page of the review; ";
    let clause = "status = 'open' and region in ('emea', 'apac') and updated_at >= '2026-01-01'";
    format!(
        r#""method":"tools/call","params":{{"name":"query_rows","arguments":{{"table":"orders","where":"{clause}","columns":["id","status","region","total","updated_at"],"limit":100,"options":{{"deep":true,"comment":"{}"}}}}}}"#,
        comment.repeat(8)
    )
}
