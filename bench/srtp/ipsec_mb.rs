//! Intel's ipsec-mb, the limit: its best call for each shape, without what a library of SRTP does
//! besides.
//!
//! Sequence numbers, the ROC, replay and headers are not its business; the packets of a pass have
//! one fixed IV per session.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use srtp::{Kind, Profile};

use crate::peer::{HEADER_LEN, Mode, Packet, Peer, SESSIONS, Sessions, master};

#[repr(C)]
struct Manager {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Key {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Job {
    key: *const Key,
    data: *mut u8,
    clear: usize,
    len: usize,
    iv: *const u8,
}

unsafe extern "C" {
    fn bench_mb_new() -> *mut Manager;
    fn bench_mb_free(manager: *mut Manager);
    fn bench_mb_version() -> *const c_char;
    fn bench_mb_key(manager: *mut Manager, key: *const u8, len: usize, auth: *const u8)
    -> *mut Key;
    fn bench_mb_key_free(key: *mut Key);
    fn bench_mb_cm_protect(manager: *mut Manager, jobs: *const Job, count: usize);
    fn bench_mb_cm_unprotect(manager: *mut Manager, jobs: *const Job, count: usize) -> usize;
    fn bench_mb_gcm_protect(manager: *mut Manager, job: *const Job);
    fn bench_mb_gcm_unprotect(manager: *mut Manager, job: *const Job) -> c_int;
}

pub(crate) struct Library;

impl Peer for Library {
    fn name(&self) -> &str {
        "ipsec-mb"
    }

    fn version(&self) -> String {
        // SAFETY: the library returns a static string.
        unsafe { CStr::from_ptr(bench_mb_version()) }
            .to_string_lossy()
            .into_owned()
    }

    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
        let aead = match profile {
            Profile::Aes128CmSha1_80 | Profile::Aes256CmSha1_80 => false,
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => true,
            _ => return None,
        };
        // SAFETY: a manager may be made at any time.
        let manager = NonNull::new(unsafe { bench_mb_new() })?;
        let make = |session| {
            let (key, _) = master(profile, session);
            let auth = [session as u8; 20];
            // SAFETY: the manager is alive; `key` has the length given, `auth` has 20 bytes.
            let made =
                unsafe { bench_mb_key(manager.as_ptr(), key.as_ptr(), key.len(), auth.as_ptr()) };
            NonNull::new(made).expect("memory for a key")
        };
        let keys = (0..SESSIONS).map(make).collect();
        Some(Box::new(Bursts {
            manager,
            keys,
            iv: [0; 16],
            aead,
        }))
    }
}

struct Bursts {
    manager: NonNull<Manager>,
    keys: Vec<NonNull<Key>>,
    iv: [u8; 16],
    aead: bool,
}

impl Bursts {
    fn jobs(
        &self,
        first: usize,
        packets: &mut [Packet],
        tag_len: usize,
    ) -> arrayvec::ArrayVec<Job, SESSIONS> {
        let job = |(packet, key): (&mut Packet, &NonNull<Key>)| Job {
            key: key.as_ptr(),
            len: packet.len - tag_len,
            data: packet.room().as_mut_ptr(),
            clear: HEADER_LEN,
            iv: self.iv.as_ptr(),
        };
        packets
            .iter_mut()
            .zip(&self.keys[first..])
            .map(job)
            .collect()
    }

    fn tag_len(&self) -> usize {
        if self.aead { 16 } else { 10 }
    }

    /// Calls of AES-GCM are direct whatever the mode: its bursts are slower.
    fn count(&self, mode: Mode) -> usize {
        match mode {
            Mode::Batch(count) => count,
            Mode::Single => 1,
        }
    }
}

impl Sessions for Bursts {
    fn has(&self, kind: Kind, _: Mode) -> bool {
        kind == Kind::Rtp
    }

    fn protect(&mut self, mode: Mode, packets: &mut [Packet]) {
        let (manager, count) = (self.manager.as_ptr(), self.count(mode));
        for (i, packets) in packets.chunks_mut(count).enumerate() {
            let jobs = self.jobs(i * count, packets, 0);
            if self.aead {
                for job in &jobs {
                    // SAFETY: manager and key are alive; the packet has room for its tag.
                    unsafe { bench_mb_gcm_protect(manager, job) };
                }
            } else {
                // SAFETY: as above, for each job.
                unsafe { bench_mb_cm_protect(manager, jobs.as_ptr(), jobs.len()) };
            }
            for packet in packets {
                packet.len += self.tag_len();
            }
        }
    }

    fn unprotect(&mut self, mode: Mode, packets: &mut [Packet]) {
        let (manager, count) = (self.manager.as_ptr(), self.count(mode));
        for (i, packets) in packets.chunks_mut(count).enumerate() {
            let jobs = self.jobs(i * count, packets, self.tag_len());
            let right = if self.aead {
                // SAFETY: manager and key are alive; the tag stands behind the packet.
                jobs.iter()
                    .filter(|&job| unsafe { bench_mb_gcm_unprotect(manager, job) } != 0)
                    .count()
            } else {
                // SAFETY: as above, for each job.
                unsafe { bench_mb_cm_unprotect(manager, jobs.as_ptr(), jobs.len()) }
            };
            assert_eq!(right, packets.len(), "packets are authentic");
            for packet in packets {
                packet.len -= self.tag_len();
            }
        }
    }
}

impl Drop for Bursts {
    fn drop(&mut self) {
        // SAFETY: the keys and the manager were made by their counterparts, and nothing uses them
        // any more.
        unsafe {
            for key in &self.keys {
                bench_mb_key_free(key.as_ptr());
            }
            bench_mb_free(self.manager.as_ptr());
        }
    }
}
