//! libsrtp, through the crate `srtp2-sys`, which builds version 2.3 from its own source with OpenSSL.

use std::ptr;
use std::sync::Once;

use srtp::{Kind, Profile};
use srtp2_sys as c;

use crate::peer::{Keying, Ours, Peer};
use crate::traffic::SSRCS;

/// A session for each direction.
pub(crate) struct Libsrtp {
    sender: c::srtp_t,
    receiver: c::srtp_t,
    /// Whether packets name their key.
    mki: bool,
}

impl Libsrtp {
    pub(crate) fn new(keying: &Keying) -> Self {
        static INIT: Once = Once::new();
        // SAFETY: the library's global state is set up once, before anything else is called.
        INIT.call_once(|| assert_eq!(unsafe { c::srtp_init() }, OK));
        Self {
            sender: session(keying, c::srtp_ssrc_type_t_ssrc_any_outbound),
            receiver: session(keying, c::srtp_ssrc_type_t_ssrc_any_inbound),
            mki: !keying.mki.is_empty(),
        }
    }

    /// Runs one of the library's calls on a copy of the packet.
    fn run(
        packet: &[u8],
        call: impl FnOnce(*mut std::ffi::c_void, *mut i32) -> c::srtp_err_status_t,
    ) -> Option<Vec<u8>> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + ROOM, 0);
        let mut len = packet.len().try_into().expect("a packet's length");
        let status = call(buffer.as_mut_ptr().cast(), &mut len);
        buffer.truncate(len.try_into().expect("a packet's length"));
        (status == OK).then_some(buffer)
    }
}

const OK: c::srtp_err_status_t = c::srtp_err_status_t_srtp_err_status_ok;

/// Room for any trailer (`SRTP_MAX_TRAILER_LEN` and `SRTP_MAX_MKI_LEN`).
const ROOM: usize = 16 + 128 + 4 + 128;

impl Peer for Libsrtp {
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        let (session, mki) = (self.sender, self.mki.into());
        // SAFETY: the buffer holds the packet with room for any trailer, and the length is the packet's.
        Self::run(plain, |packet, len| unsafe {
            match kind {
                Kind::Rtp => c::srtp_protect_mki(session, packet, len, mki, 0),
                Kind::Rtcp => c::srtp_protect_rtcp_mki(session, packet, len, mki, 0),
            }
        })
    }

    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        let (session, mki) = (self.receiver, self.mki.into());
        // SAFETY: the buffer holds the packet, and the length is the packet's.
        Self::run(sealed, |packet, len| unsafe {
            match kind {
                Kind::Rtp => c::srtp_unprotect_mki(session, packet, len, mki),
                Kind::Rtcp => c::srtp_unprotect_rtcp_mki(session, packet, len, mki),
            }
        })
    }
}

impl Drop for Libsrtp {
    fn drop(&mut self) {
        for session in [self.sender, self.receiver] {
            // SAFETY: both sessions were created and are given up here.
            unsafe { c::srtp_dealloc(session) };
        }
    }
}

/// A session for all SSRCs of the traffic, each of which starts at the wanted ROC.
fn session(keying: &Keying, direction: c::srtp_ssrc_type_t) -> c::srtp_t {
    // SAFETY: the policy is a C structure of numbers and pointers, for which zeros mean nothing set.
    let mut policy: c::srtp_policy_t = unsafe { std::mem::zeroed() };
    set_policies(&mut policy, keying.profile);
    let mut key = [&keying.key[..], &keying.salt].concat();
    let mut mki = keying.mki.clone();
    let mut master_key = c::srtp_master_key_t {
        key: key.as_mut_ptr(),
        mki_id: mki.as_mut_ptr(),
        mki_size: mki.len() as u32,
    };
    let mut master_keys = [&raw mut master_key];
    if mki.is_empty() {
        policy.key = key.as_mut_ptr();
    } else {
        policy.keys = master_keys.as_mut_ptr();
        policy.num_master_keys = 1;
    }
    let mut encrypted: Vec<i32> = keying.encrypted.iter().map(|&id| id.into()).collect();
    policy.enc_xtn_hdr = encrypted.as_mut_ptr();
    policy.enc_xtn_hdr_count = encrypted.len() as i32;
    policy.window_size = 1024;
    policy.ssrc.type_ = direction;
    let mut session = ptr::null_mut();
    // SAFETY: the policy and all it points to are there during the call, which copies them.
    assert_eq!(unsafe { c::srtp_create(&mut session, &policy) }, OK);
    if keying.first_roc > 0 {
        policy.ssrc.type_ = c::srtp_ssrc_type_t_ssrc_specific;
        for ssrc in SSRCS {
            policy.ssrc.value = ssrc;
            // SAFETY: as above; the session was created.
            unsafe {
                assert_eq!(c::srtp_add_stream(session, &policy), OK);
                let status = c::srtp_set_stream_roc(session, ssrc, keying.first_roc);
                assert_eq!(status, OK);
            }
        }
    }
    session
}

fn set_policies(policy: &mut c::srtp_policy_t, profile: Profile) {
    let set: unsafe extern "C" fn(*mut c::srtp_crypto_policy_t) = match profile {
        // For the NULL profiles too, without their encryption: see `null_policy_ignores_its_key`.
        Profile::Aes128CmSha1_80
        | Profile::Aes128CmSha1_32
        | Profile::NullSha1_80
        | Profile::NullSha1_32 => c::srtp_crypto_policy_set_rtp_default,
        Profile::Aes256CmSha1_80 | Profile::Aes256CmSha1_32 => {
            c::srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80
        }
        Profile::AeadAes128Gcm => c::srtp_crypto_policy_set_aes_gcm_128_16_auth,
        Profile::AeadAes256Gcm => c::srtp_crypto_policy_set_aes_gcm_256_16_auth,
        other => panic!("libsrtp has no {other}"),
    };
    // SAFETY: both are valid structures, which the function fills.
    unsafe {
        set(&mut policy.rtp);
        set(&mut policy.rtcp);
    }
    policy.rtp.auth_tag_len = profile.rtp_tag_len() as i32;
    if matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32) {
        policy.rtp.sec_serv = c::srtp_sec_serv_t_sec_serv_auth;
        policy.rtcp.sec_serv = c::srtp_sec_serv_t_sec_serv_auth;
    }
}

/// libsrtp's own policy for the NULL cipher has a cipher key of length 0, copies that much of the master key, and derives the
/// authentication key from zeros: anyone can forge. We don't follow it there.
#[test]
fn null_policy_ignores_its_key() {
    let profile = Profile::NullSha1_80;
    let keying = Keying::new(profile);
    let mut theirs = Libsrtp::new(&keying);
    // SAFETY: zeros mean nothing set; what is set is a valid policy with a key of the length it may read.
    unsafe {
        let mut policy: c::srtp_policy_t = std::mem::zeroed();
        c::srtp_crypto_policy_set_null_cipher_hmac_sha1_80(&mut policy.rtp);
        c::srtp_crypto_policy_set_null_cipher_hmac_sha1_80(&mut policy.rtcp);
        let mut key = [&keying.key[..], &keying.salt].concat();
        policy.key = key.as_mut_ptr();
        policy.ssrc.type_ = c::srtp_ssrc_type_t_ssrc_any_outbound;
        c::srtp_dealloc(theirs.sender);
        assert_eq!(c::srtp_create(&mut theirs.sender, &policy), OK);
    }
    let mut zeros = Ours::new(&Keying {
        key: vec![0; 16],
        salt: vec![0; 14],
        ..Keying::new(profile)
    });
    let plain = [0x80; 40];
    assert_eq!(
        theirs.protect(Kind::Rtp, &plain),
        zeros.protect(Kind::Rtp, &plain)
    );
    assert_ne!(
        theirs.protect(Kind::Rtp, &plain[1..]),
        Ours::new(&keying).protect(Kind::Rtp, &plain[1..])
    );
}
