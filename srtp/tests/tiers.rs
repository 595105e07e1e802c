//! Every tier gives the same bytes, whatever the others do meanwhile.

mod pair;

use std::sync::Barrier;
use std::thread;

use pair::{ENCRYPTING, SSRC, open, open_rtcp, receiver, rtcp, rtp, seal, seal_rtcp, sender};
use srtp::{Profile, ReceiverConfig, SenderConfig, Tier};

/// Packets of each kind in a session.
const PACKETS: u16 = 20;

/// One session under each profile, sealed on a tier that changes from session to session: each
/// packet of it.
fn sealed(tier: impl Fn(usize) -> Tier) -> Vec<Vec<u8>> {
    let sessions = ENCRYPTING.iter().enumerate();
    sessions
        .flat_map(|(nth, &profile)| session(profile, tier(nth), tier(nth + 1)))
        .collect()
}

fn session(profile: Profile, sealing: Tier, opening: Tier) -> Vec<Vec<u8>> {
    let config = SenderConfig {
        tier: sealing,
        ..SenderConfig::default()
    };
    let mut sender = sender(profile, config);
    let config = ReceiverConfig {
        tier: opening,
        ..ReceiverConfig::default()
    };
    let mut receiver = receiver(profile, config);
    let mut packets = Vec::new();
    for sequence_number in 0..PACKETS {
        let plain = rtp(SSRC, sequence_number);
        let packet = seal(&mut sender, &plain).expect("fresh");
        let opened = open(&mut receiver, &packet).map(|opened| opened.len);
        assert_eq!(opened, Ok(plain.len()));
        packets.push(packet);
        let plain = rtcp(SSRC);
        let packet = seal_rtcp(&mut sender, &plain).expect("fresh");
        let opened = open_rtcp(&mut receiver, &packet).map(|opened| opened.len);
        assert_eq!(opened, Ok(plain.len()));
        packets.push(packet);
    }
    packets
}

/// T-CRY-04: threads force tiers and change them from session to session, all at once, while one
/// asks what the CPU has.
#[test]
fn t_cry_04_tiers_forced_in_threads_agree() {
    let tiers: Vec<Tier> = Tier::available().collect();
    let expected = sealed(|_| Tier::Portable);
    let start = Barrier::new(2 * tiers.len());
    thread::scope(|scope| {
        for thread in 0..2 * tiers.len() {
            let (tiers, expected, start) = (&tiers, &expected, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..tiers.len() {
                    let tier = |nth| tiers[(thread + round + nth) % tiers.len()];
                    assert_eq!(&sealed(tier), expected);
                    assert!(tiers.contains(&Tier::detect()));
                }
            });
        }
    });
}

/// T-CRY-04: a tier that the CPU lacks is no other implementation in disguise: it is the portable
/// one, and says so.
#[test]
fn t_cry_04_a_tier_that_is_not_there_is_the_portable_one() {
    let all = ["portable", "lanes", "aes-ni", "avx2", "avx512", "neon"];
    let all = all.map(|name| Tier::from_name(name).expect("a tier"));
    for tier in all {
        let config = SenderConfig {
            tier,
            ..SenderConfig::default()
        };
        let runs_on = sender(Profile::AeadAes128Gcm, config).tier();
        let expected = if tier.is_available() {
            tier
        } else {
            Tier::Portable
        };
        assert_eq!(runs_on, expected);
    }
    assert!(all.iter().any(|tier| !tier.is_available()));
}
