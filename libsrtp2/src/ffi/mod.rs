//! What C calls. Each function checks its pointers, turns them into references and slices, and runs the
//! call inside `guard`, so that no panic unwinds into C.

mod batch;
mod handle;
mod handlers;
mod packets;
mod policies;
mod sessions;

use std::ffi::{CStr, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use batch::*;
pub use handle::Context;
pub use handlers::*;
pub use packets::*;
pub use policies::*;
pub use sessions::*;

use crate::log;
use crate::status::Status;

/// Runs what needs no session; a panic becomes `srtp_err_status_fail`.
fn guard(work: impl FnOnce() -> Result<(), Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.into(),
        Err(_) => Status::FAIL,
    }
}

/// Calls the handler of `srtp_install_log_handler`.
pub(crate) fn call_log_handler(
    handler: unsafe extern "C" fn(c_uint, *const std::ffi::c_char, *mut c_void),
    level: c_uint,
    message: &CStr,
    data: *mut c_void,
) {
    // SAFETY: whoever installed the handler promised that it may be called with this pointer; the message
    // ends in a zero and lives until the handler returns.
    unsafe { handler(level, message.as_ptr(), data) };
}

/// Says that a call panicked, which is a mistake of ours.
#[cold]
fn tell_of_panic() {
    // Whoever handles logs may panic too.
    let _ = catch_unwind(|| log::error("a call panicked; its session answers no more"));
}
