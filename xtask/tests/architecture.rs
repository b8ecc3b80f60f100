//! The picture of crates in ARCHITECTURE.md, held against `cargo metadata`, so that it cannot lie.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// The arrows between our crates: who may use whom, tests and benchmarks apart.
const ARROWS: &[(&str, &[&str])] = &[
    ("airlock-scan", &[]),
    ("airlock-engine", &["airlock-scan"]),
    ("airlock-host", &["airlock-engine", "airlock-scan"]),
    ("airlock-macros", &[]),
    ("agent-airlock", &["airlock-engine", "airlock-host", "airlock-macros", "airlock-sandbox"]),
    ("airlock-mcp", &["airlock-engine"]),
    ("airlock-rmcp", &["airlock-engine", "airlock-host", "airlock-mcp"]),
    ("airlock-gateway", &["airlock-engine", "airlock-host", "airlock-mcp"]),
    ("airlock-sandbox", &[]),
    ("airlock-e2b", &["airlock-sandbox"]),
    (
        "airlock-cli",
        &[
            "airlock-e2b",
            "airlock-engine",
            "airlock-gateway",
            "airlock-host",
            "airlock-mcp",
            "airlock-sandbox",
            "airlock-scan",
        ],
    ),
    ("airlock-testkit", &["airlock-engine", "airlock-sandbox"]),
    ("airlock-examples", &["airlock-rmcp"]),
    ("airlock-e2e", &["airlock-rmcp", "airlock-testkit"]),
    ("xtask", &[]),
];

/// The end-to-end suite and the examples are no part of the product and may use what they like.
const SUITES: &[&str] = &["airlock-e2e", "airlock-examples"];

/// Dependencies that isolate something: each has one owner.
const OWNERS: &[(&str, &str)] = &[
    ("jsonschema", "airlock-engine"),
    ("toml", "airlock-engine"),
    ("regex", "airlock-engine"),
    ("unicode-normalization", "airlock-engine"),
    ("signal-hook", "airlock-gateway"),
    ("landlock", "airlock-sandbox"),
    ("libc", "airlock-sandbox"),
    ("ureq", "airlock-e2b"),
    ("rustls", "airlock-e2b"),
    ("getrandom", "airlock-host"),
    ("schemars", "agent-airlock"),
    ("syn", "airlock-macros"),
    ("clap", "airlock-cli"),
    ("rmcp", "airlock-rmcp"),
    ("tokio", "airlock-rmcp"),
    ("rusqlite", "airlock-examples"),
];

/// Crate → names of its normal dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let own = package["dependencies"].as_array().unwrap().iter();
            (name(package), own.filter(|dependency| dependency["kind"].is_null()).map(name).collect())
        })
        .collect()
}

#[test]
fn arrows_point_to_the_engine() {
    let crates = dependencies();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        crates.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ours,
        "a new crate needs its arrows"
    );
    for (name, allowed) in ARROWS {
        let used: Vec<&str> = crates[*name]
            .iter()
            .map(String::as_str)
            .filter(|used| ours.contains(used) && !allowed.contains(used))
            .collect();
        assert!(used.is_empty(), "{name} must not use {used:?}");
    }
}

#[test]
fn heavy_dependencies_have_one_owner() {
    let crates = dependencies();
    for (dependency, owner) in OWNERS {
        let users: Vec<&str> = crates
            .iter()
            .filter(|(_, used)| used.contains(*dependency))
            .map(|(name, _)| name.as_str())
            .filter(|user| !SUITES.contains(user) || user == owner)
            .collect();
        assert_eq!(users, [*owner], "{dependency} belongs to {owner}");
    }
}

#[test]
fn the_core_has_no_runtime_and_no_io() {
    let crates = dependencies();
    for pure in ["airlock-scan", "airlock-engine", "airlock-mcp"] {
        for banned in ["tokio", "rustix", "libc", "signal-hook", "getrandom", "tempfile", "clap"] {
            assert!(!crates[pure].contains(banned), "{pure} must not use {banned}");
        }
    }
}
