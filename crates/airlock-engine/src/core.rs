//! The layers of one engine, in the order in which a call meets them: validate, authorize, spend, protect.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use airlock_scan::KindSet;

use crate::{
    audit::{AuditScope, Record},
    call::{RawCall, ValidatedCall},
    caller::{Caller, Role},
    code::{Code, Layer},
    config::{Config, ToolRules},
    json::Value,
    policy::{ArgumentRules, Binding, Check, Limit, Policy, Subject, TargetKind, Verdict, fold},
    ports::{Now, Providers, StoreAnswer, Take, Taken},
    protect::{OutputReport, OutputRules, ProtectedOutput, Protector, RawOutput},
    rejection::Rejection,
    settings::ToolSettings,
    tool::{EngineId, Tool, check_name},
    validate::{ArgumentLimits, Contract, NO_ARGUMENTS, check_limits},
};

#[derive(Debug)]
pub(crate) struct Core {
    id: EngineId,
    pub(crate) providers: Providers,
    pub(crate) protector: Protector,
    pub(crate) strict: bool,
    /// Whether personal data and credentials are masked in output.
    masked_classes: (bool, bool),
    allow_broken_schemas: bool,
    limits: ArgumentLimits,
    /// The default policy first, then the named ones.
    policies: Vec<Policy>,
    roles: Vec<(Role, usize)>,
    tool_rules: Vec<BoundRules>,
}

/// The rules of one `[tools.PATTERN]` section.
#[derive(Debug)]
struct BoundRules {
    rules: ToolRules,
    arguments: Vec<Arc<ArgumentRules>>,
}
/// What `explain` hears of each check: the layer, which check, and what it decided.
pub(crate) type Trace<'t> = &'t mut dyn FnMut(Layer, Check, Verdict);

impl Core {
    pub(crate) fn new(config: &Config, providers: Providers, hash_key: [u8; 32]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut policies = vec![config.policy.clone()];
        policies.extend(config.policies.iter().cloned());
        let tool_rules = config.tools.iter().map(|rules| BoundRules {
            arguments: rules.arguments.iter().cloned().map(Arc::new).collect(),
            rules: rules.clone(),
        });
        Self {
            id: EngineId(NEXT.fetch_add(1, Ordering::Relaxed)),
            providers,
            protector: Protector::new(&config.airlock, &config.sanitization, &hash_key),
            strict: config.airlock.strict_mode,
            masked_classes: (config.airlock.mask_pii, config.airlock.mask_secrets),
            allow_broken_schemas: config.airlock.allow_broken_schemas,
            limits: config.limits.arguments,
            policies,
            roles: config.roles.iter().map(|(role, index)| (role.clone(), index + 1)).collect(),
            tool_rules: tool_rules.collect(),
        }
    }

    /// Binds what can be called to everything that the configuration says about its name.
    pub(crate) fn bind(
        &self,
        kind: TargetKind,
        name: &str,
        input_schema: Option<&str>,
        settings: &ToolSettings,
    ) -> Tool {
        let contract = check_name(kind, name)
            .and_then(|()| input_schema.map_or_else(Contract::of_no_parameters, Contract::compile));
        let folded = fold(name);
        let subject = Subject { kind, name, folded: &folded };
        let mut output = self.output_rules(settings);
        let mut sandbox = settings.sandbox;
        let mut rules: Vec<_> = settings.arguments.iter().cloned().map(Arc::new).collect();
        let sections = self.tool_rules.iter().filter(|_| kind == TargetKind::Tool);
        for section in sections {
            let pattern = &section.rules.pattern;
            let exact = pattern.matches(name);
            // Rules hold in any spelling of the name, exemptions in the written one only: tricks can only lose.
            if exact || pattern.matches_folded(&folded) {
                rules.extend(section.arguments.iter().cloned());
                sandbox = sandbox.max(section.rules.sandbox);
            }
            if exact {
                output.unmasked |= !section.rules.mask;
                output.fields.extend(section.rules.unmasked_fields.iter().cloned());
                output.kinds = section.rules.disabled_kinds.iter().fold(output.kinds, KindSet::with);
            }
        }
        Tool {
            engine: self.id,
            kind,
            name: name.into(),
            contract,
            bindings: self.policies.iter().map(|policy| policy.bind(&subject)).collect(),
            own_bindings: settings.policies.iter().map(|policy| policy.bind(&subject)).collect(),
            rules,
            strict: settings.strict.unwrap_or(self.strict),
            output,
            sandbox,
        }
    }

    fn output_rules(&self, settings: &ToolSettings) -> OutputRules {
        let (mask_pii, mask_secrets) = self.masked_classes;
        let own = (settings.mask_pii.unwrap_or(mask_pii), settings.mask_secrets.unwrap_or(mask_secrets));
        OutputRules {
            enabled: settings.sanitize_output,
            max_output_chars: settings.max_output_chars,
            scanner: (own != self.masked_classes).then(|| self.protector.scanner_of(own.0, own.1)),
            ..OutputRules::default()
        }
    }

    pub(crate) fn open_scope(self: &Arc<Self>, call: RawCall, now: Option<Now>) -> ValidatedCall {
        let bindings = self.bindings(&call.tool, &call.caller).unwrap_or_default();
        let names: Vec<&str> = bindings.iter().map(|binding| binding.policy()).collect();
        let record = Record {
            started: now.map(|now| now.wall),
            tool: Arc::clone(&call.tool),
            caller: Arc::clone(&call.caller),
            arguments: Arc::clone(&call.arguments),
            policy: names.join("+").into(),
            ghosts: Vec::new(),
            stripped: false,
            free_form: false,
            unchecked_schema: false,
            sandbox: None,
            unsandboxed: false,
            argument_injections: 0,
            output: OutputReport::default(),
        };
        let scope = AuditScope::open(Arc::clone(self), record);
        let RawCall { tool, arguments, caller, sandbox } = call;
        ValidatedCall { tool, arguments, caller, sandbox, scope }
    }

    /// Layer 1. Strips ghosts in permissive mode, and then decides on the stripped text.
    pub(crate) fn validate(&self, call: &mut ValidatedCall) -> Result<(), Rejection> {
        self.check_contract(call).map_err(|rejection| self.protector.mask_refusal(&rejection))
    }

    fn check_contract(&self, call: &mut ValidatedCall) -> Result<(), Rejection> {
        let doc = check_limits(&call.arguments, &self.limits)?;
        let contract = match &call.tool.contract {
            Ok(contract) => contract,
            Err(_) if self.allow_broken_schemas => {
                call.scope.record().unchecked_schema = true;
                return Ok(());
            }
            Err(error) => return Err(Rejection::new(Code::InternalContract).with_hint(error.to_string())),
        };
        let ghosts = contract.ghosts(doc.root())?;
        call.scope.record().free_form = ghosts.free_form;
        if ghosts.is_empty() {
            return contract.check(doc.root());
        }
        let names = self.protector.mask_names(ghosts.names(), &ghosts.raw_names());
        call.scope.record().ghosts.clone_from(&names);
        if call.tool.strict {
            let hints = names.iter().map(|name| format!("remove `{name}`: the tool does not declare it"));
            return Err(hints.fold(
                Rejection::new(Code::GhostArguments).with_ghosts(names.clone()),
                Rejection::with_hint,
            ));
        }
        let stripped = ghosts.strip(doc.root(), &call.arguments);
        contract.check(check_limits(&stripped, &self.limits)?.root())?;
        call.scope.record().stripped = true;
        call.arguments = stripped.into();
        Ok(())
    }

    /// Layer 2 up to the quota: what is left is to take the tokens.
    pub(crate) fn authorize<'t>(
        &self,
        tool: &'t Tool,
        call: &mut ValidatedCall,
        now: Option<Now>,
        trace: Trace<'_>,
    ) -> Result<Vec<&'t Limit>, Rejection> {
        let now = now.ok_or_else(|| Rejection::new(Code::InternalClock))?;
        let bindings = self.bindings(tool, &call.caller)?;
        let mut limits: Vec<&Limit> = Vec::new();
        for binding in &bindings {
            let mut trace = |check, verdict| trace(Layer::Authorize, check, verdict);
            let limit = binding.evaluate(&call.caller, now.wall, &mut trace)?;
            // One policy that decides twice, for the operator and for the tool, takes one token.
            limits.extend(limit.filter(|limit| limits.iter().all(|known| known.key != limit.key)));
        }
        if call.arguments.len() > NO_ARGUMENTS.len() {
            let doc = check_limits(&call.arguments, &self.limits)?;
            if !tool.rules.is_empty() {
                self.check_argument_rules(tool, doc.root(), trace)?;
            }
            let (passages, blocked) = self.protector.screen_arguments(doc.root());
            call.scope.record().argument_injections = passages;
            if blocked {
                return Err(Rejection::new(Code::ContentBlocked)
                    .with_message("the arguments hold instructions to a model")
                    .with_hint("leave out text that gives orders to whoever reads it next"));
            }
        }
        Ok(limits)
    }

    fn check_argument_rules(
        &self,
        tool: &Tool,
        arguments: Value<'_>,
        trace: Trace<'_>,
    ) -> Result<(), Rejection> {
        let checked = tool.rules.iter().try_for_each(|rules| rules.check(arguments, &*self.providers.files));
        let verdict = checked
            .as_ref()
            .map_or_else(|rejection| Verdict::Refused(rejection.code()), |()| Verdict::Passed);
        trace(Layer::Authorize, Check::ArgumentRules, verdict);
        checked
    }

    /// The bindings that decide for a caller: those of its roles, or the default policy's if no role of it
    /// is bound; and those that the tool brings along. Several decide together, and each must admit.
    pub(crate) fn bindings<'t>(
        &self,
        tool: &'t Tool,
        caller: &Caller,
    ) -> Result<Vec<&'t Binding>, Rejection> {
        if tool.engine != self.id {
            return Err(
                Rejection::new(Code::InternalPolicy).with_message("the tool belongs to another engine")
            );
        }
        let bound =
            self.roles.iter().filter(|(role, _)| caller.roles.contains(role)).map(|(_, index)| *index);
        let mut indices: Vec<usize> = bound.collect();
        indices.sort_unstable();
        indices.dedup();
        if indices.is_empty() {
            indices.push(0);
        }
        let found: Option<Vec<&Binding>> =
            indices.into_iter().map(|index| tool.bindings.get(index)).collect();
        let mut found = found.ok_or_else(|| Rejection::new(Code::InternalPolicy))?;
        if !tool.own_bindings.is_empty() {
            // A policy without a rule says nothing, and the record names those that decide.
            found.retain(|binding| !binding.is_unrestricted());
            found.extend(&tool.own_bindings);
        }
        Ok(found)
    }

    pub(crate) async fn spend(
        &self,
        call: &ValidatedCall,
        limits: &[&Limit],
        now: Option<Now>,
    ) -> Result<(), Rejection> {
        if limits.is_empty() {
            return Ok(());
        }
        let now = now.ok_or_else(|| Rejection::new(Code::InternalClock))?;
        let caller = call.caller.quota_key();
        let takes: Vec<Take<'_>> = limits
            .iter()
            .map(|limit| Take { limit: &limit.key, caller: &caller, quota: limit.quota })
            .collect();
        let taken = match self.providers.rate_limits.take(&takes, now.monotonic) {
            StoreAnswer::Ready(taken) => taken,
            StoreAnswer::Pending(taken) => taken.await,
        };
        match taken {
            Ok(Taken::Granted) => Ok(()),
            Ok(Taken::Refused { retry_after }) => {
                let texts: Vec<&str> = limits.iter().map(|limit| &*limit.text).collect();
                Err(Rejection::new(Code::RateLimited)
                    .with_hint(format!("the limit is {}", texts.join(" and ")))
                    .with_retry_after(retry_after))
            }
            Err(_) => Err(Rejection::new(Code::InternalRateStore)),
        }
    }

    pub(crate) fn protect(&self, tool: &Tool, output: &RawOutput<'_>) -> ProtectedOutput {
        self.protect_by(output, &tool.output)
    }

    pub(crate) fn protect_by(&self, output: &RawOutput<'_>, rules: &OutputRules) -> ProtectedOutput {
        withheld_on_panic(|| match output {
            RawOutput::Text(text) | RawOutput::Failed(text) => {
                let (text, report) = self.protector.protect_text(text, rules);
                ProtectedOutput { text: Some(text.into_owned()), report, ..ProtectedOutput::unchanged() }
            }
            RawOutput::Parts(document, parts) | RawOutput::FailedParts(document, parts) => {
                self.protector.protect(document, parts, rules)
            }
            RawOutput::Protocol { document: _, parts, .. } => self.protector.mask_parts(parts, rules),
        })
    }
}

/// A scanner that fails must not let the output through.
fn withheld_on_panic(protect: impl FnOnce() -> ProtectedOutput) -> ProtectedOutput {
    std::panic::catch_unwind(AssertUnwindSafe(protect)).unwrap_or_else(|_| ProtectedOutput {
        report: OutputReport { blocked: true, ..OutputReport::default() },
        ..ProtectedOutput::unchanged()
    })
}

/// Runs a stage; a panic in it is a refusal, never a way through.
pub(crate) fn shielded<T>(stage: impl FnOnce() -> Result<T, Rejection>) -> Result<T, Rejection> {
    std::panic::catch_unwind(AssertUnwindSafe(stage))
        .unwrap_or_else(|_| Err(Rejection::new(Code::InternalPanic)))
}

#[cfg(test)]
mod tests {
    use super::{ProtectedOutput, Rejection, shielded, withheld_on_panic};
    use crate::code::Code;

    #[test]
    fn a_panic_is_a_refusal() {
        assert!(!withheld_on_panic(ProtectedOutput::unchanged).report().blocked, "positive control");
        assert!(withheld_on_panic(|| panic!("a broken scanner")).report().blocked);
        assert_eq!(shielded(|| Ok::<_, Rejection>(1)), Ok(1), "positive control");
        let refused = shielded(|| -> Result<(), Rejection> { panic!("a broken stage") });
        assert_eq!(refused.map_err(|rejection| rejection.code()), Err(Code::InternalPanic));
    }
}
