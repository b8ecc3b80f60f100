//! Calls: judged before the server sees them.

use std::{sync::atomic::Ordering, time::Duration};

use rmcp::model::{
    ArgumentInfo, CompleteRequest, CompleteRequestParams, GetPromptRequest, GetPromptRequestParams,
    ListToolsRequest, ReadResourceRequest, ReadResourceRequestParams, Reference, SubscriptionFilter,
    SubscriptionsListenRequest, SubscriptionsListenRequestParams,
};
use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    scene::{DOORS, Door, LEGACY_DOORS, Scene, Way, assert_refused},
};

#[tokio::test]
async fn a_proper_call_runs() {
    for door in DOORS {
        let scene = Scene::strict(door).await;
        let answer = scene.call("add", json!({"a": 1.5, "b": 2})).await.unwrap();
        assert_eq!(answer["content"][0]["text"], "done", "{door:?}");
        assert_eq!(scene.runs.arguments("add"), json!({"a": 1.5, "b": 2}));
        assert_eq!(scene.last_record(), ("add".to_owned(), "allowed".to_owned(), None));
    }
}

#[tokio::test]
async fn ghosts_are_refused_in_strict_mode() {
    for door in DOORS {
        let scene = Scene::strict(door).await;
        for ghost in [json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 2, "options": [{"x": 1, "y": 2}]})]
        {
            assert_refused(&scene.call("add", ghost).await, "ghost_arguments");
        }
        assert_eq!(scene.runs.of("add"), 0);
        assert!(scene.call("add", json!({"a": 1, "b": 2, "options": [{"x": 1}]})).await.is_ok());
        assert_eq!(scene.runs.of("add"), 1, "positive control");
    }
}

#[tokio::test]
async fn ghosts_are_stripped_in_permissive_mode_and_the_rest_stays() {
    // As a float that serde_json's quick parser would read as its neighbour.
    let exact = 2.225_073_858_507_201e-308;
    for door in DOORS {
        let scene = Scene::permissive(door).await;
        let call =
            json!({"a": exact, "b": -3, "ghost": LONG, "options": [{"x": 1, "y": {"z": 1}}, {"x": 2}]});
        scene.call("add", call).await.unwrap();
        let expected = json!({"a": exact, "b": -3, "options": [{"x": 1}, {"x": 2}]});
        assert_eq!(scene.runs.arguments("add"), expected, "{door:?}");
        // The list is known by now: the same without waiting.
        scene.call("add", json!({"a": exact, "b": 4, "ghost": 1})).await.unwrap();
        assert_eq!(scene.runs.arguments("add"), json!({"a": exact, "b": 4}));
        let bare = Scene::bare(door).await;
        bare.call("add", json!({"a": 1, "b": 1, "ghost": 1})).await.unwrap();
        assert_eq!(bare.runs.arguments("add")["ghost"], 1, "positive control");
    }
}

const LONG: &str = "a text that is nothing to anybody";

#[tokio::test]
async fn wrong_types_are_refused() {
    for door in DOORS {
        let scene = Scene::permissive(door).await;
        for wrong in [
            json!({"a": "1", "b": 2}),
            json!({"a": 1, "b": 2.5}),
            json!({"a": 1, "b": true}),
            json!({"a": 1, "b": null}),
            json!({"a": 1}),
            json!({"a": 1, "b": 2, "options": {"x": 1}}),
            Value::Null,
        ] {
            assert_refused(&scene.call("add", wrong).await, "validation_error");
        }
        assert_eq!(scene.runs.of("add"), 0);
        let bare = Scene::bare(door).await;
        bare.call("add", json!({"a": "1", "b": 2})).await.unwrap();
        assert_eq!(bare.runs.of("add"), 1, "positive control");
    }
}

#[tokio::test]
async fn unknown_tools_are_refused() {
    for door in DOORS {
        let scene = Scene::permissive(door).await;
        assert_refused(&scene.call("no_such_tool", json!({})).await, "tool_unknown");
        assert_eq!(scene.runs.of("no_such_tool"), 0);
        let bare = Scene::bare(door).await;
        assert!(bare.call("no_such_tool", json!({})).await.is_ok());
        assert_eq!(bare.runs.of("no_such_tool"), 1, "positive control");
    }
}

#[tokio::test]
async fn denied_tools_are_refused_and_not_listed() {
    let toml = "[policy]\ndenied_tools = [\"delete_*\"]";
    for door in DOORS {
        let scene = Scene::start(Way::Guarded, door, toml, Fixture::default()).await;
        assert_refused(&scene.call("delete_all", json!({})).await, "tool_denied");
        assert_eq!(scene.runs.of("delete_all"), 0);
        let list = scene.request(ListToolsRequest::default()).await.unwrap();
        assert!(!list.to_string().contains("delete_all"), "{list}");
        assert!(list.to_string().contains("account_file"), "{list}");
        let bare = Scene::bare(door).await;
        assert!(bare.request(ListToolsRequest::default()).await.unwrap().to_string().contains("delete_all"));
        bare.call("delete_all", json!({})).await.unwrap();
        assert_eq!(bare.runs.of("delete_all"), 1, "positive control");
    }
}

#[tokio::test]
async fn rate_limits_hold() {
    let toml = "[policy.rate_limits]\n\"echo\" = \"2/hour\"";
    let scene = Scene::start(Way::Guarded, Door::LEGACY, toml, Fixture::default()).await;
    for _ in 0..2 {
        assert!(scene.call("echo", json!({})).await.unwrap()["isError"] != true);
    }
    assert_refused(&scene.call("echo", json!({})).await, "rate_limited");
    assert_eq!(scene.runs.of("echo"), 2);
    assert!(scene.call("nap", json!({"ms": 0})).await.is_ok(), "another tool");
}

#[tokio::test]
async fn prompts_resources_and_completions_are_judged() {
    let toml = "[policy]\ndenied_tools = [\"greet\"]\ndenied_resources = [\"memo://*\"]";
    for door in DOORS {
        let scene = Scene::start(Way::Guarded, door, toml, Fixture::default()).await;
        let free = Scene::permissive(door).await;
        let mut greet = GetPromptRequestParams::new("greet");
        greet.arguments = json!({"name": "Zoe"}).as_object().cloned();
        let prompt = GetPromptRequest::new(greet.clone());
        let read = ReadResourceRequest::new(ReadResourceRequestParams::new("memo://account"));
        let complete = CompleteRequest::new(CompleteRequestParams::new(
            Reference::for_resource("memo://account"),
            ArgumentInfo::new("id", "1"),
        ));
        let refused = scene.request(read.clone()).await.unwrap_err();
        assert_eq!(refused["data"]["block_reason"], "tool_denied", "{refused}");
        let refused = scene.request(complete.clone()).await.unwrap_err();
        assert_eq!(refused["data"]["block_reason"], "tool_denied", "{refused}");
        assert_eq!((scene.runs.of("memo://account"), scene.runs.of("complete")), (0, 0));
        free.request(read).await.unwrap();
        free.request(complete).await.unwrap();
        assert_eq!((free.runs.of("memo://account"), free.runs.of("complete")), (1, 1), "positive control");

        free.request(prompt).await.unwrap();
        assert_eq!(free.runs.arguments("prompt greet"), json!({"name": "Zoe"}));
        greet.arguments = json!({"name": "Zoe", "ghost": "x"}).as_object().cloned();
        free.request(GetPromptRequest::new(greet.clone())).await.unwrap();
        assert_eq!(free.runs.arguments("prompt greet"), json!({"name": "Zoe"}), "the ghost is stripped");
        greet.arguments = json!({}).as_object().cloned();
        let refused = free.request(GetPromptRequest::new(greet)).await.unwrap_err();
        assert_eq!(refused["data"]["block_reason"], "validation_error", "{refused}");
        assert_eq!(free.runs.of("prompt greet"), 2);
    }
}

#[tokio::test]
async fn contracts_are_learnt_from_all_pages() {
    for door in DOORS {
        let fixture = Fixture { page: 3, ..Fixture::default() };
        let listings = fixture.listings.clone();
        let scene = Scene::start(Way::Guarded, door, "[airlock]\nstrict_mode = true", fixture).await;
        // On the last page, before anybody listed anything.
        assert!(scene.call("echo", json!({})).await.unwrap()["isError"] != true);
        assert_eq!(listings.load(Ordering::SeqCst), 5, "14 tools in pages of 3");
        assert_refused(&scene.call("echo", json!({"loud": true})).await, "ghost_arguments");
        assert_eq!(scene.runs.of("echo"), 1);
        assert_eq!(listings.load(Ordering::SeqCst), 5, "and only once");
        let tools = scene.client.list_all_tools().await.unwrap();
        assert_eq!(tools.len(), 14, "the client sees all pages");
    }
}

#[tokio::test]
async fn a_changed_list_is_learnt_again() {
    for door in LEGACY_DOORS {
        let scene = Scene::strict(door).await;
        assert_refused(&scene.call("grown", json!({"size": 1})).await, "tool_unknown");
        scene.call("grow", json!({})).await.unwrap();
        scene.event("tools changed").await;
        assert!(
            scene.call("grown", json!({"size": 1})).await.unwrap()["isError"] != true,
            "positive control"
        );
        assert_refused(&scene.call("grown", json!({"length": 1})).await, "ghost_arguments");
        // Changed once more, and not shown to the client.
        scene.call("grow", json!({})).await.unwrap();
        assert_refused(&scene.call("grown", json!({"size": 1})).await, "tool_changed");
        scene.request(ListToolsRequest::default()).await.unwrap();
        assert!(scene.call("grown", json!({"size": 1})).await.unwrap()["isError"] != true);
        assert_eq!(scene.runs.of("grown"), 2);
    }
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers() {
    for door in LEGACY_DOORS {
        let scene = Scene::strict(door).await;
        let calls: Vec<_> =
            (0..20)
                .map(|number| {
                    if number % 2 == 0 { json!({"a": 1, "b": number}) } else { json!({"a": 1, "c": number}) }
                })
                .collect();
        let answers: Vec<_> = {
            let mut running: Vec<_> =
                calls.into_iter().map(|call| Box::pin(scene.call("add", call))).collect();
            let mut answers = Vec::new();
            for call in &mut running {
                answers.push(call.await);
            }
            answers
        };
        for (number, answer) in answers.iter().enumerate() {
            if number % 2 == 0 {
                assert_eq!(answer.as_ref().unwrap()["content"][0]["text"], "done");
            } else {
                assert_refused(answer, "ghost_arguments");
            }
        }
        assert_eq!(scene.runs.of("add"), 10);
    }
}

#[tokio::test]
async fn subscriptions_are_judged_by_what_they_name() {
    let toml = "[policy]\ndenied_resources = [\"memo://secret/*\"]";
    for door in [Door::MODERN, Door::MODERN_HANDLER] {
        let scene = Scene::start(Way::Guarded, door, toml, Fixture::default()).await;
        let listen = |uri: &str| {
            let filter = SubscriptionFilter::builder().resource_subscription(uri).build();
            SubscriptionsListenRequest::new(SubscriptionsListenRequestParams::new(filter))
        };
        let refused = scene.request(listen("memo://secret/plan")).await.unwrap_err();
        assert_eq!(refused["data"]["block_reason"], "tool_denied", "{refused}");
        assert_eq!(scene.runs.of("listen"), 0);
        let open =
            tokio::time::timeout(Duration::from_millis(300), scene.request(listen("memo://account"))).await;
        assert!(open.is_err(), "it goes on");
        assert_eq!(scene.runs.of("listen"), 1, "positive control");
    }
}
