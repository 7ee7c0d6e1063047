;; A SmartModule for tests of the broker itself. The first byte of a record's value is its script:
;;   -  the record is dropped, as a filter drops it
;;   !  an error ends the pass over its batch
;;   *  a trap
;;   anything else: the record passes unchanged
;; Text instead of a built module, because then no test needs a wasm compiler; the engine's `Module::new` takes both.
(module
  (import "env" "copy_records" (func $copy_records (param i32 i32)))
  (memory (export "memory") 2)
  (global $at (mut i32) (i32.const 0))

  ;; The host writes one input per call, so there is one place for it.
  (func (export "alloc") (param $length i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub (i32.add (local.get $length) (i32.const 66560)) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))))))
    (i32.const 1024))

  ;; Reads a zigzag varint and moves on.
  (func $varint (result i64)
    (local $byte i64) (local $shift i64) (local $value i64)
    (loop $more
      (local.set $byte (i64.load8_u (global.get $at)))
      (call $skip (i32.const 1))
      (local.set $value (i64.or (local.get $value)
        (i64.shl (i64.and (local.get $byte) (i64.const 127)) (local.get $shift))))
      (local.set $shift (i64.add (local.get $shift) (i64.const 7)))
      (br_if $more (i64.ge_u (local.get $byte) (i64.const 128))))
    (i64.xor (i64.shr_u (local.get $value) (i64.const 1))
      (i64.sub (i64.const 0) (i64.and (local.get $value) (i64.const 1)))))

  (func $skip (param $bytes i32) (global.set $at (i32.add (global.get $at) (local.get $bytes))))

  ;; Numbers are big-endian in the protocol and little-endian in wasm.
  (func $swap (param $number i32) (result i32)
    (i32.or
      (i32.rotl (i32.and (local.get $number) (i32.const 0xFF00FF00)) (i32.const 8))
      (i32.rotr (i32.and (local.get $number) (i32.const 0x00FF00FF)) (i32.const 8))))

  ;; Input: base offset (8 bytes), length of the records (4), number of records (4), records, base timestamp (8).
  ;; Output, written over the input: number of records (4), records, whether there is an error (1), the error.
  (func (export "filter") (param $input i32) (param $length i32) (param $version i32) (result i32)
    (local $left i32) (local $kept i32) (local $out i32) (local $start i32) (local $end i32) (local $script i32)
    (local $delta i64)
    (local.set $left (call $swap (i32.load (i32.add (local.get $input) (i32.const 12)))))
    (local.set $out (i32.add (local.get $input) (i32.const 16)))
    (global.set $at (local.get $out))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $start (global.get $at))
        (local.set $end (i32.wrap_i64 (call $varint)))
        (local.set $end (i32.add (local.get $end) (global.get $at)))
        (call $skip (i32.const 1))
        (drop (call $varint))
        (local.set $delta (call $varint))
        (if (i32.load8_u (global.get $at))
          (then
            (call $skip (i32.const 1))
            (call $skip (i32.wrap_i64 (call $varint))))
          (else (call $skip (i32.const 1))))
        (local.set $script
          (if (result i32) (i64.eqz (call $varint)) (then (i32.const 0)) (else (i32.load8_u (global.get $at)))))
        (if (i32.eq (local.get $script) (i32.const 42)) (then (unreachable)))
        (if (i32.eq (local.get $script) (i32.const 33))
          (then
            ;; hint "no" (2-byte length), true offset, kind, no key, empty value
            (i32.store8 (local.get $out) (i32.const 1))
            (i32.store (i32.add (local.get $out) (i32.const 1)) (i32.const 0x6F6E0200))
            (local.set $delta (i64.add (local.get $delta)
              (i64.extend_i32_u (call $swap (i32.load (i32.add (local.get $input) (i32.const 4)))))))
            (i32.store (i32.add (local.get $out) (i32.const 5)) (i32.const 0))
            (i32.store (i32.add (local.get $out) (i32.const 9)) (call $swap (i32.wrap_i64 (local.get $delta))))
            (i32.store (i32.add (local.get $out) (i32.const 13)) (i32.const 0))
            (i32.store (i32.add (local.get $input) (i32.const 12)) (call $swap (local.get $kept)))
            (call $copy_records
              (i32.add (local.get $input) (i32.const 12))
              (i32.sub (i32.add (local.get $out) (i32.const 16)) (i32.add (local.get $input) (i32.const 12))))
            (return (local.get $kept))))
        (if (i32.ne (local.get $script) (i32.const 45))
          (then
            (memory.copy (local.get $out) (local.get $start) (i32.sub (local.get $end) (local.get $start)))
            (local.set $out (i32.add (local.get $out) (i32.sub (local.get $end) (local.get $start))))
            (local.set $kept (i32.add (local.get $kept) (i32.const 1)))))
        (global.set $at (local.get $end))
        (br $next)))
    (i32.store (i32.add (local.get $input) (i32.const 12)) (call $swap (local.get $kept)))
    (i32.store8 (local.get $out) (i32.const 0))
    (call $copy_records
      (i32.add (local.get $input) (i32.const 12))
      (i32.sub (i32.add (local.get $out) (i32.const 1)) (i32.add (local.get $input) (i32.const 12))))
    (local.get $kept))
)
