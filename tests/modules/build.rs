//! As for the SmartModule itself: from Rust 1.96 on the linker has to be told that the broker
//! provides `copy_records`.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=--allow-undefined");
    }
    println!("cargo::rerun-if-changed=../build.rs");
}
