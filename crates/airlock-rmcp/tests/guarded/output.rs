//! What comes back: masked wherever a model reads it.

use rmcp::model::{
    ArgumentInfo, CompleteRequest, CompleteRequestParams, GetPromptRequest, GetPromptRequestParams,
    LoggingLevel, LoggingMessageNotificationParam, ReadResourceRequest, ReadResourceRequestParams, Reference,
};
use serde_json::json;

use crate::{
    fixture::{Fixture, leak},
    scene::{DOORS, Door, LEGACY_DOORS, Scene, Server, Way, assert_leaks, assert_masked},
};

#[tokio::test]
async fn tool_results_are_masked() {
    for door in DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        let (leaked, masked) =
            (bare.call("account", json!({})).await.unwrap(), scene.call("account", json!({})).await.unwrap());
        for place in ["/content/0/text", "/structuredContent", "/_meta/note"] {
            assert_leaks(leaked.pointer(place).unwrap());
            assert_masked(masked.pointer(place).unwrap());
        }
        let expected = json!({"api_key": "***REDACTED***", "user_ssn": "***-**-6789"});
        assert_eq!(masked["structuredContent"], expected);
        assert_eq!(masked["_meta"]["exact"], leaked["_meta"]["exact"], "what was not masked is what it was");
        assert_eq!(masked.get("resultType"), leaked.get("resultType"));

        for (tool, places) in [
            ("account_error", vec!["/content/0/text"]),
            ("account_file", vec!["/content/0/resource/text", "/content/1/description"]),
        ] {
            let (leaked, masked) =
                (bare.call(tool, json!({})).await.unwrap(), scene.call(tool, json!({})).await.unwrap());
            assert_eq!(leaked["isError"], masked["isError"]);
            for place in places {
                assert_leaks(leaked.pointer(place).unwrap());
                assert_masked(masked.pointer(place).unwrap());
            }
        }
        assert_eq!(scene.last_record().1, "allowed");
    }
}

#[tokio::test]
async fn errors_are_masked() {
    for door in DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        let leaked = bare.call("account_denied", json!({})).await.unwrap_err();
        let masked = scene.call("account_denied", json!({})).await.unwrap_err();
        for place in ["/message", "/data"] {
            assert_leaks(leaked.pointer(place).unwrap());
            assert_masked(masked.pointer(place).unwrap());
        }
        assert_eq!(leaked["code"], masked["code"]);
        assert_eq!(scene.last_record(), ("account_denied".to_owned(), "failed".to_owned(), None));
    }
}

#[tokio::test]
async fn prompts_resources_and_completions_are_masked() {
    for door in DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        let mut greet = GetPromptRequestParams::new("greet");
        greet.arguments = json!({"name": "Zoe"}).as_object().cloned();
        let prompt = GetPromptRequest::new(greet);
        let read = ReadResourceRequest::new(ReadResourceRequestParams::new("memo://account"));
        let complete = CompleteRequest::new(CompleteRequestParams::new(
            Reference::for_prompt("greet"),
            ArgumentInfo::new("name", "Z"),
        ));
        assert_leaks(&bare.request(prompt.clone()).await.unwrap());
        assert_masked(&scene.request(prompt).await.unwrap());
        assert_leaks(&bare.request(read.clone()).await.unwrap());
        assert_masked(&scene.request(read).await.unwrap());
        assert_leaks(&bare.request(complete.clone()).await.unwrap());
        assert_masked(&scene.request(complete).await.unwrap());
    }
}

#[tokio::test]
async fn instructions_are_masked() {
    for door in LEGACY_DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        let instructions = |scene: &Scene| scene.client.peer_info().unwrap().instructions.clone().unwrap();
        assert_leaks(&instructions(&bare));
        assert_masked(&instructions(&scene));
    }
}

#[tokio::test]
async fn progress_and_log_messages_are_masked() {
    for door in DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        bare.call("account_events", json!({})).await.unwrap();
        scene.call("account_events", json!({})).await.unwrap();
        for event in ["progress", "log"] {
            assert_leaks(&bare.event(event).await);
            assert_masked(&scene.event(event).await);
        }
        assert_eq!(scene.event("progress").await["progress"]["progress"], 1.0);
    }
}

/// The host may keep a handle, too: what it says passes the guard like everything else.
#[tokio::test]
async fn what_the_host_says_by_itself_is_masked() {
    let scene = Scene::permissive(Door::LEGACY).await;
    let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, leak());
    let Server::Guarded(server) = &scene.server else { panic!("it is guarded") };
    server.peer().notify_logging_message(message).await.unwrap();
    assert_masked(&scene.event("log").await);
}

#[tokio::test]
async fn what_the_server_asks_is_masked_and_answered() {
    for door in LEGACY_DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        for scene in [&bare, &scene] {
            let answer = scene.call("ask", json!({})).await.unwrap();
            assert!(answer["content"][0]["text"].as_str().unwrap().contains("forty-two"), "{answer}");
        }
        assert_leaks(&bare.event("asked").await);
        assert_masked(&scene.event("asked").await);
    }
}

#[tokio::test]
async fn long_output_is_cut_and_stays_what_it_was() {
    let toml = "[airlock]\nmax_output_chars = 300";
    for door in DOORS {
        let scene = Scene::start(Way::Guarded, door, toml, Fixture::default()).await;
        let cut = scene.call("long", json!({})).await.unwrap();
        assert!(cut["content"].to_string().contains("[airlock: "), "{cut}");
        assert!(cut["structuredContent"]["lines"].is_array(), "{cut}");
        assert!(cut.to_string().len() < 1_500, "{cut}");
        let whole = Scene::bare(door).await.call("long", json!({})).await.unwrap();
        assert!(whole.to_string().len() > 2_000, "positive control");
    }
}
