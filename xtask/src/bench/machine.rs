//! Where and when it was measured.

use std::fs;

use crate::command::{command, said};

/// The machine and the day.
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) rustc: String,
}

impl Machine {
    pub(super) fn this() -> Result<Self, String> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            date: said(command("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned(),
            cpu: model.map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: said(command("uname").args(["-sr"]))?.trim().to_owned(),
            rustc: said(command("rustc").arg("--version"))?.trim().to_owned(),
        })
    }
}
