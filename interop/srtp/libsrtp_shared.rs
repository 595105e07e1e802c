//! libsrtp 2.7 and later, which has Cryptex: a shared library that somebody built, opened at run time.
//!
//! `PORTCULLIS_LIBSRTP` names it: `NAME=PATH`, as for `bench/run.sh srtp`.

use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::ptr;

use libloading::Library;
use srtp::{Kind, Profile};

use crate::peer::{Keying, Peer};
use crate::traffic::SSRCS;

const VARIABLE: &str = "PORTCULLIS_LIBSRTP";

/// `srtp_crypto_policy_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CryptoPolicy {
    cipher_type: u32,
    cipher_key_len: c_int,
    auth_type: u32,
    auth_key_len: c_int,
    auth_tag_len: c_int,
    services: c_uint,
}

/// `srtp_policy_t`.
#[repr(C)]
struct Policy {
    ssrc_type: c_uint,
    ssrc: c_uint,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *mut u8,
    keys: *mut *mut MasterKey,
    key_count: c_ulong,
    deprecated_ekt: *mut c_void,
    window: c_ulong,
    repeat: c_int,
    extensions: *mut c_int,
    extension_count: c_int,
    next: *mut Policy,
}

/// `srtp_master_key_t`.
#[repr(C)]
struct MasterKey {
    key: *mut u8,
    mki: *mut u8,
    mki_len: c_uint,
}

type Context = *mut c_void;
type SetPolicy = unsafe extern "C" fn(*mut CryptoPolicy);
type Run = unsafe extern "C" fn(Context, *mut c_void, *mut c_int, c_uint, c_uint) -> c_int;
type Unrun = unsafe extern "C" fn(Context, *mut c_void, *mut c_int, c_uint) -> c_int;

/// `ssrc_specific`.
const SPECIFIC: c_uint = 1;

/// Room for any trailer, and for the header extension that Cryptex inserts.
const ROOM: usize = 16 + 128 + 4 + 128 + 4;

/// A session for each direction.
pub(crate) struct LibsrtpShared {
    library: Library,
    sender: Context,
    receiver: Context,
    mki: bool,
}

/// The paths of the libraries that the environment names.
pub(crate) fn paths() -> Vec<String> {
    let named = std::env::var(VARIABLE)
        .unwrap_or_else(|_| panic!("{VARIABLE}=NAME=PATH names no library: interop/README.md"));
    let entries = named.split(',').filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (_, path) = entry.split_once('=').expect("NAME=PATH");
            path.to_owned()
        })
        .collect()
}

impl LibsrtpShared {
    pub(crate) fn new(path: &str, keying: &Keying) -> Self {
        // SAFETY: libsrtp does nothing when it is loaded.
        let library = unsafe { Library::new(path) }.unwrap_or_else(|e| panic!("{path}: {e}"));
        // SAFETY: the signature is that of its header; its global state may be set up again.
        let status = unsafe {
            let init = library.get::<unsafe extern "C" fn() -> c_int>(b"srtp_init\0");
            init.expect("libsrtp")()
        };
        assert_eq!(status, 0);
        let sender = session(&library, keying);
        let receiver = session(&library, keying);
        let mki = !keying.mki.is_empty();
        Self {
            library,
            sender,
            receiver,
            mki,
        }
    }
}

impl Peer for LibsrtpShared {
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        let name: &[u8] = match kind {
            Kind::Rtp => b"srtp_protect_mki\0",
            Kind::Rtcp => b"srtp_protect_rtcp_mki\0",
        };
        run(plain, |packet, len| {
            // SAFETY: the signature is that of its header; the buffer holds the packet with room for
            // any trailer, and the length is the packet's.
            unsafe {
                let protect = self.library.get::<Run>(name).expect("libsrtp");
                protect(self.sender, packet, len, self.mki.into(), 0)
            }
        })
    }

    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        let name: &[u8] = match kind {
            Kind::Rtp => b"srtp_unprotect_mki\0",
            Kind::Rtcp => b"srtp_unprotect_rtcp_mki\0",
        };
        run(sealed, |packet, len| {
            // SAFETY: as above.
            unsafe {
                let unprotect = self.library.get::<Unrun>(name).expect("libsrtp");
                unprotect(self.receiver, packet, len, self.mki.into())
            }
        })
    }
}

impl Drop for LibsrtpShared {
    fn drop(&mut self) {
        for session in [self.sender, self.receiver] {
            // SAFETY: both sessions were created and are given up here.
            unsafe {
                let dealloc = self
                    .library
                    .get::<unsafe extern "C" fn(Context) -> c_int>(b"srtp_dealloc\0");
                dealloc.expect("libsrtp")(session);
            }
        }
    }
}

/// Runs one of the library's calls on a copy of the packet.
fn run(packet: &[u8], call: impl FnOnce(*mut c_void, *mut c_int) -> c_int) -> Option<Vec<u8>> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + ROOM, 0);
    let mut len = packet.len().try_into().expect("a packet's length");
    let status = call(buffer.as_mut_ptr().cast(), &mut len);
    buffer.truncate(len.try_into().expect("a packet's length"));
    (status == 0).then_some(buffer)
}

/// A session with a stream for each SSRC of the traffic.
fn session(library: &Library, keying: &Keying) -> Context {
    let mut key = [&keying.key[..], &keying.salt].concat();
    let mut mki = keying.mki.clone();
    let mut master = MasterKey {
        key: key.as_mut_ptr(),
        mki: mki.as_mut_ptr(),
        mki_len: mki.len() as u32,
    };
    let mut masters = [&raw mut master];
    let mut encrypted: Vec<c_int> = keying.encrypted.iter().map(|&id| id.into()).collect();
    let mut policy = Policy {
        ssrc_type: SPECIFIC,
        ssrc: 0,
        rtp: crypto_policy(library, keying.profile),
        rtcp: crypto_policy(library, keying.profile),
        key: key.as_mut_ptr(),
        keys: ptr::null_mut(),
        key_count: 0,
        deprecated_ekt: ptr::null_mut(),
        window: 1024,
        repeat: 0,
        extensions: encrypted.as_mut_ptr(),
        extension_count: encrypted.len() as c_int,
        next: ptr::null_mut(),
    };
    policy.rtp.auth_tag_len = keying.profile.rtp_tag_len() as c_int;
    if !keying.mki.is_empty() {
        policy.key = ptr::null_mut();
        policy.keys = masters.as_mut_ptr();
        policy.key_count = 1;
    }
    let mut session = ptr::null_mut();
    // SAFETY: the signatures are those of its header; a policy and all it points to are there during
    // each call, which copies them.
    unsafe {
        let create = library
            .get::<unsafe extern "C" fn(*mut Context, *const Policy) -> c_int>(b"srtp_create\0");
        assert_eq!(create.expect("libsrtp")(&mut session, ptr::null()), 0);
        let add = library
            .get::<unsafe extern "C" fn(Context, *const Policy) -> c_int>(b"srtp_add_stream\0")
            .expect("libsrtp");
        let cryptex = library
            .get::<unsafe extern "C" fn(Context, *const [c_uint; 2], c_int) -> c_int>(
                b"srtp_set_stream_use_cryptex\0",
            )
            .expect("libsrtp 2.7 or later");
        for ssrc in SSRCS {
            policy.ssrc = ssrc;
            assert_eq!(add(session, &policy), 0);
            let status = cryptex(session, &[SPECIFIC, ssrc], keying.cryptex.into());
            assert_eq!(status, 0);
        }
    }
    session
}

fn crypto_policy(library: &Library, profile: Profile) -> CryptoPolicy {
    let name: &[u8] = match profile {
        Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => {
            b"srtp_crypto_policy_set_rtp_default\0"
        }
        Profile::Aes256CmSha1_80 | Profile::Aes256CmSha1_32 => {
            b"srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80\0"
        }
        Profile::AeadAes128Gcm => b"srtp_crypto_policy_set_aes_gcm_128_16_auth\0",
        Profile::AeadAes256Gcm => b"srtp_crypto_policy_set_aes_gcm_256_16_auth\0",
        other => panic!("not compared: {other}"),
    };
    let mut policy = CryptoPolicy::default();
    // SAFETY: the signature is that of its header; the function fills the structure.
    unsafe { library.get::<SetPolicy>(name).expect("libsrtp")(&mut policy) };
    policy
}
