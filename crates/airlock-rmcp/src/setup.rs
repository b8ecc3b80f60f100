//! What every session of one guarded server shares.

use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use airlock_engine::{Airlock, Caller};
use airlock_mcp::{Guard, GuardSettings, LateAnswers, Report, Severity};
use rmcp::model::Extensions;

use crate::start::{Machine, StartError, machine};

type FindCaller = dyn Fn(&Extensions) -> Option<Caller> + Send + Sync;
type Hear = dyn Fn(&Report) + Send + Sync;

#[derive(Clone)]
pub(crate) struct Setup {
    /// Without one nothing is served.
    pub(crate) engine: Result<Airlock, StartError>,
    pub(crate) settings: GuardSettings,
    pub(crate) find_caller: Option<Arc<FindCaller>>,
    pub(crate) hear: Option<Arc<Hear>>,
    /// Methods beyond rmcp's own that are let through.
    pub(crate) custom_methods: BTreeSet<String>,
    /// What the operator should hear at the start.
    pub(crate) warnings: Vec<String>,
}

/// The closure that knows who calls panicked; nothing can be judged then.
#[derive(Debug)]
pub(crate) struct UnknownCaller;

impl Setup {
    pub(crate) fn new(engine: Airlock) -> Self {
        Self::with(Ok(engine), GuardSettings::default(), Vec::new())
    }

    /// By the configuration of this machine.
    pub(crate) fn of_machine() -> Self {
        match machine() {
            Ok(Machine { engine, settings, warnings }) => Self::with(Ok(engine), settings, warnings),
            Err(error) => Self::with(Err(error), GuardSettings::default(), Vec::new()),
        }
    }

    fn with(engine: Result<Airlock, StartError>, settings: GuardSettings, warnings: Vec<String>) -> Self {
        Self { engine, settings, warnings, find_caller: None, hear: None, custom_methods: BTreeSet::new() }
    }

    /// A guard for one session. rmcp does not send the answer to a request that was cancelled.
    pub(crate) fn guard(&self) -> Result<Guard, StartError> {
        let engine = self.engine.clone()?;
        for warning in &self.warnings {
            self.report(&Report::warning(warning.clone()));
        }
        Ok(Guard::new(engine, self.settings.clone()).with_late_answers(LateAnswers::Never))
    }

    /// Who sends a message, by what the host put beside it. Arguments are never asked.
    pub(crate) fn caller(&self, extensions: Option<&Extensions>) -> Result<Arc<Caller>, UnknownCaller> {
        let found = extensions.map(|extensions| {
            if let Some(find) = &self.find_caller {
                let found = catch_unwind(AssertUnwindSafe(|| find(extensions))).map_err(|_| UnknownCaller)?;
                if let Some(caller) = found {
                    return Ok(Some(Arc::new(caller)));
                }
            }
            let shared = extensions.get::<Arc<Caller>>().cloned();
            Ok(shared.or_else(|| extensions.get::<Caller>().cloned().map(Arc::new)))
        });
        let found = found.transpose()?.flatten();
        Ok(found.unwrap_or_else(|| Arc::clone(&self.settings.caller)))
    }

    /// Says something to the operator.
    pub(crate) fn report(&self, report: &Report) {
        match (&self.hear, report.severity) {
            (Some(hear), _) => {
                // A listener cannot change a decision, and its panic must not end the session.
                drop(catch_unwind(AssertUnwindSafe(|| hear(report))));
            }
            (None, Severity::Info) => tracing::info!(target: "airlock", "{}", report.text),
            (None, Severity::Warning) => tracing::warn!(target: "airlock", "{}", report.text),
        }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("settings", &self.settings).finish_non_exhaustive()
    }
}
