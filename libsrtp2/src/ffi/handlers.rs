//! What concerns the library as a whole: its handlers, its version, its modules.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::guard;
use crate::abi::{EventHandler, HMAC_SHA1, LogHandler, NULL_AUTH};
use crate::status::Status;
use crate::{events, log};

/// The version of libsrtp whose interface this is.
const VERSION: (u8, u8, u8) = (2, 8, 0);

/// What this library is, with the version of libsrtp whose interface it has in front, as callers expect it.
const VERSION_STRING: &CStr = match CStr::from_bytes_with_nul(
    concat!(
        "libsrtp2 2.8.0 (portcullis ",
        env!("CARGO_PKG_VERSION"),
        ")\0"
    )
    .as_bytes(),
) {
    Ok(version) => version,
    Err(_) => panic!("a string that ends in its only zero"),
};

/// `srtp_init`: nothing is to be done before sessions are made.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_init() -> Status {
    Status::OK
}

/// `srtp_shutdown`: nothing is left but sessions and handlers, which are their owners'.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_shutdown() -> Status {
    Status::OK
}

/// `srtp_install_event_handler`: whom events go to; null for nobody.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_install_event_handler(handler: EventHandler) -> Status {
    guard(|| {
        events::install(handler);
        Ok(())
    })
}

/// `srtp_install_log_handler`: whom messages go to; null for nobody.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_install_log_handler(handler: LogHandler, data: *mut c_void) -> Status {
    guard(|| {
        log::install(handler, data);
        Ok(())
    })
}

/// `srtp_get_version_string`: the version.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_get_version_string() -> *const c_char {
    VERSION_STRING.as_ptr()
}

/// `srtp_get_version`: the version in eight, eight and sixteen bits.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_get_version() -> c_uint {
    let (major, minor, micro) = VERSION;
    c_uint::from(major) << 24 | c_uint::from(minor) << 16 | c_uint::from(micro)
}

/// `srtp_set_debug_module`: there are no modules that could be switched on.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_set_debug_module(_name: *const c_char, _on: c_int) -> Status {
    Status::FAIL
}

/// `srtp_list_debug_modules`: there are none.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_list_debug_modules() -> Status {
    Status::OK
}

/// `srtp_replace_cipher_type`: callers that bring an implementation of a cipher need not know that ours
/// stays in its place.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_replace_cipher_type(cipher: *const c_void, _id: u32) -> Status {
    if cipher.is_null() {
        return Status::BAD_PARAM;
    }
    Status::OK
}

/// `srtp_replace_auth_type`: the same of HMAC-SHA1.
#[unsafe(no_mangle)]
pub extern "C" fn srtp_replace_auth_type(auth: *const c_void, id: u32) -> Status {
    if auth.is_null() || !matches!(id, HMAC_SHA1 | NULL_AUTH) {
        return Status::BAD_PARAM;
    }
    Status::OK
}
