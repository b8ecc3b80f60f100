//! Calls that do not end well: each leaves one record.

use std::time::Duration;

use rmcp::{
    model::{CallToolRequest, CallToolRequestParams, ClientRequest},
    service::PeerRequestOptions,
};
use serde_json::{Value, json};

use crate::{
    fixture::SECRETS,
    scene::{DOORS, Door, LEGACY_DOORS, Scene},
};

#[tokio::test]
async fn a_panic_is_a_failed_call_with_a_safe_error() {
    for door in DOORS {
        let scene = Scene::permissive(door).await;
        for tool in ["crash", "crash_late"] {
            let error = scene.call(tool, json!({})).await.unwrap_err();
            assert!(!SECRETS.iter().any(|secret| error.to_string().contains(secret)), "{error}");
            assert_eq!(scene.runs.of(tool), 1);
            assert_eq!(scene.last_record(), (tool.to_owned(), "failed".to_owned(), None));
        }
        assert!(scene.call("echo", json!({})).await.is_ok(), "the session goes on");
    }
}

async fn start_nap(scene: &Scene, ms: u64) -> rmcp::service::RequestHandle<rmcp::RoleClient> {
    let mut call = CallToolRequestParams::new("nap");
    call.arguments = json!({ "ms": ms }).as_object().cloned();
    let call = ClientRequest::CallToolRequest(CallToolRequest::new(call));
    let handle = scene.client.send_cancellable_request(call, PeerRequestOptions::no_options()).await.unwrap();
    for _ in 0..500 {
        if scene.runs.of("nap") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.runs.of("nap"), 1, "it runs");
    handle
}

#[tokio::test]
async fn a_cancelled_call_is_abandoned() {
    for door in DOORS {
        let scene = Scene::permissive(door).await;
        let handle = start_nap(&scene, 60_000).await;
        handle.cancel(Some("enough".to_owned())).await.unwrap();
        scene.record("nap", "abandoned").await;
        assert!(scene.call("echo", json!({})).await.is_ok(), "the session goes on");
        assert_eq!(scene.runs.of("nap cancelled"), 1, "the server heard of it");
        assert_eq!(scene.records().iter().filter(|record| record["tool"] == "nap").count(), 1);
    }
}

#[tokio::test]
async fn a_call_under_way_when_the_client_goes_is_abandoned() {
    for door in LEGACY_DOORS {
        let scene = Scene::permissive(door).await;
        let handle = start_nap(&scene, 60_000).await;
        let Scene { client, audit, server, .. } = scene;
        client.cancel().await.unwrap();
        drop(handle);
        // rmcp waits a few seconds for what is under way, and then gives up.
        server.waiting().await;
        let records: Vec<Value> =
            audit.records().iter().map(|record| serde_json::from_str(record).unwrap()).collect();
        let record = records.last().unwrap();
        assert_eq!((&record["tool"], &record["result"]), (&json!("nap"), &json!("abandoned")));
    }
}

#[tokio::test]
async fn without_a_place_for_records_nothing_runs() {
    let scene = Scene::permissive(Door::LEGACY).await;
    assert!(scene.call("echo", json!({})).await.unwrap()["isError"] != true, "positive control");
    scene.audit.break_down();
    assert_eq!(scene.call("echo", json!({})).await.unwrap()["isError"], true);
    assert_eq!(scene.runs.of("echo"), 1);
}
