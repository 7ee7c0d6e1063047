//! Lets the wasm import `copy_records` from the broker.
//!
//! From Rust 1.96 on the linker refuses undefined symbols in wasm by default, and the SmartModule's
//! host function is declared without an import module, so it is undefined until the broker provides
//! it.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=--allow-undefined");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
