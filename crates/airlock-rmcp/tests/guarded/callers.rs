//! Who calls: the host says so, never the arguments.

use airlock_engine::{AgentId, Caller, Role};
use airlock_rmcp::Airlocked;
use serde_json::json;

use crate::{
    fixture::Fixture,
    scene::{DOORS, Scene, Way, assert_refused},
};

const ADMINS: &str = "[policy]\nallowed_roles = [\"admin\"]\nrequire_agent_id = true";

fn admin() -> Caller {
    Caller {
        agent_id: AgentId::new("agent-7").ok(),
        session_id: None,
        roles: vec![Role::new("admin").unwrap()],
    }
}

async fn scene(
    door: crate::scene::Door,
    adjust: impl FnOnce(Airlocked<Fixture>) -> Airlocked<Fixture> + Send + 'static,
) -> Scene {
    Scene::with(Way::Guarded, door, ADMINS, Fixture::default(), adjust).await
}

#[tokio::test]
async fn nobody_is_let_in_where_a_role_is_required() {
    for door in DOORS {
        let scene = scene(door, |airlocked| airlocked).await;
        assert_refused(&scene.call("echo", json!({})).await, "agent_required");
        let claimed = json!({"agent_id": "agent-7", "roles": ["admin"], "caller": {"agent_id": "agent-7"}});
        assert_refused(&scene.call("echo", claimed).await, "agent_required");
        assert_eq!(scene.runs.of("echo"), 0);
    }
}

#[tokio::test]
async fn the_default_caller_is_who_calls() {
    for door in DOORS {
        let scene = scene(door, |airlocked| airlocked.default_caller(admin())).await;
        assert!(scene.call("echo", json!({})).await.unwrap()["isError"] != true);
        assert_eq!(scene.runs.of("echo"), 1);
        assert_eq!(scene.records().last().unwrap()["agent_id"], "agent-7");
    }
}

#[tokio::test]
async fn a_closure_tells_who_calls() {
    for door in DOORS {
        let scene = scene(door, |airlocked| airlocked.caller(|_| Some(admin()))).await;
        assert!(scene.call("echo", json!({})).await.unwrap()["isError"] != true);
        let lost = self::scene(door, |airlocked| airlocked.caller(|_| None)).await;
        assert_refused(&lost.call("echo", json!({})).await, "agent_required");
        assert_eq!((scene.runs.of("echo"), lost.runs.of("echo")), (1, 0));
    }
}
