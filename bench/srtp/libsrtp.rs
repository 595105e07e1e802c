//! libsrtp as a shared library that is loaded at run time: versions 2 and 3, whose interfaces
//! differ.
//!
//! `PORTCULLIS_LIBSRTP` names them: `libsrtp-openssl=PATH,libsrtp-boringssl=PATH`.

use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::ptr;
use std::sync::Arc;

use libloading::Library as Shared;
use srtp::Profile;

use crate::peer::{Mode, Packet, Peer, SESSIONS, Sessions, master};

const VARIABLE: &str = "PORTCULLIS_LIBSRTP";

/// `sec_serv_conf_and_auth`.
const CONFIDENTIAL_AND_AUTHENTIC: c_uint = 3;
/// `ssrc_any_inbound` and `ssrc_any_outbound`.
const ANY_INBOUND: c_uint = 2;
const ANY_OUTBOUND: c_uint = 3;

/// `srtp_crypto_policy_t`; version 2 counts in `int`, version 3 in `size_t`.
#[repr(C)]
#[derive(Clone, Copy)]
struct CryptoPolicy<L> {
    cipher_type: u32,
    cipher_key_len: L,
    auth_type: u32,
    auth_key_len: L,
    auth_tag_len: L,
    services: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Ssrc {
    kind: c_uint,
    value: c_uint,
}

/// `srtp_policy_t` of version 2.
#[repr(C)]
struct Policy2 {
    ssrc: Ssrc,
    rtp: CryptoPolicy<c_int>,
    rtcp: CryptoPolicy<c_int>,
    key: *const u8,
    keys: *const c_void,
    key_count: c_ulong,
    deprecated_ekt: *const c_void,
    window: c_ulong,
    repeat: c_int,
    extensions: *const c_int,
    extension_count: c_int,
    next: *const c_void,
}

/// `srtp_policy_t` of version 3.
#[repr(C)]
struct Policy3 {
    ssrc: Ssrc,
    rtp: CryptoPolicy<usize>,
    rtcp: CryptoPolicy<usize>,
    key: *const u8,
    keys: *const c_void,
    key_count: usize,
    use_mki: bool,
    mki_size: usize,
    window: usize,
    repeat: bool,
    extensions: *const u8,
    extension_count: usize,
    cryptex: bool,
    next: *const c_void,
}

type Context = *mut c_void;
type Init = unsafe extern "C" fn() -> c_int;
type Version = unsafe extern "C" fn() -> c_uint;
type Create = unsafe extern "C" fn(*mut Context, *const c_void) -> c_int;
type Dealloc = unsafe extern "C" fn(Context) -> c_int;
/// `srtp_protect` and `srtp_unprotect` of version 2.
type InPlace = unsafe extern "C" fn(Context, *mut c_void, *mut c_int) -> c_int;
type Protect3 =
    unsafe extern "C" fn(Context, *const u8, usize, *mut u8, *mut usize, usize) -> c_int;
type Unprotect3 = unsafe extern "C" fn(Context, *const u8, usize, *mut u8, *mut usize) -> c_int;

#[derive(Clone, Copy)]
enum Calls {
    Two {
        protect: InPlace,
        unprotect: InPlace,
    },
    Three {
        protect: Protect3,
        unprotect: Unprotect3,
    },
}

/// One shared library.
pub(crate) struct Library {
    name: String,
    version: c_uint,
    shared: Arc<Shared>,
    calls: Calls,
}

/// The libraries that the environment names.
pub(crate) fn libraries() -> Vec<Library> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    let entries = named.split(',').filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (name, path) = entry
                .split_once('=')
                .expect("PORTCULLIS_LIBSRTP has NAME=PATH");
            Library::load(name, path).unwrap_or_else(|e| panic!("{path}: {e}"))
        })
        .collect()
}

impl Library {
    fn load(name: &str, path: &str) -> Result<Self, libloading::Error> {
        // SAFETY: the names and types are those of libsrtp's header, of the version that the
        // library tells.
        unsafe {
            let shared = Shared::new(path)?;
            let version = shared.get::<Version>(b"srtp_get_version")?();
            assert_eq!(shared.get::<Init>(b"srtp_init")?(), 0, "{path}: srtp_init");
            let calls = if version >> 24 < 3 {
                Calls::Two {
                    protect: *shared.get::<InPlace>(b"srtp_protect")?,
                    unprotect: *shared.get::<InPlace>(b"srtp_unprotect")?,
                }
            } else {
                Calls::Three {
                    protect: *shared.get::<Protect3>(b"srtp_protect")?,
                    unprotect: *shared.get::<Unprotect3>(b"srtp_unprotect")?,
                }
            };
            Ok(Self {
                name: name.to_owned(),
                version,
                shared: Arc::new(shared),
                calls,
            })
        }
    }

    fn create(&self, profile: Profile, session: usize, direction: c_uint) -> Option<Context> {
        let (key, salt) = master(profile, session);
        let key = [key, salt].concat();
        let ssrc = Ssrc {
            kind: direction,
            value: 0,
        };
        let mut context = ptr::null_mut();
        // SAFETY: the policies have the layout of the version, and live as long as the call.
        let status = unsafe {
            let create = self.shared.get::<Create>(b"srtp_create").ok()?;
            match self.calls {
                Calls::Two { .. } => {
                    let rtp = policy(profile, |n| n as c_int)?;
                    create(
                        &mut context,
                        ptr::from_ref(&policy2(ssrc, rtp, &key)).cast(),
                    )
                }
                Calls::Three { .. } => {
                    let rtp = policy(profile, |n| n)?;
                    create(
                        &mut context,
                        ptr::from_ref(&policy3(ssrc, rtp, &key)).cast(),
                    )
                }
            }
        };
        (status == 0).then_some(context)
    }
}

fn policy2(ssrc: Ssrc, rtp: CryptoPolicy<c_int>, key: &[u8]) -> Policy2 {
    Policy2 {
        ssrc,
        rtp,
        rtcp: rtp,
        key: key.as_ptr(),
        keys: ptr::null(),
        key_count: 0,
        deprecated_ekt: ptr::null(),
        window: 1024,
        repeat: 0,
        extensions: ptr::null(),
        extension_count: 0,
        next: ptr::null(),
    }
}

fn policy3(ssrc: Ssrc, rtp: CryptoPolicy<usize>, key: &[u8]) -> Policy3 {
    Policy3 {
        ssrc,
        rtp,
        rtcp: rtp,
        key: key.as_ptr(),
        keys: ptr::null(),
        key_count: 0,
        use_mki: false,
        mki_size: 0,
        window: 1024,
        repeat: false,
        extensions: ptr::null(),
        extension_count: 0,
        cryptex: false,
        next: ptr::null(),
    }
}

/// libsrtp's numbers of ciphers and MACs, the same in both versions.
fn policy<L>(profile: Profile, len: impl Fn(usize) -> L) -> Option<CryptoPolicy<L>> {
    const NULL: u32 = 0;
    const ICM_128: u32 = 1;
    const ICM_256: u32 = 5;
    const GCM_128: u32 = 6;
    const GCM_256: u32 = 7;
    const HMAC_SHA1: u32 = 3;
    let (cipher_type, auth_type) = match profile {
        Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => (ICM_128, HMAC_SHA1),
        Profile::Aes256CmSha1_80 | Profile::Aes256CmSha1_32 => (ICM_256, HMAC_SHA1),
        Profile::AeadAes128Gcm => (GCM_128, NULL),
        Profile::AeadAes256Gcm => (GCM_256, NULL),
        // The policies that libsrtp has for the NULL profiles leave out the master salt, so that
        // nobody else understands them.
        _ => return None,
    };
    Some(CryptoPolicy {
        cipher_type,
        cipher_key_len: len(profile.key_len() + profile.salt_len()),
        auth_type,
        auth_key_len: len(if auth_type == HMAC_SHA1 { 20 } else { 0 }),
        auth_tag_len: len(profile.rtp_tag_len()),
        services: CONFIDENTIAL_AND_AUTHENTIC,
    })
}

impl Peer for Library {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> String {
        let [major, minor, micro, _] = self.version.to_be_bytes();
        format!("{major}.{minor}.{micro}")
    }

    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
        let all = |direction| -> Option<Vec<Context>> {
            (0..SESSIONS)
                .map(|session| self.create(profile, session, direction))
                .collect()
        };
        let (out, back) = (all(ANY_OUTBOUND)?, all(ANY_INBOUND)?);
        Some(Box::new(Contexts {
            out,
            back,
            calls: self.calls,
            shared: self.shared.clone(),
        }))
    }
}

struct Contexts {
    out: Vec<Context>,
    back: Vec<Context>,
    calls: Calls,
    shared: Arc<Shared>,
}

impl Sessions for Contexts {
    fn protect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (&context, packet) in self.out.iter().zip(packets) {
            // SAFETY: the context is alive, and the buffer has room behind the packet.
            let status = unsafe {
                match self.calls {
                    Calls::Two { protect, .. } => in_place(protect, context, packet),
                    Calls::Three { protect, .. } => {
                        let (len, mut room) = (packet.len, packet.room().len());
                        let data = packet.room().as_mut_ptr();
                        let status = protect(context, data, len, data, &mut room, 0);
                        packet.len = room;
                        status
                    }
                }
            };
            assert_eq!(status, 0, "srtp_protect");
        }
    }

    fn unprotect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (&context, packet) in self.back.iter().zip(packets) {
            // SAFETY: the context is alive, and the length is that of the packet.
            let status = unsafe {
                match self.calls {
                    Calls::Two { unprotect, .. } => in_place(unprotect, context, packet),
                    Calls::Three { unprotect, .. } => {
                        let (len, mut room) = (packet.len, packet.room().len());
                        let data = packet.room().as_mut_ptr();
                        let status = unprotect(context, data, len, data, &mut room);
                        packet.len = room;
                        status
                    }
                }
            };
            assert_eq!(status, 0, "srtp_unprotect");
        }
    }
}

/// # Safety
///
/// The context must be alive, and `call` one of version 2.
unsafe fn in_place(call: InPlace, context: Context, packet: &mut Packet) -> c_int {
    let mut len = packet.len as c_int;
    // SAFETY: as the caller promised; the buffer has room behind the packet.
    let status = unsafe { call(context, packet.room().as_mut_ptr().cast(), &mut len) };
    packet.len = len as usize;
    status
}

impl Drop for Contexts {
    fn drop(&mut self) {
        // SAFETY: the contexts were made by this library, and nothing uses them any more.
        unsafe {
            if let Ok(dealloc) = self.shared.get::<Dealloc>(b"srtp_dealloc") {
                for &context in self.out.iter().chain(&self.back) {
                    dealloc(context);
                }
            }
        }
    }
}
