//! Tells the task which platform it was built for; cargo says that only to build scripts.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=XTASK_HOST={}", std::env::var("TARGET").unwrap_or_default());
}
