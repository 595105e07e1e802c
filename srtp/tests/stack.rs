//! What contexts leave on the stack: no master key, and no session key that came of it.
#![cfg(target_os = "linux")]

mod pair;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt as _;

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use pair::ENCRYPTING;
#[cfg(target_pointer_width = "64")]
use pair::{SSRC, open, rtp, seal};
use srtp::{
    Profile, Receiver, ReceiverConfig, ReceiverKeys, Role, Sender, SenderConfig, SenderKeys, Tier,
};

/// How much of the stack is searched, downwards from where the search is called.
const SEARCHED: usize = 256 << 10;

/// A master key that stands in the heap alone. It is made byte by byte, so that no vector of it comes
/// to the stack.
#[inline(never)]
fn key(profile: Profile) -> Vec<u8> {
    let mut key = Vec::with_capacity(profile.key_len());
    for place in 0..profile.key_len() as u8 {
        key.push(black_box(place).wrapping_mul(37) ^ 0xa7);
    }
    key
}

fn salt(profile: Profile) -> Vec<u8> {
    (0..profile.salt_len()).map(|i| 0x40 | i as u8).collect()
}

/// The session key of SRTP: RFC 3711 §4.3.1, label 0.
fn session_key(profile: Profile) -> Vec<u8> {
    let mut iv = [0; 16];
    iv[..profile.salt_len()].copy_from_slice(&salt(profile));
    let mut session = vec![0; profile.key_len()];
    match profile.key_len() {
        16 => ctr::Ctr128BE::<aes::Aes128>::new_from_slices(&key(profile), &iv)
            .expect("lengths fit")
            .apply_keystream(&mut session),
        _ => ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&key(profile), &iv)
            .expect("lengths fit")
            .apply_keystream(&mut session),
    }
    session
}

/// The stack below the caller, as it was left.
#[inline(never)]
fn stack() -> Vec<u8> {
    let here = 0_u8;
    let top = black_box(&raw const here) as u64;
    let mut stack = vec![0; SEARCHED];
    let memory = File::open("/proc/self/mem").expect("it is there");
    memory
        .read_exact_at(&mut stack, top - SEARCHED as u64)
        .expect("a stack of 2 MiB");
    stack
}

/// How often the head of a secret stands in `stack`.
fn count(stack: &[u8], secret: &[u8]) -> usize {
    stack
        .windows(16)
        .filter(|bytes| *bytes == &secret[..16])
        .count()
}

/// All of what `work` puts on the stack lies below the caller, where the search begins.
#[inline(never)]
fn run(work: impl FnOnce()) {
    work();
}

/// Runs `work` on a stack of its own, and counts what it leaves there of the two keys.
fn left_by(profile: Profile, work: impl FnOnce() + Send + 'static) -> (usize, usize) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let left = thread.spawn(move || {
        run(work);
        stack()
    });
    let left = left.expect("a thread").join().expect("no panic");
    (
        count(&left, &key(profile)),
        count(&left, &session_key(profile)),
    )
}

#[test]
fn what_is_left_is_found() {
    let profile = Profile::AeadAes128Gcm;
    let left = left_by(profile, move || {
        // Deep enough that the search itself does not overwrite it.
        let mut copies = [[0; 16]; 1024];
        copies.fill(*key(profile).first_chunk().expect("16 bytes"));
        black_box(&copies);
    });
    assert!(left.0 > 0);
}

#[test]
fn contexts_leave_no_key() {
    for profile in ENCRYPTING {
        for tier in Tier::available() {
            let left = left_by(profile, move || {
                let (key, salt) = (key(profile), salt(profile));
                let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
                let keys = keys.with_mki(&[1]).expect("a valid length");
                let config = SenderConfig {
                    encrypted_extensions: [1].into_iter().collect(),
                    tier,
                    ..SenderConfig::default()
                };
                drop(Sender::new(keys, config).expect("valid"));
                let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("lengths fit");
                let config = ReceiverConfig {
                    tier,
                    ..ReceiverConfig::default()
                };
                drop(Receiver::new(keys, config).expect("valid"));
            });
            assert_eq!(left, (0, 0), "{profile} {tier:?}");
        }
    }
}

#[test]
fn new_keys_and_keys_from_dtls_leave_none() {
    for profile in ENCRYPTING {
        let left = left_by(profile, move || {
            let (mut sender, mut receiver) = pair::pair(profile);
            let (key, salt) = (key(profile), salt(profile));
            let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
            sender.rekey(keys).expect("a new key");
            let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("lengths fit");
            receiver.rekey(keys).expect("a new key");

            let mut other = key.clone();
            other[0] ^= 1;
            let exported = [&key[..], &other, &salt, &salt].concat();
            let keys = srtp::from_dtls(profile, &exported, Role::Client).expect("fits");
            drop(Sender::new(keys.0, SenderConfig::default()).expect("valid"));
            drop(Receiver::new(keys.1, ReceiverConfig::default()).expect("valid"));
        });
        assert_eq!(left, (0, 0), "{profile}");
    }
}

/// Where session keys change with the index, the master key stays, and is used again and again.
///
/// Not on 32-bit targets, where a build with optimization leaves one copy; where it comes from is not
/// found.
#[cfg(target_pointer_width = "64")]
#[test]
fn session_keys_derived_later_leave_none() {
    for profile in ENCRYPTING {
        let left = left_by(profile, move || {
            let rate = srtp::DerivationRate::every(4).expect("a power of two");
            let (key, salt) = (key(profile), salt(profile));
            let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
            let keys = keys.with_derivation_rate(rate);
            let mut sender = Sender::new(keys, SenderConfig::default()).expect("valid");
            let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("lengths fit");
            let keys = keys.with_derivation_rate(rate);
            let mut receiver = Receiver::new(keys, ReceiverConfig::default()).expect("valid");
            for number in 4..40 {
                let sealed = seal(&mut sender, &rtp(SSRC, number)).expect("fresh");
                assert!(open(&mut receiver, &sealed).is_ok());
            }
        });
        assert_eq!(left.0, 0, "{profile}");
    }
}
