//! The face of the engine. Small on purpose: the order of the steps is the security.

use std::{borrow::Cow, sync::Arc};

use crate::{
    call::{Permit, RawCall},
    caller::Caller,
    code::Code,
    config::Config,
    core::{Core, shielded},
    policy::TargetKind,
    ports::{Now, Providers},
    protect::{OutputRules, ProtectedOutput, RawOutput},
    rejection::Rejection,
    settings::{SandboxNeed, ToolSettings},
    tool::Tool,
};

/// The engine behind every door: compile tools once, then admit calls and release outputs.
///
/// Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Airlock {
    core: Arc<Core>,
}

impl Airlock {
    /// An engine for a configuration. `hash_key` is the deployment's key for the masking strategy `hash`.
    pub fn new(config: &Config, providers: Providers, hash_key: [u8; 32]) -> Self {
        Self { core: Arc::new(Core::new(config, providers, hash_key)) }
    }

    /// Compiles what can be called: its contract, and what the policies say about its name. Without a
    /// schema it has no parameters. A schema that does not compile gives a tool whose calls are refused.
    pub fn tool(&self, kind: TargetKind, name: &str, input_schema: Option<&str>) -> Arc<Tool> {
        self.tool_with(kind, name, input_schema, &ToolSettings::default())
    }

    /// Like [`tool`](Self::tool), with what the author of the tool asks for on top.
    pub fn tool_with(
        &self,
        kind: TargetKind,
        name: &str,
        input_schema: Option<&str>,
        settings: &ToolSettings,
    ) -> Arc<Tool> {
        Arc::new(self.core.bind(kind, name, input_schema, settings))
    }

    /// Layers 1 and 2: may this call be made?
    ///
    /// Dropping the future leaves the record `abandoned`; a quota that was taken is not given back.
    ///
    /// # Errors
    ///
    /// The rejection to show to the agent. Its record is written.
    pub async fn admit(&self, call: RawCall) -> Result<Permit, Rejection> {
        let now = self.core.providers.clock.now();
        let mut call = self.core.open_scope(call, now);
        if self.core.providers.audit.ready().is_err() {
            return Err(call.scope.refuse(Rejection::new(Code::InternalAudit).for_tool(&call.tool.name)));
        }
        let tool = Arc::clone(&call.tool);
        let judged = shielded(|| {
            self.core.validate(&mut call)?;
            let limits = self.core.authorize(&tool, &mut call, now, &mut |_, _, _| {})?;
            // A host that did not promise a sandbox has none: required is refused, before it costs quota, and wanted is
            // recorded.
            match (tool.sandbox, &call.sandbox) {
                (SandboxNeed::Required, None) => return Err(Rejection::new(Code::SandboxUnavailable)),
                (SandboxNeed::Wanted, None) => call.scope.record().unsandboxed = true,
                (_, Some(_)) | (SandboxNeed::None, None) => {}
            }
            Ok(limits)
        });
        let admitted = match judged {
            Ok(limits) => self.core.spend(&call, &limits, now).await,
            Err(rejection) => Err(rejection),
        };
        match admitted {
            Ok(()) => {
                call.scope.record().sandbox = call.sandbox.take();
                Ok(Permit { call, core: Arc::clone(&self.core) })
            }
            Err(rejection) => {
                let rejection = rejection.for_tool(&call.tool.name);
                Err(call.scope.refuse(rejection))
            }
        }
    }

    /// Records a call that the host refuses by itself, before the engine could judge it: an unknown tool, a
    /// message that is no call. Gives back what to show to the agent.
    pub fn refuse(&self, call: RawCall, rejection: Rejection) -> Rejection {
        let mut call = self.core.open_scope(call, self.core.providers.clock.now());
        let rejection = rejection.for_tool(&call.tool.name);
        call.scope.refuse(rejection)
    }

    /// Records a call that its caller gave up before it could be judged.
    pub fn abandon(&self, call: RawCall) {
        drop(self.core.open_scope(call, self.core.providers.clock.now()));
    }

    /// The time, as the engine's clock tells it.
    pub fn now(&self) -> Option<Now> {
        self.core.providers.clock.now()
    }

    /// Whether the policies let this caller see that the tool exists: nothing that depends on time,
    /// arguments or quotas.
    pub fn may_see(&self, tool: &Tool, caller: &Caller) -> bool {
        let bindings = self.core.bindings(tool, caller);
        bindings.is_ok_and(|bindings| bindings.iter().all(|binding| binding.may_see(caller)))
    }

    /// Masks a text that belongs to no call: a description, a log message. Also says what was found.
    pub fn protect(&self, output: &RawOutput<'_>) -> ProtectedOutput {
        self.core.protect_by(output, &OutputRules::default())
    }

    /// The text with everything masked that a record must not hold.
    pub fn mask_for_record<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.core.protector.mask_text_for_record(text)
    }

    /// Whether ghost arguments are refused rather than stripped.
    pub fn is_strict(&self) -> bool {
        self.core.strict
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}
