//! What goes to the log handler of `srtp_install_log_handler`.

use std::ffi::{CString, c_uint, c_void};
use std::sync::RwLock;

use crate::abi::LogHandler;
use crate::ffi;

/// `srtp_log_level_warning`.
const WARNING: c_uint = 1;
/// `srtp_log_level_error`.
const ERROR: c_uint = 0;

/// A handler and the pointer that it is given.
#[derive(Clone, Copy)]
struct Installed {
    handler: LogHandler,
    /// An address, which only the handler looks at.
    data: usize,
}

static INSTALLED: RwLock<Installed> = RwLock::new(Installed {
    handler: None,
    data: 0,
});

/// Whom messages go to from now on; `None` for nobody.
pub(crate) fn install(handler: LogHandler, data: *mut c_void) {
    let mut installed = INSTALLED.write().unwrap_or_else(|e| e.into_inner());
    *installed = Installed {
        handler,
        data: data as usize,
    };
}

/// Says what an operator should know.
#[cold]
pub(crate) fn warning(message: &str) {
    write(WARNING, message);
}

/// Says what went wrong in here.
#[cold]
pub(crate) fn error(message: &str) {
    write(ERROR, message);
}

fn write(level: c_uint, message: &str) {
    // Copied, so that a handler may install another one.
    let installed = *INSTALLED.read().unwrap_or_else(|e| e.into_inner());
    let Some(handler) = installed.handler else {
        return;
    };
    if let Ok(message) = CString::new(format!("portcullis: {message}")) {
        ffi::call_log_handler(handler, level, &message, installed.data as *mut c_void);
    }
}
