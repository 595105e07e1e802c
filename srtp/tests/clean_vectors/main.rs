//! No instruction in SSE's encoding runs while the upper half of a vector register is dirty.
//!
//! On some CPUs (measured on Zen 3: 117 ns) each change between the encodings costs as much as a
//! whole packet then, on others it adds dependencies. SHA-NI has SSE's encoding only, and so has
//! the code of everybody who calls us. No clock is needed to see it: packets of every shape are
//! protected and unprotected on every tier, instruction by instruction, and the state of the
//! registers is followed.
//!
//! Code that nothing optimized says little, and takes fifty times the instructions:
//! `cargo test --release -p portcullis-srtp --test clean_vectors`, and with `-- --ignored` every shape.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod steps;
mod subject;
mod uppers;

use std::fmt::Write;
use std::sync::Mutex;

use srtp::{Kind, Profile};
use subject::{Case, Shapes, Work};
use uppers::Uppers;

#[test]
#[cfg_attr(debug_assertions, ignore = "says nothing of optimized code")]
fn no_sse_while_the_upper_halves_are_dirty() {
    follow(Shapes {
        profiles: &[
            Profile::Aes128CmSha1_80,
            Profile::Aes256CmSha1_80,
            Profile::NullSha1_80,
            Profile::AeadAes128Gcm,
            Profile::AeadAes256Gcm,
        ],
        kinds: &[Kind::Rtp, Kind::Rtcp],
        works: &[Work::Protect, Work::Unprotect, Work::Refuse],
        sizes: &[40, 300],
        counts: &[1],
    });
    // Some for chains, and so many that one lane of sixteen stays idle, or one packet is left over.
    follow(Shapes {
        profiles: &[Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm],
        kinds: &[Kind::Rtp],
        works: &[Work::Protect, Work::Unprotect],
        sizes: &[100],
        counts: &[3, 15, 17],
    });
}

#[test]
#[ignore = "takes minutes"]
fn no_sse_while_the_upper_halves_are_dirty_in_any_shape() {
    follow(Shapes {
        profiles: &Profile::ALL,
        kinds: &[Kind::Rtp, Kind::Rtcp],
        works: &[Work::Protect, Work::Unprotect, Work::Refuse],
        sizes: &[12, 13, 28, 40, 60, 61, 100, 156, 172, 300, 555, 1200, 1500],
        counts: &[1, 2, 3, 17],
    });
}

fn follow(shapes: Shapes) {
    // One thread is traced at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let mut uppers = Uppers::default();
    let mut wrong = String::new();
    for case in Case::all(shapes) {
        let mut log = Vec::with_capacity(INSTRUCTIONS_MAX);
        case.run(&mut log);
        let trace = uppers.follow(&log);
        if !trace.is_clean() {
            writeln!(wrong, "{case}: {trace}").expect("a string");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Room for the instructions of the longest case: 17 packets of 1500 bytes.
const INSTRUCTIONS_MAX: usize = 1 << 20;
