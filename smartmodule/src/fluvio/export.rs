//! The functions the broker's engine calls.
//!
//! Written by hand because the code that `#[smartmodule(map)]` generates forgets its output buffer
//! at every call: a stream then dies after about half its memory limit of output. Here the buffer
//! is kept and used again.
#![allow(unsafe_code)] // The engine passes buffers as pointers; everything behind them is safe code in `batch`.

use std::cell::RefCell;

use fluvio_smartmodule::dataplane::smartmodule::{
    SmartModuleInitErrorStatus, SmartModuleTransformErrorStatus,
};

use crate::fluvio::batch::{BatchMapper, InitError, WireError, init as read_params};
use crate::params::Params;

#[cfg(all(feature = "map", feature = "filter-map"))]
compile_error!("a module is either a `map` or a `filter_map`: build one package at a time (-p)");

/// What a mapper makes of a batch.
type Answer = for<'a> fn(&'a mut BatchMapper, &[u8], i16) -> Result<(i32, &'a [u8]), WireError>;

unsafe extern "C" {
    /// The engine's: copies the answer out of this module's memory before it returns.
    fn copy_records(ptr: i32, len: i32);
}

thread_local! {
    static MAPPER: RefCell<Option<BatchMapper>> = const { RefCell::new(None) };
}

fn hand_over(bytes: &[u8]) {
    // SAFETY: pointer and length are those of a live slice, and wasm32 addresses fit 32 bits.
    unsafe { copy_records(bytes.as_ptr() as i32, bytes.len() as i32) }
}

/// Answers a batch, one answer a record.
///
/// # Safety
/// As for [`process`].
#[cfg(feature = "map")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn map(ptr: *mut u8, len: usize, version: i16) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { process(ptr, len, version, BatchMapper::answer) }
}

/// Answers a batch with the events of its mapped records.
///
/// # Safety
/// As for [`process`].
#[cfg(feature = "filter-map")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn filter_map(ptr: *mut u8, len: usize, version: i16) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { process(ptr, len, version, BatchMapper::events) }
}

/// Hands a batch to the mapper and its output to the engine.
///
/// # Safety
/// `ptr` must come from this module's `alloc(len)`, be filled, and not be used afterwards.
unsafe fn process(ptr: *mut u8, len: usize, version: i16, answer: Answer) -> i32 {
    // SAFETY: `alloc` made it as a vector of exactly this capacity and gave it up.
    let input = unsafe { Vec::from_raw_parts(ptr, len, len) };
    MAPPER.with_borrow_mut(|mapper| {
        let mapper = mapper.get_or_insert_with(|| BatchMapper::new(Params::default()));
        match answer(mapper, &input, version) {
            Ok((count, output)) => {
                hand_over(output);
                count
            }
            Err(WireError::Input) => SmartModuleTransformErrorStatus::DecodingBaseInput as i32,
            Err(WireError::Records) => SmartModuleTransformErrorStatus::DecodingRecords as i32,
        }
    })
}

/// Takes the parameters.
///
/// # Safety
/// As for [`process`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn init(ptr: *mut u8, len: usize, version: i16) -> i32 {
    // SAFETY: as in `process`.
    let input = unsafe { Vec::from_raw_parts(ptr, len, len) };
    match read_params(&input, version) {
        Ok(params) => {
            MAPPER.set(Some(BatchMapper::new(params)));
            0
        }
        Err(InitError::Input) => SmartModuleInitErrorStatus::DecodingInput as i32,
        Err(InitError::Parameter(output)) => {
            hand_over(&output);
            SmartModuleInitErrorStatus::InitError as i32
        }
    }
}
