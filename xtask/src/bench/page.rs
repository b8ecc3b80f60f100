//! The text of `BENCHMARKS.md`.

use std::fmt::Write as _;

use super::budget::{Budget, Unit, say};
use super::crates::Row;
use super::isolated::Isolated;
use super::machine::Machine;
use super::paired::{Added, Placements};
use super::sandbox;
use super::scanner::Figures;
use super::start::Start;

/// Everything that was measured.
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    pub(super) scanner: Figures,
    pub(super) sandbox: sandbox::Figures,
    pub(super) added: Placements,
    pub(super) start: Start,
    pub(super) isolated: Isolated,
}

/// The whole page.
pub(super) fn page(machine: &Machine, measured: &Measured) -> Result<String, String> {
    let Measured { rows, scanner, sandbox, added, start, isolated } = measured;
    let mut page = format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`; no figure is entered by hand. Release profile, on one machine, with\n\
         whatever else it was doing: repeat it on yours before you rely on a figure.\n\n\
         | | |\n|---|---|\n\
         | date | {} |\n| CPU | {} ({} cores) |\n| kernel | {} |\n| compiler | {} |\n\n\
         ## Budgets\n\n\
         | what | must | aim | measured | |\n|---|---|---|---|---|\n",
        machine.date, machine.cpu, machine.cores, machine.kernel, machine.rustc
    );
    for budget in budgets(measured)? {
        page.push_str(&budget.line());
    }
    page.push_str("| HTTP guard against a proxy hop | | | | there is no HTTP guard yet |\n\n");
    page.push_str(&scanner.section()?);
    page.push_str(&sandbox.section());
    page.push_str(&isolated.section());
    page.push_str(&run_section(added));
    page.push_str(&tool_section(rows)?);
    page.push_str(&start_section(start));
    page.push_str(&rows_section(rows));
    Ok(page)
}

fn budgets(measured: &Measured) -> Result<Vec<Budget>, String> {
    let Measured { rows, scanner, sandbox, added, start, isolated } = measured;
    let row = |name: &str| {
        rows.iter().find(|row| row.name == name).ok_or_else(|| format!("there is no benchmark `{name}`"))
    };
    let budget = |what, unit, must, aim, measured| Budget { what, unit, must, aim, measured };
    let pipeline = row("whole_pipeline_1_kb")?.nanoseconds / 1e3;
    let decision = row("rate_limit_granted/1000")?.nanoseconds;
    #[expect(clippy::cast_precision_loss, reason = "sizes of memory, said with three digits")]
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    Ok(vec![
        budget("whole pipeline in process, 1 KB", Unit::Microseconds, 15.0, 4.0, pipeline),
        budget(
            "`airlock run` (stdio guard): added CPU per call of 1 KB, on one core",
            Unit::Microseconds,
            30.0,
            10.0,
            added.one_core.cpu,
        ),
        budget("scanning prose", Unit::Speed, 700.0, 1_700.0, scanner.figure("scan/prose")?),
        budget("scanning JSON tool output", Unit::Speed, 400.0, 900.0, scanner.figure("scan/json")?),
        budget("scanning logs", Unit::Speed, 400.0, 800.0, scanner.figure("scan/log")?),
        budget(
            "scanning text dense with personal data",
            Unit::Speed,
            120.0,
            300.0,
            scanner.figure("scan/pii")?,
        ),
        budget("hostile text: times slower than dense text", Unit::Times, 5.0, 2.0, scanner.worst_ratio()?),
        budget("first scan of a process", Unit::Milliseconds, 15.0, 3.0, scanner.figure("start/cpu")?),
        budget("memory of the scanner", Unit::Megabytes, 8.0, 2.0, scanner.figure("start/memory")?),
        budget("rate-limit decision in memory", Unit::Nanoseconds, 300.0, 100.0, decision),
        budget(
            "`airlock run`: added time from start to first byte",
            Unit::Milliseconds,
            50.0,
            10.0,
            start.added,
        ),
        budget(
            "`airlock run`: idle memory",
            Unit::Megabytes,
            30.0,
            10.0,
            megabytes(start.resident.iter().sum()),
        ),
        budget("`/bin/true` in a box, cold", Unit::Milliseconds, 10.0, 5.0, sandbox.figure("box/true")?),
        budget(
            "Python that waits in a box, answer and end",
            Unit::Milliseconds,
            3.0,
            1.5,
            sandbox.figure("warm/python")?,
        ),
        budget("the same, 95 of 100", Unit::Milliseconds, 10.0, 5.0, sandbox.figure("warm/python_p95")?),
        budget(
            "start of npm's file server in the box, to outside",
            Unit::Times,
            1.3,
            1.3,
            isolated.start_ratio(),
        ),
        budget("a call of it in the box, to outside", Unit::Times, 1.05, 1.05, isolated.call_ratio()),
        budget("binary", Unit::Megabytes, 25.0, 15.0, megabytes(start.binary)),
    ])
}

fn run_section(added: &Placements) -> String {
    let Added { calls, request_bytes, answer_bytes, .. } = &added.one_core;
    format!(
        "## What `airlock run` adds to a call\n\n\
         {calls} calls to a server that does next to nothing, and {calls} to the same server through `airlock run`,\n\
         one after the other, in blocks that take turns. A request has {request_bytes} bytes and its answer\n\
         {answer_bytes}, in which two values are masked; strict mode, allow and deny lists, a rate limit, an audit\n\
         record per call in a file.\n\n\
         CPU is what the scheduler counted for all threads of airlock and of its supervisor, in user and kernel\n\
         mode. The budget is about one core, on which client, airlock and server take turns. Where they are on\n\
         several, each message may have to wake a sleeping core: that is counted for whoever sends it, and depends\n\
         on the machine more than on the program.\n\n\
         | | direct | through `airlock run` | added (median pair of blocks) |\n|---|---|---|---|\n{}{}",
        placement_lines("one core", &added.one_core),
        placement_lines("all cores", &added.all_cores),
    ) + "\n"
}

fn placement_lines(place: &str, added: &Added) -> String {
    let us = |figure| say(figure, Unit::Microseconds);
    let Added { direct, guarded, .. } = added;
    format!(
        "| {place}: latency p50 | {} | {} | {}, ratio {:.2} |\n\
         | {place}: latency p99 | {} | {} | |\n\
         | {place}: CPU of the server per call | {} | {} | |\n\
         | {place}: CPU of airlock per call | | **{}** | |\n",
        us(direct.p50),
        us(guarded.p50),
        us(added.gap_p50),
        added.ratio_p50,
        us(direct.p99),
        us(guarded.p99),
        us(added.server_cpu),
        us(added.guarded_server_cpu),
        us(added.cpu),
    )
}

fn tool_section(rows: &[Row]) -> Result<String, String> {
    let time = |name: &str| {
        let name = format!("small_tool/{name}");
        let row = rows.iter().find(|row| row.name == name);
        row.map(|row| row.nanoseconds / 1e3).ok_or_else(|| format!("there is no benchmark `{name}`"))
    };
    let (plain, serde) = (time("plain_function")?, time("with_serde")?);
    let us = |figure| say(figure, Unit::Microseconds);
    let mut section = format!(
        "## What `#[airlock]` adds to a tool\n\n\
         A small tool, called in process by name with the text of its arguments; medians. Beside it the plain\n\
         function ({}), and the function with what every host of tools does: its arguments read by serde, its\n\
         result written as JSON ({}). A full policy has lists, an agent id, roles, a rate limit, a time window\n\
         and a rule for an argument.\n\n\
         | | call | added to serde and the function |\n|---|---|---|\n",
        us(plain),
        us(serde),
    );
    for (what, name) in
        [("default configuration", "toolbox_call"), ("full policy, strict", "toolbox_call_full_policy")]
    {
        let call = time(name)?;
        // Writing to a string does not fail.
        let _ = writeln!(section, "| {what} | {} | **{}** |", us(call), us(call - serde));
    }
    section.push('\n');
    Ok(section)
}

fn start_section(start: &Start) -> String {
    let ms = |figure| say(figure, Unit::Milliseconds);
    #[expect(clippy::cast_precision_loss, reason = "sizes of memory, said with three digits")]
    let resident: Vec<String> =
        start.resident.iter().map(|bytes| say(*bytes as f64 / 1e6, Unit::Megabytes)).collect();
    format!(
        "## Start\n\n\
         From starting the process to the answer of `initialize`: {} through `airlock run`, {} directly; the median\n\
         pair has {} between them. Idle memory is resident memory (`VmRSS`), with what is shared counted in each:\n\
         airlock and its supervisor, {}.\n\n",
        ms(start.guarded),
        ms(start.direct),
        ms(start.added),
        resident.join(" and "),
    )
}

fn rows_section(rows: &[Row]) -> String {
    let mut section =
        "## The crates\n\nMedians of `cargo bench`; times of a whole run over the benchmark's input.\n\n| benchmark | median | |\n|---|---|---|\n"
            .to_owned();
    for row in rows {
        let time = match row.nanoseconds {
            ns if ns < 1e3 => say(ns, Unit::Nanoseconds),
            ns if ns < 1e6 => say(ns / 1e3, Unit::Microseconds),
            ns => say(ns / 1e6, Unit::Milliseconds),
        };
        let speed = row.bytes_per_second.map(|speed| say(speed / 1e6, Unit::Speed)).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(section, "| {} | {time} | {speed} |", row.name.replace('|', "\\|"));
    }
    section.push_str(
        "\n## Again\n\n    cargo xtask bench\n\nBenchmarks of one crate: `cargo bench -p airlock-engine`, `cargo bench -p airlock-scan`.\n",
    );
    section
}
