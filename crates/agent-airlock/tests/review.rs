//! What a review found, each with what must happen instead.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use agent_airlock::{
    AirlockConfig, Caller, Code, Config, PERMISSIVE_POLICY, STRICT_POLICY, SanitizationConfig,
    SecurityPolicy, TextStream, Toolbox, ToolboxBuilder, airlock,
};
use airlock_testkit::{FakeAudit, config, engine};
use serde_json::json;

fn default_limit() -> u32 {
    7
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Arguments {
    path: String,
}

#[airlock]
fn default_of_a_function(#[airlock(default = default_limit())] limit: u32) -> u32 {
    limit
}

#[airlock]
fn own_arguments(arguments: Arguments) -> Arguments {
    arguments
}

#[airlock]
fn token(#[airlock(default = "AKIAQWERTYUIOPASDFGH".to_owned())] key: String) -> usize {
    key.len()
}

#[airlock(policy = STRICT_POLICY)]
fn strict_twice() -> u8 {
    1
}

#[airlock]
fn endless() -> TextStream {
    TextStream::new(Endless)
}

struct Endless;

impl futures_core::Stream for Endless {
    type Item = &'static str;

    fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some("more and more "))
    }
}

fn builder(toml: &str) -> ToolboxBuilder {
    Toolbox::builder().configuration(config(toml)).audit(Arc::new(FakeAudit::default()))
}

#[test]
fn names_of_the_generated_code_are_nobody_elses() {
    let toolbox = builder("").tools([default_of_a_function(), own_arguments()]).build().unwrap();
    let call =
        |name, arguments| toolbox.call_blocking(name, arguments, &Caller::anonymous()).unwrap().into_text();
    assert_eq!(call("default_of_a_function", json!({})), "7");
    assert_eq!(call("own_arguments", json!({"arguments": {"path": "a"}})), r#"{"path":"a"}"#);
}

#[test]
fn a_rule_that_would_never_apply_is_a_problem() {
    for (tool, expected) in [
        (token().within("pth", ["/data"]), "no parameter of this name"),
        (token().roles([]), "allowed_roles"),
        (token().policy("P", &SecurityPolicy::permissive().allow_tools([])), "allowed_tools"),
        (
            token().config(&AirlockConfig { max_output_chars: 3, ..AirlockConfig::default() }),
            "max_output_chars",
        ),
    ] {
        let error = builder("").tool(tool).build().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(
        builder("").tool(token().within("key", ["/data"]).roles(["admin"])).build().is_ok(),
        "positive control"
    );
}

#[test]
fn what_a_builder_weakens_is_listed() {
    let config =
        AirlockConfig { mask_secrets: false, allow_broken_schemas: true, ..AirlockConfig::default() };
    let sanitization = SanitizationConfig {
        disabled_kinds: Config::default().sanitization.scanner().kinds(),
        ..SanitizationConfig::default()
    };
    let toolbox = builder("[airlock]\nstrict_mode = true\n[policy]\ndenied_tools = [\"x\"]")
        .config(config)
        .policy("PERMISSIVE_POLICY", &PERMISSIVE_POLICY)
        .sanitization(sanitization)
        .build()
        .unwrap();
    assert_eq!(toolbox.warnings().len(), 5, "{:?}", toolbox.warnings());
    assert_eq!(builder("").build().unwrap().warnings(), [] as [&str; 0], "positive control");
    let both = Toolbox::builder().engine(engine("").0).policy("P", &STRICT_POLICY).build();
    assert!(both.unwrap_err().to_string().contains("exists already"));
}

#[test]
fn lists_are_masked_like_output() {
    let toolbox = builder("").tool(token()).build().unwrap();
    let listed = toolbox.openai_tools(&Caller::anonymous());
    let text = serde_json::to_string(&listed).unwrap();
    assert!(text.contains("***REDACTED***") && !text.contains("AKIAQWERTY"), "{text}");
}

#[test]
fn one_policy_for_operator_and_tool_takes_one_token() {
    let toolbox = builder("[policy]\npreset = \"strict\"").tool(strict_twice()).build().unwrap();
    let agent = Caller { agent_id: Some("a".parse().unwrap()), ..Caller::anonymous() };
    let call =
        || toolbox.call_blocking("strict_twice", json!({}), &agent).err().map(|rejection| rejection.code());
    let refused: Vec<_> = (0..101).filter_map(|_| call()).collect();
    assert_eq!(refused, [Code::RateLimited]);
    let two = token().rate_limit("1/minute").rate_limit("100/hour");
    let toolbox = builder("").tool(two).build().unwrap();
    let call = || toolbox.call_blocking("token", json!({}), &agent).err().map(|rejection| rejection.code());
    assert_eq!([call(), call()], [None, Some(Code::RateLimited)]);
}

#[test]
fn an_endless_stream_gives_others_their_turn() {
    let toolbox = builder("[airlock]\nmax_output_chars = 100").tool(endless()).build().unwrap();
    let caller = Caller::anonymous();
    let mut call = pin!(toolbox.call("endless", json!({}), &caller));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
}
