//! libsrtp as the crate `srtp2-sys` builds it: version 2.3 on the OpenSSL of the system.

use std::ffi::CStr;
use std::ptr;

use srtp::Profile;
use srtp2_sys as sys;

use crate::peer::{Mode, Packet, Peer, SESSIONS, Sessions, master};

pub(crate) struct Library;

impl Library {
    pub(crate) fn new() -> Self {
        // SAFETY: called once, before anything else of the library.
        let status = unsafe { sys::srtp_init() };
        assert_eq!(
            status,
            sys::srtp_err_status_t_srtp_err_status_ok,
            "srtp_init"
        );
        Self
    }
}

impl Peer for Library {
    fn name(&self) -> &str {
        "libsrtp-crate"
    }

    fn version(&self) -> String {
        // SAFETY: the library returns a static string.
        unsafe { CStr::from_ptr(sys::srtp_get_version_string()) }
            .to_string_lossy()
            .into_owned()
    }

    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
        let all = |direction| -> Option<Vec<sys::srtp_t>> {
            (0..SESSIONS)
                .map(|session| create(profile, session, direction))
                .collect()
        };
        let out = all(sys::srtp_ssrc_type_t_ssrc_any_outbound)?;
        let back = all(sys::srtp_ssrc_type_t_ssrc_any_inbound)?;
        Some(Box::new(Contexts { out, back }))
    }
}

fn create(
    profile: Profile,
    session: usize,
    direction: sys::srtp_ssrc_type_t,
) -> Option<sys::srtp_t> {
    let (key, salt) = master(profile, session);
    let mut key = [key, salt].concat();
    let mut context = ptr::null_mut();
    // SAFETY: a policy of zeros is one without anything; the key lives as long as the calls.
    unsafe {
        let mut policy: sys::srtp_policy_t = std::mem::zeroed();
        for part in [&mut policy.rtp, &mut policy.rtcp] {
            match profile {
                Profile::Aes128CmSha1_80 => sys::srtp_crypto_policy_set_rtp_default(part),
                Profile::Aes128CmSha1_32 => {
                    sys::srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(part)
                }
                Profile::Aes256CmSha1_80 => {
                    sys::srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(part)
                }
                Profile::Aes256CmSha1_32 => {
                    sys::srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(part)
                }
                Profile::AeadAes128Gcm => sys::srtp_crypto_policy_set_aes_gcm_128_16_auth(part),
                Profile::AeadAes256Gcm => sys::srtp_crypto_policy_set_aes_gcm_256_16_auth(part),
                // The NULL profiles: see `libsrtp`.
                _ => return None,
            }
        }
        policy.ssrc.type_ = direction;
        policy.key = key.as_mut_ptr();
        policy.window_size = 1024;
        let status = sys::srtp_create(&mut context, &policy);
        (status == sys::srtp_err_status_t_srtp_err_status_ok).then_some(context)
    }
}

struct Contexts {
    out: Vec<sys::srtp_t>,
    back: Vec<sys::srtp_t>,
}

impl Sessions for Contexts {
    fn protect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (&context, packet) in self.out.iter().zip(packets) {
            let mut len = packet.len as i32;
            // SAFETY: the context is alive, and the buffer has room behind the packet.
            let status =
                unsafe { sys::srtp_protect(context, packet.room().as_mut_ptr().cast(), &mut len) };
            assert_eq!(
                status,
                sys::srtp_err_status_t_srtp_err_status_ok,
                "srtp_protect"
            );
            packet.len = len as usize;
        }
    }

    fn unprotect(&mut self, _: Mode, packets: &mut [Packet]) {
        for (&context, packet) in self.back.iter().zip(packets) {
            let mut len = packet.len as i32;
            // SAFETY: the context is alive, and the length is that of the packet.
            let status = unsafe {
                sys::srtp_unprotect(context, packet.room().as_mut_ptr().cast(), &mut len)
            };
            assert_eq!(
                status,
                sys::srtp_err_status_t_srtp_err_status_ok,
                "srtp_unprotect"
            );
            packet.len = len as usize;
        }
    }
}

impl Drop for Contexts {
    fn drop(&mut self) {
        for &context in self.out.iter().chain(&self.back) {
            // SAFETY: the context was made by `srtp_create`, and nothing uses it any more.
            unsafe { sys::srtp_dealloc(context) };
        }
    }
}
