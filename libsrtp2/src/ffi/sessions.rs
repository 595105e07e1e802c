//! Sessions and their streams.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::Ordering;

use srtp::{ExtensionIds, Kind};
use zeroize::Zeroizing;

use super::guard;
use super::handle::{Context, with_session};
use super::packets::mki_index;
use crate::abi::{self, MASTER_KEYS_MAX, MKI_LEN_MAX};
use crate::policy::{self, KEY_LEN_MAX, MasterKey, Policy, Selector};
use crate::session::Session;
use crate::status::Status;

/// Reads a policy.
///
/// # Safety
///
/// What its pointers point to is as long as the policy says.
unsafe fn read(policy: &abi::Policy) -> Result<Policy, Status> {
    if !policy.deprecated_ekt.is_null() {
        return Err(Status::BAD_PARAM);
    }
    let selector = Selector::new(policy.ssrc)?;
    let (suite, key_len) = policy::suite(&policy.rtp, &policy.rtcp)?;
    let repeats = match policy.allow_repeat_tx {
        0 => false,
        1 => true,
        // Memory that nobody has filled in.
        _ => return Err(Status::BAD_PARAM),
    };
    // `unsigned long` has 32 bits on some systems.
    #[allow(clippy::useless_conversion)]
    let window = policy::window(policy.window_size.into())?;
    Ok(Policy {
        selector,
        suite,
        // SAFETY: passed on.
        keys: unsafe { read_keys(policy, key_len)? },
        window,
        repeats,
        // SAFETY: passed on.
        extensions: unsafe { read_extensions(policy) },
        cryptex: false,
    })
}

/// # Safety
///
/// As for [`read`]: each key has `key_len` bytes.
unsafe fn read_keys(policy: &abi::Policy, key_len: usize) -> Result<Vec<MasterKey>, Status> {
    let master_key = |key: *const u8, mki: Box<[u8]>| {
        let mut bytes = Zeroizing::new([0; KEY_LEN_MAX]);
        // SAFETY: a key is as long as the ciphers of its policy take, and `KEY_LEN_MAX` at most.
        unsafe { ptr::copy_nonoverlapping(key, bytes.as_mut_ptr(), key_len) };
        MasterKey { bytes, mki }
    };
    if !policy.key.is_null() {
        return Ok(vec![master_key(policy.key, Box::default())]);
    }
    let count = usize::try_from(policy.num_master_keys).unwrap_or(usize::MAX);
    if !(1..=MASTER_KEYS_MAX).contains(&count) || policy.keys.is_null() {
        return Err(Status::BAD_PARAM);
    }
    let mut keys = Vec::with_capacity(count);
    for place in 0..count {
        // SAFETY: there are so many pointers, as the policy says, and each is null or to a key.
        let Some(key) = (unsafe { (*policy.keys.add(place)).as_ref() }) else {
            return Err(Status::BAD_PARAM);
        };
        let mki_len = key.mki_size as usize;
        if key.key.is_null() || mki_len > MKI_LEN_MAX || (key.mki_id.is_null() && mki_len > 0) {
            return Err(Status::BAD_PARAM);
        }
        let mki = if mki_len == 0 {
            Box::default()
        } else {
            // SAFETY: not null, and so long as the key says.
            unsafe { std::slice::from_raw_parts(key.mki_id, mki_len) }.into()
        };
        keys.push(master_key(key.key, mki));
    }
    Ok(keys)
}

/// # Safety
///
/// As for [`read`].
unsafe fn read_extensions(policy: &abi::Policy) -> ExtensionIds {
    let count = usize::try_from(policy.enc_xtn_hdr_count).unwrap_or(0);
    if policy.enc_xtn_hdr.is_null() || count == 0 {
        return ExtensionIds::NONE;
    }
    // SAFETY: not null, and so many as the policy says.
    let ids = unsafe { std::slice::from_raw_parts(policy.enc_xtn_hdr, count) };
    ids.iter().filter_map(|&id| u8::try_from(id).ok()).collect()
}

/// Runs `work` on each policy of a list.
///
/// # Safety
///
/// The list ends in null, and [`read`] may read each of its policies.
unsafe fn for_each(
    mut policy: *const abi::Policy,
    mut work: impl FnMut(Policy) -> Result<(), Status>,
) -> Result<(), Status> {
    // SAFETY: null, or a policy of the list.
    while let Some(this) = unsafe { policy.as_ref() } {
        // SAFETY: passed on.
        work(unsafe { read(this)? })?;
        policy = this.next;
    }
    Ok(())
}

/// `srtp_create`: makes a session with the streams of a list of policies, which may be empty.
///
/// # Safety
///
/// As `srtp.h` says: pointers are null or valid, keys as long as their policies say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_create(
    session: *mut *mut Context,
    policy: *const abi::Policy,
) -> Status {
    if session.is_null() {
        return Status::BAD_PARAM;
    }
    guard(|| {
        let mut new = Session::default();
        // SAFETY: passed on.
        let added = unsafe { for_each(policy, |policy| new.add(policy)) };
        let context = match added {
            Ok(()) => Box::into_raw(Box::new(Context::new(new))),
            Err(_) => ptr::null_mut(),
        };
        // SAFETY: not null, and the caller's to write.
        unsafe { *session = context };
        added
    })
}

/// `srtp_dealloc`: ends a session; its keys are wiped.
///
/// # Safety
///
/// `context` is null or came from [`srtp_create`], and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_dealloc(context: *mut Context) -> Status {
    if context.is_null() {
        return Status::BAD_PARAM;
    }
    guard(|| {
        // SAFETY: it came from `Box::into_raw`, and is the caller's to end.
        drop(unsafe { Box::from_raw(context) });
        Ok(())
    })
}

/// `srtp_add_stream`: adds the streams of one policy.
///
/// # Safety
///
/// As for [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_add_stream(
    context: *mut Context,
    policy: *const abi::Policy,
) -> Status {
    // SAFETY: passed on; null, or a policy.
    let outcome = unsafe {
        with_session(context, |session, _| {
            let policy = policy.as_ref().ok_or(Status::BAD_PARAM)?;
            session.add(read(policy)?)
        })
    };
    outcome.into()
}

/// `srtp_remove_stream`: removes the stream of an SSRC, which stands in network order here.
///
/// # Safety
///
/// `context` is null or came from [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_remove_stream(context: *mut Context, ssrc: u32) -> Status {
    // SAFETY: passed on.
    let outcome = unsafe { with_session(context, |session, _| session.remove(u32::from_be(ssrc))) };
    outcome.into()
}

/// `srtp_update`: gives the streams of a list of policies other keys and settings.
///
/// # Safety
///
/// As for [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_update(context: *mut Context, policy: *const abi::Policy) -> Status {
    if policy.is_null() {
        return Status::BAD_PARAM;
    }
    // SAFETY: passed on.
    let outcome = unsafe {
        with_session(context, |session, _| {
            for_each(policy, |policy| session.update(policy))
        })
    };
    outcome.into()
}

/// `srtp_update_stream`: the same for one policy.
///
/// # Safety
///
/// As for [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_update_stream(
    context: *mut Context,
    policy: *const abi::Policy,
) -> Status {
    // SAFETY: passed on; null, or a policy.
    let outcome = unsafe {
        with_session(context, |session, _| {
            let policy = policy.as_ref().ok_or(Status::BAD_PARAM)?;
            session.update(read(policy)?)
        })
    };
    outcome.into()
}

/// `srtp_set_stream_use_cryptex`: switches Cryptex (RFC 9335) on or off.
///
/// # Safety
///
/// Pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_set_stream_use_cryptex(
    context: *mut Context,
    ssrc: *const abi::Ssrc,
    enable: c_int,
) -> Status {
    // SAFETY: null or valid.
    let Some(&ssrc) = (unsafe { ssrc.as_ref() }) else {
        return Status::BAD_PARAM;
    };
    // SAFETY: passed on.
    let outcome = unsafe {
        with_session(context, |session, _| {
            session.set_cryptex(Selector::new(ssrc)?, enable != 0)
        })
    };
    outcome.into()
}

/// `srtp_set_stream_roc`: makes the next packet of an SSRC one of this ROC.
///
/// # Safety
///
/// `context` is null or came from [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_set_stream_roc(context: *mut Context, ssrc: u32, roc: u32) -> Status {
    // SAFETY: passed on.
    let outcome = unsafe { with_session(context, |session, _| session.set_roc(ssrc, roc)) };
    outcome.into()
}

/// `srtp_get_stream_roc`: the ROC of an SSRC.
///
/// # Safety
///
/// Pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_get_stream_roc(
    context: *mut Context,
    ssrc: u32,
    roc: *mut u32,
) -> Status {
    if roc.is_null() {
        return Status::BAD_PARAM;
    }
    // SAFETY: passed on; `roc` is not null, and the caller's to write.
    let outcome = unsafe {
        with_session(context, |session, _| {
            *roc = session.roc(ssrc)?;
            Ok(())
        })
    };
    outcome.into()
}

/// `srtp_get_protect_trailer_length`: the most bytes that [`srtp_protect_mki`](super::srtp_protect_mki) adds.
///
/// # Safety
///
/// Pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_get_protect_trailer_length(
    context: *mut Context,
    use_mki: u32,
    index: u32,
    length: *mut u32,
) -> Status {
    // SAFETY: passed on.
    unsafe { trailer_length(context, Kind::Rtp, use_mki, index, length) }
}

/// `srtp_get_protect_rtcp_trailer_length`: the same of RTCP.
///
/// # Safety
///
/// Pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_get_protect_rtcp_trailer_length(
    context: *mut Context,
    use_mki: u32,
    index: u32,
    length: *mut u32,
) -> Status {
    // SAFETY: passed on.
    unsafe { trailer_length(context, Kind::Rtcp, use_mki, index, length) }
}

/// # Safety
///
/// Pointers are null or valid.
unsafe fn trailer_length(
    context: *mut Context,
    kind: Kind,
    use_mki: u32,
    index: u32,
    length: *mut u32,
) -> Status {
    if length.is_null() {
        return Status::BAD_PARAM;
    }
    // SAFETY: passed on; `length` is not null, and the caller's to write.
    let outcome = unsafe {
        with_session(context, |session, _| {
            let longest = session.trailer_len(kind, mki_index(use_mki, index))?;
            // An identifier of 128 bytes at most, a tag and a word.
            *length = longest as u32;
            Ok(())
        })
    };
    outcome.into()
}

/// `srtp_set_user_data`: a pointer for the caller, which is kept and not looked at.
///
/// # Safety
///
/// `context` is null or came from [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_set_user_data(context: *mut Context, data: *mut c_void) {
    // SAFETY: null, or a context that lives.
    if let Some(context) = unsafe { context.as_ref() } {
        context.user_data.store(data, Ordering::Relaxed);
    }
}

/// `srtp_get_user_data`: that pointer.
///
/// # Safety
///
/// `context` is null or came from [`srtp_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srtp_get_user_data(context: *mut Context) -> *mut c_void {
    // SAFETY: null, or a context that lives.
    match unsafe { context.as_ref() } {
        Some(context) => context.user_data.load(Ordering::Relaxed),
        None => ptr::null_mut(),
    }
}
