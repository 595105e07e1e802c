//! Protect and unprotect.

use std::ffi::{c_int, c_uint, c_void};

use srtp::Kind;

use super::handle::{Context, with_session};
use crate::packet::Packet;
use crate::status::Status;
use crate::stream::MkiIndex;

/// Which key a caller names.
pub(super) fn mki_index(use_mki: c_uint, index: c_uint) -> MkiIndex {
    (use_mki != 0).then_some(index)
}

/// Runs a call on a packet, and writes its new length.
///
/// # Safety
///
/// `context` as in [`with_session`]; `start` and `len` as `srtp.h` says: a packet of `*len` bytes, with
/// room behind it for what protection adds.
#[inline]
unsafe fn in_place(
    context: *mut Context,
    start: *mut c_void,
    len: *mut c_int,
    work: impl FnOnce(
        &mut crate::session::Session,
        &mut Packet<'_>,
        &mut crate::events::Events,
    ) -> Result<usize, Status>,
) -> Status {
    if start.is_null() || len.is_null() {
        return Status::BAD_PARAM;
    }
    // SAFETY: not null, and the caller's to read and write.
    let Ok(octets) = usize::try_from(unsafe { *len }) else {
        return Status::BAD_PARAM;
    };
    // SAFETY: as the caller of this function promises.
    let mut packet = unsafe { Packet::new(start.cast(), octets) };
    // SAFETY: the same.
    let outcome = unsafe {
        with_session(context, |session, events| {
            work(session, &mut packet, events)
        })
    };
    match outcome.map(c_int::try_from) {
        Ok(Ok(octets)) => {
            // SAFETY: as above.
            unsafe { *len = octets };
            Status::OK
        }
        Ok(Err(_)) => Status::FAIL,
        Err(status) => status,
    }
}

/// `srtp_protect`: protects an RTP packet in place.
///
/// # Safety
///
/// As `srtp.h` says: pointers are null or valid, and the packet has room for its trailer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_protect(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
) -> Status {
    // SAFETY: passed on.
    unsafe { srtp_protect_mki(context, packet, len, 0, 0) }
}

/// `srtp_protect_mki`: the same with the key at `mki_index`.
///
/// # Safety
///
/// As for [`srtp_protect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_protect_mki(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
    use_mki: c_uint,
    index: c_uint,
) -> Status {
    let mki = mki_index(use_mki, index);
    // SAFETY: passed on.
    unsafe {
        in_place(context, packet, len, |session, packet, events| {
            session.protect(Kind::Rtp, packet, mki, events)
        })
    }
}

/// `srtp_unprotect`: unprotects an SRTP packet in place.
///
/// # Safety
///
/// As `srtp.h` says: pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_unprotect(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
) -> Status {
    // SAFETY: passed on.
    unsafe { srtp_unprotect_mki(context, packet, len, 0) }
}

/// `srtp_unprotect_mki`: the same with the key that the packet names.
///
/// # Safety
///
/// As for [`srtp_unprotect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_unprotect_mki(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
    use_mki: c_uint,
) -> Status {
    // SAFETY: passed on.
    unsafe {
        in_place(context, packet, len, |session, packet, events| {
            session.unprotect(Kind::Rtp, packet, use_mki != 0, events)
        })
    }
}

/// `srtp_protect_rtcp`: protects an RTCP packet in place.
///
/// # Safety
///
/// As for [`srtp_protect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_protect_rtcp(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
) -> Status {
    // SAFETY: passed on.
    unsafe { srtp_protect_rtcp_mki(context, packet, len, 0, 0) }
}

/// `srtp_protect_rtcp_mki`: the same with the key at `mki_index`.
///
/// # Safety
///
/// As for [`srtp_protect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_protect_rtcp_mki(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
    use_mki: c_uint,
    index: c_uint,
) -> Status {
    let mki = mki_index(use_mki, index);
    // SAFETY: passed on.
    unsafe {
        in_place(context, packet, len, |session, packet, events| {
            session.protect(Kind::Rtcp, packet, mki, events)
        })
    }
}

/// `srtp_unprotect_rtcp`: unprotects an SRTCP packet in place.
///
/// # Safety
///
/// As for [`srtp_unprotect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_unprotect_rtcp(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
) -> Status {
    // SAFETY: passed on.
    unsafe { srtp_unprotect_rtcp_mki(context, packet, len, 0) }
}

/// `srtp_unprotect_rtcp_mki`: the same with the key that the packet names.
///
/// # Safety
///
/// As for [`srtp_unprotect`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_unprotect_rtcp_mki(
    context: *mut Context,
    packet: *mut c_void,
    len: *mut c_int,
    use_mki: c_uint,
) -> Status {
    // SAFETY: passed on.
    unsafe {
        in_place(context, packet, len, |session, packet, events| {
            session.unprotect(Kind::Rtcp, packet, use_mki != 0, events)
        })
    }
}
