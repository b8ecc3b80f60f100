//! With nothing to refuse and nothing to mask, the guard is not there: every byte passes as it is, in both
//! directions, for each real server and each revision of the protocol that it speaks.
#![cfg(unix)]

use std::path::Path;

use airlock_e2e::{
    Ended, Guarded, Outcome, Peer, Revision, Session, Setting, Step, Tee, or_skip, peers, script, wire,
};
use serde_json::json;

/// Plays a script directly and through the guard, and compares the bytes.
fn same_bytes(peer: Peer, script: &dyn Fn(&Path) -> Vec<Step>) -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    peers::fill(folder)?;
    let Some(server) = or_skip(peer.command(folder))? else {
        return Ok(());
    };
    let (direct_tee, direct_server) = Tee::before(&server, folder, "direct")?;
    let direct = played(Session::start(&direct_server, folder)?, &script(folder))?;

    let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
    let guarded = Guarded::new(Setting::Transparent, folder, &recorded)?;
    let through = played(Session::start(&guarded.command, folder)?, &script(folder))?;
    let status = through.status.ok_or("the guard did not end")?;
    assert!(status.success(), "{status}: {}", through.stderr);

    // What the client sent is what the server got, and the other way round, in order.
    wire::expect_same("what the server got", &tee.received()?, &through.sent)?;
    wire::expect_same("what the client got", &through.received, &tee.sent()?)?;
    // The recorder itself changes nothing.
    wire::expect_same("the recorder", &direct.received, &direct_tee.sent()?)?;
    // And the session is the one that runs without the guard. Servers send notifications when they like, so
    // the order of the two runs may differ.
    wire::expect_same("the session", &sorted(through.received), &sorted(direct.received))
}

fn played(mut session: Session, script: &[Step]) -> Outcome<Ended> {
    session.answer("roots/list", json!({"roots": [{"uri": "file:///tmp", "name": "tmp", "x-vendor": 1}]}));
    session.answer(
        "sampling/createMessage",
        json!({"role": "assistant", "content": {"type": "text", "text": "Grüße"}, "model": "none"}),
    );
    session
        .answer("elicitation/create", json!({"action": "accept", "content": {"name": "Zoë", "check": true}}));
    session.play(script)?;
    session.end()
}

fn sorted(mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    lines.sort();
    lines
}

/// One test per server, so that they run beside each other.
fn each_revision(peer: Peer) -> Outcome {
    for &revision in peer.revisions() {
        same_bytes(peer, &|folder| script::session(peer, revision, folder))
            .map_err(|error| format!("{revision:?}: {error}"))?;
    }
    Ok(())
}

#[test]
fn filesystem_server() -> Outcome {
    each_revision(Peer::Filesystem)
}

#[test]
fn everything_server() -> Outcome {
    each_revision(Peer::Everything)
}

#[test]
fn python_server() -> Outcome {
    each_revision(Peer::Python)
}

#[test]
fn rmcp_server() -> Outcome {
    each_revision(Peer::Rmcp)
}

#[test]
fn server_asks_the_client() -> Outcome {
    same_bytes(Peer::Everything, &|_| script::server_asks())
}

/// The guard has to learn the tools by itself then, and nobody may notice.
#[test]
fn call_before_any_list() -> Outcome {
    for peer in Peer::LEAKING {
        for &revision in peer.revisions() {
            same_bytes(peer, &|_| call_first(revision))
                .map_err(|error| format!("{peer:?} {revision:?}: {error}"))?;
        }
    }
    Ok(())
}

fn call_first(revision: Revision) -> Vec<Step> {
    let mut steps = script::opening(revision, &json!({}));
    steps.push(Step::Send(script::call(revision, "add", "add", r#"{"a":2,"b":40}"#)));
    steps
}

/// Answers find their calls, in whatever order the server gives them.
#[test]
fn many_calls_in_flight() -> Outcome {
    const CALLS: usize = 64;
    for peer in Peer::LEAKING {
        let sent_and_received = |session: &mut Session| {
            for id in 0..CALLS {
                // No list before: the guard learns the tools while the calls wait.
                let line = script::call(Revision::V2025Nov, &format!("call-{id}"), "add", r#"{"a":1,"b":2}"#);
                session.send(&line)?;
            }
            for _ in 0..CALLS {
                session.wait_for("an answer", |line| wire::response_id(line).is_some())?;
            }
            Ok(())
        };
        recorded_both_ways(peer, &sent_and_received)?;
    }
    Ok(())
}

/// A cancelled call is the server's business, and gets no answer from the guard either.
#[test]
fn cancelled_call() -> Outcome {
    recorded_both_ways(Peer::Rmcp, &|session| {
        session.ask(&script::request(Revision::V2025Nov, "list", "tools/list", &json!({})))?;
        session.send(&script::call(Revision::V2025Nov, "nap", "nap", r#"{"milliseconds":60000}"#))?;
        let cancel = json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": "nap", "reason": "woke up"},
        });
        session.send(&cancel.to_string())?;
        session.ask(r#"{"jsonrpc":"2.0","id":"after","method":"ping"}"#)?;
        Ok(())
    })
}

/// Runs a session through a transparent guard, and compares both sides of the guard.
fn recorded_both_ways(peer: Peer, run: &dyn Fn(&mut Session) -> Outcome) -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let Some(server) = or_skip(peer.command(folder))? else {
        return Ok(());
    };
    let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
    let guarded = Guarded::new(Setting::Transparent, folder, &recorded)?;
    let mut session = Session::start(&guarded.command, folder)?;
    session.play(&script::opening(Revision::V2025Nov, &json!({})))?;
    run(&mut session)?;
    let ended = session.end()?;
    wire::expect_same("what the server got", &tee.received()?, &ended.sent)?;
    wire::expect_same("what the client got", &ended.received, &tee.sent()?)
}
