//! Secrets marked as undefined: memcheck reports what depends on them.

use std::ffi::c_void;
use std::hint::black_box;

use crabgrind::memcheck::{MemState, NoValgrind, mark_memory};
use crabgrind::valgrind::count_errors;
use srtp::{Incoming, Outgoing, Profile, Tier};

use crate::subject::{HEADER_LEN, PROFILES, receiver, sender, write_header};

/// Lengths of RTP packets in bytes: nothing to encipher, a part of a block, some groups and a rest.
const LENS: [usize; 6] = [HEADER_LEN, 20, 100, 300, 1200, 1500];
/// Room for the longest packet and its tag.
const ROOM: usize = 1516;
/// Packets of a batch: whole groups of lanes, and some left over.
const BATCH: usize = 19;

/// What an unprotect tells of a tag is no secret, and decides about what follows: so many branches,
/// whatever the length. If there were none, the marks would have been lost on their way from the
/// keys to the tag.
const VERDICTS: std::ops::RangeInclusive<u32> = 1..=2;

/// Runs every tier that valgrind's CPU has; whether only the verdicts were reported.
pub(crate) fn run() -> bool {
    let mut constant = true;
    for tier in Tier::available() {
        for profile in PROFILES {
            let Ok(reports) = reports(tier, profile) else {
                eprintln!("not under valgrind");
                return false;
            };
            let Reports { protect, unprotect } = reports;
            println!(
                "{:<9} {:<28}  keys and protect {protect}, unprotect of a packet at most {unprotect}",
                tier.name(),
                profile.name()
            );
            constant &= protect == 0 && VERDICTS.contains(&unprotect);
        }
    }
    constant
}

/// Branches and addresses that depended on secrets.
struct Reports {
    /// In key derivation and protect, of all packets.
    protect: u32,
    /// In the unprotect of one packet.
    unprotect: u32,
}

fn reports(tier: Tier, profile: Profile) -> Result<Reports, NoValgrind> {
    let (key, salt) = black_box(([7; 32], [9; 14]));
    mark(&key, MemState::Undefined)?;
    mark(&salt, MemState::Undefined)?;
    let start = errors();
    let mut senders: Vec<_> = (0..BATCH)
        .map(|_| sender(tier, profile, &key, &salt))
        .collect();
    let mut receivers: Vec<_> = (0..BATCH)
        .map(|_| receiver(tier, profile, &key, &salt))
        .collect();
    let mut reports = Reports {
        protect: errors() - start,
        unprotect: 0,
    };
    for (round, len) in LENS.into_iter().enumerate() {
        let sequence_number = 2 * round as u16;
        let mut packets = [[5; ROOM]; BATCH];
        for packet in &mut packets {
            write_header(packet, sequence_number);
            mark(&packet[HEADER_LEN..], MemState::Undefined)?;
        }
        let start = errors();
        let protected = senders[0]
            .protect_rtp(&mut packets[0], len)
            .expect("a valid packet");
        let mut outgoing: Vec<_> = packets[1..]
            .iter_mut()
            .enumerate()
            .map(|(i, packet)| Outgoing::rtp(i + 1, packet, len))
            .collect();
        srtp::protect_batch(&mut senders, &mut outgoing);
        drop(outgoing);
        reports.protect += errors() - start;
        // What goes over the network is public.
        mark(packets.as_flattened(), MemState::Defined)?;
        let start = errors();
        let single = receivers[0].unprotect_rtp(&mut packets[0][..protected]);
        let single_reports = errors() - start;
        assert!(single.is_ok(), "a genuine packet");
        let start = errors();
        let mut incoming: Vec<_> = packets[1..]
            .iter_mut()
            .enumerate()
            .map(|(i, packet)| Incoming::new(i + 1, &mut packet[..protected]))
            .collect();
        srtp::unprotect_batch(&mut receivers, &mut incoming);
        let batch_reports = (errors() - start).div_ceil(BATCH as u32 - 1);
        reports.unprotect = reports.unprotect.max(single_reports).max(batch_reports);
    }
    Ok(reports)
}

fn mark(bytes: &[u8], state: MemState) -> Result<(), NoValgrind> {
    // The optimizer may not take what it knows of the bytes past the mark.
    let bytes = black_box(bytes);
    mark_memory(bytes.as_ptr().cast::<c_void>(), bytes.len(), state)
}

/// What memcheck has reported so far.
fn errors() -> u32 {
    count_errors() as u32
}
