//! What would happen to a call, layer by layer, from the same evaluation that decides.

use std::sync::Arc;

use crate::{
    call::RawCall,
    code::{Code, Layer},
    core::shielded,
    engine::Airlock,
    policy::{Check, Verdict},
    rejection::Rejection,
    settings::SandboxNeed,
};

/// One check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The layer it belongs to.
    pub layer: Layer,
    /// What was checked.
    pub check: &'static str,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// It passed, with a remark where there is one.
    Passed(Option<String>),
    /// No rule says anything about this call.
    NotApplicable,
    /// It refused.
    Refused,
}

/// What would happen to a call. Nothing is spent and nothing is recorded.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The checks in the order in which they were made, up to the first refusal.
    pub steps: Vec<Step>,
    /// The arguments that would be forwarded, or why the call would be refused.
    pub result: Result<Arc<str>, Rejection>,
}

impl Airlock {
    /// Judges a call like [`Airlock::admit`], but takes no quota and writes no record.
    pub fn explain(&self, call: RawCall) -> Explanation {
        let core = self.core();
        let now = self.now();
        let mut call = core.open_scope(call, now);
        call.scope.silence();
        let tool = Arc::clone(&call.tool);
        let mut steps = Vec::new();
        let result = shielded(|| {
            let validated = core.validate(&mut call);
            let outcome = match &validated {
                Ok(()) => StepOutcome::Passed(call.scope.remark()),
                Err(_) => StepOutcome::Refused,
            };
            steps.push(Step { layer: Layer::Validate, check: "contract", outcome });
            validated?;
            core.authorize(&tool, &mut call, now, &mut |layer, check, verdict| {
                let outcome = match verdict {
                    Verdict::Passed => StepOutcome::Passed(None),
                    Verdict::NotApplicable => StepOutcome::NotApplicable,
                    Verdict::Refused(_) => StepOutcome::Refused,
                };
                steps.push(Step { layer, check: check.name(), outcome });
            })
        });
        let result = result.and_then(|limits| {
            let (outcome, refused) = match (tool.sandbox(), &call.sandbox) {
                (SandboxNeed::None, None) => (StepOutcome::NotApplicable, false),
                (_, Some(name)) => (StepOutcome::Passed(Some(format!("would run in `{name}`"))), false),
                (SandboxNeed::Wanted, None) => {
                    (StepOutcome::Passed(Some("there is none: would run without it".to_owned())), false)
                }
                (SandboxNeed::Required, None) => (StepOutcome::Refused, true),
            };
            steps.push(Step { layer: Layer::Execute, check: "sandbox", outcome });
            if refused { Err(Rejection::new(Code::SandboxUnavailable)) } else { Ok(limits) }
        });
        if let Ok(limits) = &result {
            let texts: Vec<&str> = limits.iter().map(|limit| &*limit.text).collect();
            let outcome = if texts.is_empty() {
                StepOutcome::NotApplicable
            } else {
                StepOutcome::Passed(Some(format!("would take from {}", texts.join(" and "))))
            };
            steps.push(Step { layer: Layer::Authorize, check: Check::RateLimit.name(), outcome });
        }
        let result = result
            .map(|_| Arc::clone(&call.arguments))
            .map_err(|rejection| rejection.for_tool(call.tool.name()));
        Explanation { steps, result }
    }
}
