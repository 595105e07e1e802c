//! T-API-05: RTP headers as we and the crate `rtp` read them.
//!
//! We show what we read in what we do: a packet without a header is not sealed, and what is sealed begins where the header ends.
//! Both take the same packets, but for these differences:
//!
//! - `rtp` takes every version;
//! - it takes the mark of Cryptex for any other profile of a header extension; we seal no packet that bears it without Cryptex;
//! - it reads the elements of header extensions (RFC 8285), and panics or goes astray where they don't fill the extension. To SRTP the
//!   extension is as long as it says.

use std::panic::catch_unwind;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rtp::header::Header;
use srtp::{MAX_OVERHEAD, Profile, Sender, SenderConfig, SenderKeys};
use util::marshal::{MarshalSize as _, Unmarshal as _};

/// How many packets are compared.
const PACKETS: u32 = 5_000;

/// The length of a header extension's first word.
const WORD: usize = 4;

/// A packet whose parts mostly fit.
fn packet(random: &mut StdRng) -> Vec<u8> {
    let csrcs = random.random_range(0..16_u8) * u8::from(random.random_ratio(1, 2));
    let extended = random.random_ratio(1, 2);
    let mut packet = vec![0x80 | csrcs | u8::from(extended) << 4, random.random()];
    packet.resize(12 + 4 * usize::from(csrcs), 0);
    random.fill_bytes(&mut packet[2..]);
    if extended {
        let words = random.random_range(0..5_u16);
        let profile = [0xBEDE_u16, 0x1000, 0xC0DE, random.random()];
        packet.extend(profile[random.random_range(0..4)].to_be_bytes());
        packet.extend(words.to_be_bytes());
        // Elements of one byte and of two, or padding: they fill what they are in.
        packet.extend(
            (0..words)
                .flat_map(|_| [[0x12, 7, 7, 7], [1, 2, 7, 7], [0; 4]][usize::from(csrcs % 3)]),
        );
    }
    // Long enough that no keystream leaves it as it is.
    packet.resize(packet.len() + random.random_range(16..40), 0xA5);
    match random.random_range(0..6) {
        0 => packet.truncate(random.random_range(0..packet.len())),
        1 => packet[random.random_range(0..24)] ^= 1 << random.random_range(0..8),
        _ => {}
    }
    packet
}

/// The length of the header and the header, as `rtp` reads it.
fn theirs(packet: &[u8]) -> Option<(usize, Header)> {
    let header = catch_unwind(|| Header::unmarshal(&mut &packet[..]))
        .ok()?
        .ok()?;
    Some((header.marshal_size(), header))
}

/// The length of the header as we read it: what is sealed begins there.
fn ours(packet: &[u8]) -> Option<usize> {
    let profile = Profile::Aes128CmSha1_80;
    let keys = SenderKeys::from_raw(profile, &[1; 16], &[2; 14]).expect("lengths fit");
    let mut sender = Sender::new(keys, SenderConfig::default()).expect("valid");
    let mut sealed = packet.to_vec();
    sealed.resize(packet.len() + MAX_OVERHEAD, 0);
    sender.protect_rtp(&mut sealed, packet.len()).ok()?;
    let differs = |(plain, sealed): (&u8, &u8)| plain != sealed;
    let same = packet.iter().zip(&sealed).position(differs);
    Some(same.unwrap_or(packet.len()))
}

/// Whether the header has an extension that says that it came with Cryptex (RFC 9335 §5.1).
fn bears_mark(packet: &[u8]) -> bool {
    let behind = 12 + 4 * usize::from(packet[0] & 0x0F);
    let extended = packet[0] & 0x10 != 0;
    extended && matches!(packet[behind..], [0xC0 | 0xC2, 0xDE, ..])
}

/// Whether the elements of the header's extension, read one by one, are something to `rtp` that they are not to SRTP.
fn reads_elements(packet: &[u8]) -> bool {
    let behind = 12 + 4 * usize::from(packet[0] & 0x0F);
    let profile = packet.get(behind..behind + WORD).unwrap_or_default();
    packet[0] & 0x10 != 0 && matches!(profile, [0xBE, 0xDE, ..] | [0x10, 0, ..])
}

#[test]
fn t_api_05_rtp_headers() {
    let mut random = StdRng::seed_from_u64(5);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..PACKETS {
        let packet = packet(&mut random);
        match (ours(&packet), theirs(&packet)) {
            (Some(ours), Some((length, header))) => {
                assert_eq!(header.version, 2, "{number}: {packet:02x?}");
                // The first byte of a payload may come out as it was.
                let fits = (length..length + 3).contains(&ours) || ours == packet.len();
                assert!(
                    fits || reads_elements(&packet),
                    "{number}: {ours} {length} {packet:02x?}"
                );
                taken += u32::from(fits);
            }
            (Some(_), None) => assert!(reads_elements(&packet), "{number}: {packet:02x?}"),
            (None, Some((_, header))) => {
                let known = header.version != 2 || bears_mark(&packet);
                assert!(known, "{number}: {packet:02x?}");
            }
            (None, None) => refused += 1,
        }
    }
    assert!(
        taken > PACKETS / 2 && refused > PACKETS / 50,
        "{taken} {refused}"
    );
}
