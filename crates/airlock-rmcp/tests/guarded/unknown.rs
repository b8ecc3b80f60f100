//! What rmcp does not know as a request of the protocol is refused, not passed around the guard.

use rmcp::model::{ClientNotification, CustomNotification, CustomRequest};
use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    scene::{DOORS, Scene, Way, assert_leaks, assert_masked, assert_refused},
};

#[tokio::test]
async fn unknown_requests_are_refused() {
    for door in DOORS {
        let bare = Scene::bare(door).await;
        assert_leaks(&bare.request(CustomRequest::new("vendor/thing", Some(json!({"a": 1})))).await.unwrap());
        assert_eq!(bare.runs.of("vendor/thing"), 1, "positive control");

        let scene = Scene::permissive(door).await;
        for method in ["vendor/thing", "tools/Call", "tasks/result"] {
            let refused = scene.request(CustomRequest::new(method, Some(json!({"a": 1})))).await.unwrap_err();
            assert_eq!(refused["data"]["block_reason"], "malformed_message", "{refused}");
            assert_eq!(scene.runs.of(method), 0);
            assert_eq!(scene.last_record().1, "blocked");
        }
    }
}

/// rmcp takes a call whose parameters it cannot read for a request of its own making. It is judged as the call that it
/// is, and never reaches the server as something else.
#[tokio::test]
async fn a_call_that_rmcp_cannot_read_is_refused() {
    for door in DOORS {
        let call = |params: Value| CustomRequest::new("tools/call", Some(params));
        let listed = json!({"name": "delete_all", "arguments": ["no", "object"]});
        let admissible = json!({"name": "delete_all", "arguments": {}, "requestState": 5});
        let bare = Scene::bare(door).await;
        assert!(bare.request(call(admissible.clone())).await.is_ok());
        assert_eq!(bare.runs.of("tools/call"), 1, "positive control");

        let scene = Scene::permissive(door).await;
        assert_refused(&scene.request(call(listed)).await, "validation_error");
        let error = scene.request(call(admissible)).await.unwrap_err();
        assert_eq!(error["code"], -32602, "{error}");
        assert_eq!(scene.last_record(), ("delete_all".to_owned(), "failed".to_owned(), None));
        assert_eq!((scene.runs.of("tools/call"), scene.runs.of("delete_all")), (0, 0));
    }
}

#[tokio::test]
async fn unknown_notifications_are_dropped() {
    for door in DOORS {
        let (bare, scene) = (Scene::bare(door).await, Scene::permissive(door).await);
        for scene in [&bare, &scene] {
            for method in ["vendor/note", "tools/call"] {
                let note = CustomNotification::new(method, Some(json!({"name": "delete_all"})));
                scene.client.send_notification(ClientNotification::CustomNotification(note)).await.unwrap();
            }
            // Comes after them.
            scene.call("echo", json!({})).await.unwrap();
            scene.call("nap", json!({"ms": 20})).await.unwrap();
        }
        assert_eq!((bare.runs.of("vendor/note"), bare.runs.of("tools/call")), (1, 1), "positive control");
        assert_eq!((scene.runs.of("vendor/note"), scene.runs.of("tools/call")), (0, 0));
    }
}

#[tokio::test]
async fn a_custom_method_can_be_allowed_and_is_masked() {
    for door in DOORS {
        let allow =
            |airlocked: airlock_rmcp::Airlocked<Fixture>| airlocked.allow_custom_method("vendor/thing");
        let scene = Scene::with(Way::Guarded, door, "", Fixture::default(), allow).await;
        let answer = scene.request(CustomRequest::new("vendor/thing", None)).await.unwrap();
        assert_masked(&answer);
        assert_eq!(scene.runs.of("vendor/thing"), 1);
        assert!(scene.request(CustomRequest::new("vendor/other", None)).await.is_err());
    }
}
