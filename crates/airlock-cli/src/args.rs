//! What can be written on the command line. Nothing here decides; the commands do.
//!
//! The comments on the fields are the help texts.
#![expect(clippy::doc_markdown, reason = "help texts have no markup")]
#![allow(rustdoc::broken_intra_doc_links, reason = "help texts have no links")]

use std::{ffi::OsString, num::NonZeroUsize, path::PathBuf};

use airlock_engine::caller::{AgentId, Caller, Role, SessionId};
use airlock_sandbox::{Backend, Level, proxy::AllowedHost};
use airlock_scan::{Class, Confidence, Kind, KindSet};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const AFTER_HELP: &str = "\
Examples:
  airlock demo                                     see it at work, nothing to set up
  airlock run -- npx -y some-mcp-server            guard an MCP server
  airlock check                                    is my configuration good?

Exit codes:
  0    fine (scan: nothing found)
  1    something unexpected (scan: something found)
  2    the call would be refused (scan: an input cannot be read)
  3    the configuration is invalid
  64   the command line is wrong
  124        exec: a limit was reached
  125        run --sandbox, exec: there is no sandbox, nothing ran
  126, 127   run, exec: the server or program could not be started
  128 + n    ended by signal n";

/// A firewall between an AI agent and its tools.
///
/// Checks every tool call against the server's own schema and your policy, and keeps secrets and personal data
/// out of what the agent reads.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Call(CallArgs),
    Exec(ExecArgs),
    Scan(ScanArgs),
    Demo(DemoArgs),
    Sandbox(SandboxArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Which configuration is used, and what overrides it.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: airlock/airlock.toml in your configuration folder, if it exists]
    ///
    /// The default is $XDG_CONFIG_HOME/airlock/airlock.toml, or ~/.config/airlock/airlock.toml. A file in the current
    /// directory is never used by itself: it may come with somebody else's repository.
    #[arg(long, value_name = "FILE", env = "AIRLOCK_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Policy to apply: a preset (permissive, strict, read_only, business_hours) or one of [policies]
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Refuse calls with undeclared arguments instead of stripping them
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Who calls. Airlock believes this and nothing that the agent says.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Caller")]
pub(crate) struct CallerArgs {
    /// The agent that calls [default: anonymous]
    #[arg(long, value_name = "ID", value_parser = AgentId::new)]
    pub(crate) agent_id: Option<AgentId>,
    /// A role that the agent holds; may be given more than once [default: none]
    #[arg(long = "role", value_name = "ROLE", value_parser = Role::new)]
    pub(crate) roles: Vec<Role>,
    /// The session that the calls belong to [default: made up for each run]
    #[arg(long, value_name = "ID", value_parser = SessionId::new)]
    pub(crate) session_id: Option<SessionId>,
}

impl CallerArgs {
    /// The caller these arguments describe.
    pub(crate) fn caller(self) -> Caller {
        Caller { agent_id: self.agent_id, session_id: self.session_id, roles: self.roles }
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// Guard an MCP server: start it, and stand between it and the client
///
/// Put `airlock run --` in front of the server's command in the configuration of your MCP client. Without any
/// configuration of its own, Airlock strips undeclared arguments, refuses wrong types, masks secrets and personal data,
/// and keeps an audit record of every call. stdout carries the protocol alone; messages go to stderr.
#[derive(Args, Debug)]
#[command(
    override_usage = "airlock run [OPTIONS] -- <COMMAND>...\n       airlock run [OPTIONS] --server <NAME>"
)]
#[command(after_help = "\
Examples:
  airlock run -- npx -y @modelcontextprotocol/server-filesystem ~/notes
  airlock run --policy read_only --agent-id claude --strict -- python my_server.py
  airlock run --sandbox --rw ~/notes -- mcp-server-filesystem ~/notes
  airlock run --server notes                       as [servers.notes] of the configuration says")]
pub(crate) struct RunArgs {
    /// The server's command and its arguments
    #[arg(value_name = "COMMAND", required_unless_present = "server", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
    /// Start a server of the configuration: its command and its sandbox stand in [servers.NAME]
    ///
    /// A command on the command line beside it is an error, since only one of them can run. --sandbox, --ro, --rw, --env,
    /// --net and --min-level hold for this server, too.
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    pub(crate) server: Option<String>,
    /// No start line on stderr, and warnings and errors only
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Run the server in the sandbox: no network, no home, nothing visible but the system's programs and what is named
    ///
    /// Node.js, Python and the server's own package are found and shown by themselves, read-only, wherever they are
    /// installed. Libraries of its own, and sources beside a Python script, have to be named with --ro. The server starts
    /// in the current folder if that is visible, else in an empty one. Without a sandbox it is not started. In the
    /// configuration: sandbox.required.
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) sandbox: bool,
    /// Run each call of a tool on a server of its own, in a sandbox of its own: nothing is left for the next call
    ///
    /// The first server answers everything but calls; those get one that was started for them, sees what the first one
    /// sees, and is ended after its answer. What is written to --rw folders stays. Needs the sandbox. In the
    /// configuration: sandbox.mode; sandbox.pool_size is how many servers wait ahead of their calls.
    #[arg(long, help_heading = "Sandbox")]
    pub(crate) per_call: bool,
    #[command(flatten)]
    pub(crate) confinement: ConfinementArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
}

/// What untrusted code sees of this machine.
#[derive(Args, Debug)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct ConfinementArgs {
    /// Show it this file or folder, which it cannot change; may be given more than once
    #[arg(long = "ro", value_name = "PATH")]
    pub(crate) read_only: Vec<PathBuf>,
    /// Show it this file or folder, which it can change; may be given more than once
    ///
    /// It is another user than root inside. Started by root, it can change what others may change, and no more.
    #[arg(long = "rw", value_name = "PATH")]
    pub(crate) writable: Vec<PathBuf>,
    /// Pass on this variable of the environment; may be given more than once [default: none is passed on]
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Vec<String>,
    /// Let it reach this host, through a proxy and no other way; may be given more than once [default: none is reached]
    ///
    /// `example.com` is that host alone, `*.example.com` every host below it; ports are 443 and 80, or what `:PORT` says.
    /// Private addresses and those of this machine are never reached. Programs have to use the proxy, which they find in
    /// HTTPS_PROXY and HTTP_PROXY; Node.js does from version 24 on.
    #[arg(long = "net", value_name = "HOST")]
    pub(crate) network: Vec<AllowedHost>,
    /// Refuse whatever is weaker: lite, box, kernel or machine [default: box]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) min_level: Option<Level>,
}

/// A language that code is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// python3
    Python,
    /// node
    Javascript,
    /// sh
    Shell,
}

/// Run untrusted code in a sandbox: no files but the system's programs, no network, no environment
///
/// The code sees the programs and libraries below /usr, two empty folders of its own, /tmp and /work, and what --ro and
/// --rw show it. Nothing of it is left when it has ended. It shares this machine's kernel: a hole in the kernel is a
/// hole in the box.
#[derive(Args, Debug)]
#[command(
    override_usage = "airlock exec [OPTIONS] --lang <LANGUAGE> [FILE|-]\n       airlock exec [OPTIONS] -- <COMMAND>..."
)]
#[command(after_help = "\
Examples:
  echo 'print(6 * 7)' | airlock exec --lang python -
  airlock exec --lang shell --ro ./data count.sh
  airlock exec --timeout 5 --rw ./out -- make -C /work test

Ends with the code of the program; 124 when a limit ended it, 125 when there is no sandbox and nothing ran.")]
pub(crate) struct ExecArgs {
    /// Language of the code
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Language>,
    /// Who isolates: box, lite, gvisor, microvm or e2b [default: box; gvisor or microvm where --min-level asks for a
    /// kernel or a machine; lite where the box cannot be had and --min-level says that it is enough]
    ///
    /// `gvisor` runs it on a kernel of its own, by the `runsc` on PATH, and takes some tenths of a second for that.
    ///
    /// `e2b` runs it in a virtual machine of the E2B service, or of one that speaks its protocol: code, input and output
    /// leave this machine, and nothing of this machine can be shown there. The key is E2B_API_KEY, or else
    /// sandbox.e2b_api_key of the configuration.
    ///
    /// `microvm` runs it in a virtual machine of its own on this one, by Firecracker, where KVM is real. Its kernel and its
    /// root file system are named by AIRLOCK_MICROVM_KERNEL and AIRLOCK_MICROVM_ROOTFS; nothing else can be shown in it.
    #[arg(long, value_name = "BACKEND", help_heading = "Sandbox")]
    pub(crate) backend: Option<Backend>,
    /// File with the code; `-` or nothing: standard input
    #[arg(value_name = "FILE", requires = "lang")]
    pub(crate) code: Option<PathBuf>,
    /// Program and arguments, instead of code
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<OsString>,
    /// Longest time, in seconds, of the clock and of the processor
    ///
    /// Standard input is read to its end first, which counts; `</dev/null` gives a command none.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
    /// Most memory, in MiB [default: 512; with `e2b` what its template has, and no other]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    pub(crate) memory: Option<u32>,
    /// Its streams as they are, or one JSON object with what became of it and what held it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    pub(crate) confinement: ConfinementArgs,
    /// Configuration file [default: airlock/airlock.toml in your configuration folder, if it exists]
    ///
    /// Of its [sandbox] two things hold here: where min_level is given or `required` is true, nothing less than that
    /// isolates, whatever --min-level says; and e2b_api_key. What it shows and allows, it shows and allows to servers, and nothing here.
    #[arg(
        long,
        value_name = "FILE",
        env = "AIRLOCK_CONFIG",
        hide_env_values = true,
        help_heading = "Configuration"
    )]
    pub(crate) config: Option<PathBuf>,
}

/// Check a configuration: every problem, what weakens protection, and who set what
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock check                      the configuration that `airlock run` would use
  airlock check airlock.toml
  airlock check --format json | jq .warnings

Exit codes: 0 valid, 3 invalid.")]
pub(crate) struct CheckArgs {
    /// Configuration file [default: the one that `airlock run` would use]
    #[arg(value_name = "FILE", env = "AIRLOCK_CONFIG", hide_env_values = true)]
    pub(crate) file: Option<PathBuf>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// Try one tool call, without running anything: what each layer would say
///
/// Uses no quota and writes no audit record.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock call --tool delete_user --args '{\"id\": 7}' --policy read_only
  airlock call --tool query --args @call.json --schema query.schema.json --at 2026-01-31T22:00:00Z

Exit codes: 0 admitted, 2 refused, 3 configuration invalid.")]
pub(crate) struct CallArgs {
    /// Name of the tool
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: String,
    /// The arguments as a JSON object; @FILE reads a file, - reads stdin
    #[arg(long, value_name = "JSON", default_value = "{}", allow_hyphen_values = true)]
    pub(crate) args: String,
    /// The tool's input schema; also a tool definition, or a `tools/list` result [default: not checked]
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// The time of the call, such as 2026-01-31T22:00:00Z or 2026-01-31T22:00 (local) [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
}

/// Find secrets, personal data and injected instructions in text
///
/// Found values are never printed, only where they are. In folders, files that .gitignore and its like name, hidden
/// files (such as .env) and binary files are left out, and symbolic links are not followed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock scan .                                   a repository
  airlock scan --hidden --kinds secret ~/work      secrets only, hidden files too
  tail -f app.log | airlock scan --mask            a log filter
  airlock scan --input json --mask dump.json       JSON in, JSON out
  airlock scan --format sarif . > airlock.sarif    for code hosts and editors
  git diff | airlock scan --min-confidence high    before a commit

Exit codes:
  0   nothing found
  1   something found
  2   an input, or a line of it, could not be read or understood; the others were scanned
  3   --config: the configuration is invalid")]
pub(crate) struct ScanArgs {
    /// Files and folders to read; - is stdin [default: stdin]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ScanFormat,
    /// Print the text with every finding masked, instead of the findings
    ///
    /// With --input json and jsonl, JSON stays JSON. A slow stream is masked line by line.
    #[arg(long, conflicts_with = "format")]
    pub(crate) mask: bool,
    /// What a mask shows [default: type_only]
    #[arg(long, value_enum, requires = "mask")]
    pub(crate) strategy: Option<ScanStrategy>,
    /// What the input is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) input: ScanInput,
    /// Member that holds the text, for --input jsonl
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) field: String,
    /// Look for these kinds or classes only, separated by commas: ssn, api_key, pii, secret, injection, all, …
    /// [default: pii,secret]
    #[arg(long, value_name = "KINDS", value_parser = parse_kinds)]
    pub(crate) kinds: Option<KindSet>,
    /// Configuration file whose [sanitization] and [[detector]] hold here, too [default: none is read]
    ///
    /// Its kinds, allowed texts and switches say what is found, unless --kinds says it, and its strategies what a mask
    /// shows, unless --strategy says it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Leave out what is less certain
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    pub(crate) min_confidence: ScanConfidence,
    /// Also read hidden files in folders
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Also read what .gitignore, .ignore and git's exclude files name
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Files that are read at the same time [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// One line per finding, for people
    #[default]
    Table,
    /// One JSON object per finding; with --input jsonl one per input line
    Jsonl,
    /// One JSON array
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// What the scanner reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanInput {
    /// Plain text
    #[default]
    Text,
    /// JSON documents: every key, text and number, under the name of its member
    Json,
    /// One JSON object per line: the text under --field
    Jsonl,
}

/// What takes the place of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanStrategy {
    /// What it was: [EMAIL REDACTED]
    #[value(name = "type_only")]
    TypeOnly,
    /// A little of the value, to tell it from others: b***@example.com
    Partial,
    /// Nothing: ***REDACTED***
    Full,
}

/// How certain a finding must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanConfidence {
    /// The shape alone
    #[default]
    Low,
    /// The shape and something beside it
    Medium,
    /// A checksum, a vendor's prefix, or a name that leaves no doubt
    High,
}

impl From<ScanConfidence> for Confidence {
    fn from(confidence: ScanConfidence) -> Self {
        match confidence {
            ScanConfidence::Low => Self::Low,
            ScanConfidence::Medium => Self::Medium,
            ScanConfidence::High => Self::High,
        }
    }
}

fn parse_kinds(list: &str) -> Result<KindSet, String> {
    let mut kinds = KindSet::none();
    for name in list.split(',').map(str::trim) {
        if name == "all" {
            kinds = KindSet::all();
            continue;
        }
        let class =
            [Class::Pii, Class::Secret, Class::Injection].into_iter().find(|class| class.name() == name);
        kinds = match (class, Kind::from_name(name)) {
            (Some(class), _) => KindSet::of(class).iter().fold(kinds, KindSet::with),
            (None, Some(kind)) => kinds.with(kind),
            (None, None) => {
                let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                return Err(format!(
                    "the kinds are {}; the classes pii, secret, injection; or all",
                    known.join(", ")
                ));
            }
        };
    }
    Ok(kinds)
}

/// See six attacks on an AI agent's tools being stopped; nothing to set up
///
/// Starts a leaky MCP server (this program plays it) and lets a confused agent call it twice: directly, and through
/// `airlock run`. Everything is real: the processes, the protocol, the refusals, the audit records.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock demo
  airlock demo --format json | jq '.threats[].code'

Exit codes: 0 every attack was stopped, 1 one was not.")]
pub(crate) struct DemoArgs {
    /// How the story is told
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// What this machine offers to isolate untrusted code
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  airlock sandbox doctor                           what is there, and what would lift it
  airlock sandbox selftest                         try to break out of it, in every way we know
  airlock sandbox bench                            what it costs here
  airlock sandbox calls                            what a program in it may ask of the kernel")]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    Doctor(DoctorArgs),
    Selftest(SelftestArgs),
    Bench(BenchArgs),
    Calls(CallsArgs),
}

/// Try to break out of the sandbox on this machine, in every way we know
///
/// Some 280 attempts at files, secrets, processes, rights, sockets, the terminal and the machine's means run in one sandbox.
/// None does harm where it works: what is opened is closed, and nothing is written that was not made for it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock sandbox selftest
  airlock sandbox selftest --backend gvisor
  airlock sandbox selftest --format json | jq '.attempts[] | select(.verdict == \"open\")'

Exit codes: 0 everything was held, 1 something worked, 125 no sandbox can be had.")]
pub(crate) struct SelftestArgs {
    /// Which sandbox: box, lite or gvisor
    #[arg(long, value_name = "BACKEND", default_value = "box")]
    pub(crate) backend: Backend,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// Measure what the box costs on this machine: programs started in it and outside, and an interpreter that waits
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock sandbox bench
  airlock sandbox bench --rounds 100 --format json | jq '.times[].box_ms'

Exit codes: 0 measured, 125 no box can be had.")]
pub(crate) struct BenchArgs {
    /// How often each is started
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = rounds)]
    pub(crate) rounds: usize,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

fn rounds(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|rounds| (1..=10_000).contains(rounds))
        .ok_or("a number from 1 to 10000".to_owned())
}

/// List the system calls that a program in the box may make, each with the reason
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock sandbox calls | grep socket
  airlock sandbox calls --format json | jq -r .name

All calls that are not listed fail with EPERM.")]
pub(crate) struct CallsArgs {
    /// Text, or one JSON object per line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// Say which isolation this machine offers, and what would lift it
///
/// Every point is tried for real, in processes that are thrown away: a small box is built and entered, a process is
/// restrained, a guest is run under KVM. Nothing of it is left behind.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock sandbox doctor
  airlock sandbox doctor --format json | jq -r .level

Levels, each holding at least what the one before holds:
  lite      Landlock and seccomp: reaches no file, process or network that was not named
  box       namespaces and a root of its own: nothing of the host exists that was not named
  kernel    a second kernel in between, as gVisor has
  machine   a virtual machine
Airlock builds boxes; of the others it says whether the machine could carry them.

Exit codes: 0 a sandbox can be had, 1 none.")]
pub(crate) struct DoctorArgs {
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

/// Print shell completions
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock completions bash > ~/.local/share/bash-completion/completions/airlock
  airlock completions zsh > ~/.zfunc/_airlock
  airlock completions fish > ~/.config/fish/completions/airlock.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Print the manual page, or write one page per command into a folder
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  airlock man | man -l -
  airlock man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Existing folder for airlock.1, airlock-run.1, … [default: airlock.1 to stdout]
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use super::{Cli, Command, parse_kinds};

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_servers_own_flags_are_its_own() {
        for line in [
            &["airlock", "run", "--strict", "--", "npx", "-y", "server", "--config", "x"][..],
            &["airlock", "run", "--strict", "npx", "-y", "server", "--config", "x"],
        ] {
            let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("{line:?}") };
            assert_eq!(args.command, ["npx", "-y", "server", "--config", "x"]);
            assert!(args.config.strict && args.config.config.is_none());
        }
    }

    #[test]
    fn a_mistyped_flag_is_not_taken_for_the_server() {
        for line in [
            &["airlock", "run", "--polcy", "x", "--", "npx"][..],
            &["airlock", "run", "--agent-id", " ", "npx"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
        let missing = Cli::try_parse_from(["airlock", "run"]).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::MissingRequiredArgument);
    }

    #[test]
    fn a_server_of_the_configuration_takes_the_place_of_a_command() {
        let Command::Run(args) =
            Cli::try_parse_from(["airlock", "run", "--server", "notes"]).unwrap().command
        else {
            panic!("another command")
        };
        assert_eq!((args.server.as_deref(), args.command.len()), (Some("notes"), 0));
        for line in [
            &["airlock", "run", "--server", "notes", "--", "npx"][..],
            &["airlock", "run", "--server", "notes", "npx", "-y"],
        ] {
            let refused = Cli::try_parse_from(line).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ArgumentConflict, "{line:?}");
        }
        // Behind a command, it is the command's.
        let line = ["airlock", "run", "npx", "--server", "notes"];
        let Command::Run(args) = Cli::try_parse_from(line).unwrap().command else { panic!("{line:?}") };
        assert_eq!((args.server, args.command.len()), (None, 3));
    }

    #[test]
    fn kinds_and_classes_mix() {
        let kinds = parse_kinds("secret, ssn").unwrap();
        assert!(kinds.contains(airlock_scan::Kind::Ssn) && kinds.contains(airlock_scan::Kind::Jwt));
        assert!(!kinds.contains(airlock_scan::Kind::Email));
        for bad in ["", "SSN", "ssn,,", "everything"] {
            assert!(parse_kinds(bad).is_err(), "{bad:?}");
        }
    }
}
