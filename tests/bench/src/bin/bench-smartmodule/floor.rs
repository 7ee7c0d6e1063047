//! The engine's own cost: a module that ignores its input and hands over ready-made answers.

use std::fmt::Write as _;

use fluvio_protocol::Encoder as _;
use fluvio_protocol::record::Record;
use fluvio_smartmodule::dataplane::smartmodule::SmartModuleOutput;

use crate::engine::{Failure, VERSION};

/// The module that hands over these answers: what is left is the engine.
pub(crate) fn floor_module(answers: Vec<Record>) -> Result<Vec<u8>, Failure> {
    let count = answers.len();
    let output = SmartModuleOutput {
        successes: answers,
        error: None,
    };
    let mut data = Vec::new();
    output.encode(&mut data, VERSION)?;
    let mut text = String::new();
    for byte in &data {
        write!(text, "\\{byte:02x}")?;
    }
    let pages = (data.len() >> 16) + 2;
    let wat = format!(
        r#"(module
  (import "env" "copy_records" (func $copy_records (param i32 i32)))
  (memory (export "memory") {pages})
  (data (i32.const 1024) "{text}")
  (func (export "alloc") (param $length i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub (i32.add (local.get $length) (i32.const {input})) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))))))
    (i32.const {input}))
  (func (export "map") (param i32 i32 i32) (result i32)
    (call $copy_records (i32.const 1024) (i32.const {length}))
    (i32.const {count})))"#,
        input = pages << 16,
        length = data.len(),
    );
    Ok(wat.into_bytes())
}
