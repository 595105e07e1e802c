//! Panics that somebody contains: what was under way then is neither sent nor heard.

mod pair;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pair::{SSRC, TRANSFORMS, open, open_rtcp, pair, rtcp, rtp, seal, seal_rtcp};
use srtp::{
    Incoming, MAX_OVERHEAD, Outgoing, Profile, ProtectError, Receiver, Sender, UnprotectError,
};

/// A context that can't be reached a second time: the batch panics when it comes to that.
struct Once<T> {
    context: T,
    /// How often it may still be reached.
    left: Cell<u32>,
}

impl<T> Once<T> {
    fn new(context: T, left: u32) -> Self {
        let left = Cell::new(left);
        Self { context, left }
    }

    fn reach(&self) {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.expect("planted"));
    }
}

impl<T> AsRef<T> for Once<T> {
    fn as_ref(&self) -> &T {
        self.reach();
        &self.context
    }
}

impl<T> AsMut<T> for Once<T> {
    fn as_mut(&mut self) -> &mut T {
        self.reach();
        &mut self.context
    }
}

/// Runs `batch`, which panics as planted.
fn panicking(batch: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(batch)).is_err());
}

/// Wherever the batch breaks off, what is called protected opens, and nothing else is in the clear.
#[test]
fn a_batch_that_breaks_off_calls_nothing_protected_that_is_not() {
    const COUNT: usize = 5;
    for profile in TRANSFORMS {
        // With HMAC, each packet reaches its context twice.
        for left in 0..2 * COUNT as u32 {
            let (sender, mut receiver) = pair(profile);
            let mut senders = [Once::new(sender, left)];
            let plain: Vec<_> = (0..COUNT as u16).map(|number| rtp(SSRC, number)).collect();
            let mut buffers: Vec<_> = plain
                .iter()
                .map(|plain| [&plain[..], &[0; MAX_OVERHEAD]].concat())
                .collect();
            let mut packets: Vec<_> = buffers
                .iter_mut()
                .map(|buffer| Outgoing::rtp(0, buffer, plain[0].len()))
                .collect();
            let batch = AssertUnwindSafe(|| srtp::protect_batch(&mut senders, &mut packets));
            let broken_off = catch_unwind(batch).is_err();
            let gcm = profile == Profile::AeadAes128Gcm;
            assert_eq!(broken_off, !gcm || left < COUNT as u32);
            let outcomes: Vec<_> = packets
                .iter()
                .map(|packet| packet.outcome().map(|outcome| outcome.map(<[u8]>::to_vec)))
                .collect();
            let ended = if gcm { left as usize } else { 0 };
            for (place, outcome) in outcomes.iter().enumerate() {
                match outcome {
                    Some(Ok(sealed)) => {
                        assert!(place < ended, "{profile} {left}: {place}");
                        assert!(open(&mut receiver, sealed).is_ok());
                    }
                    Some(Err(reason)) => {
                        assert_eq!(*reason, ProtectError::BrokenOff);
                        assert_eq!(buffers[place], vec![0; plain[0].len() + MAX_OVERHEAD]);
                    }
                    // It was not begun, and is left as it was.
                    None => assert_eq!(buffers[place][..plain[0].len()], plain[place]),
                }
            }
            let begun = outcomes.iter().filter(|outcome| outcome.is_some()).count();
            let expected = if gcm {
                left + 1
            } else {
                left.min(COUNT as u32 - 1) + 1
            };
            assert_eq!(begun, (expected as usize).min(COUNT), "{profile} {left}");
        }
    }
}

/// A packet that was begun is not begun again, or an index of SRTCP would seal it a second time.
#[test]
fn a_packet_that_broke_off_stays_so() {
    let (sender, _) = pair(Profile::Aes128CmSha1_80);
    let mut senders = [Once::new(sender, 1)];
    let plain = rtp(SSRC, 1);
    let mut buffer = [&plain[..], &[0; MAX_OVERHEAD]].concat();
    let mut packets = [Outgoing::rtp(0, &mut buffer, plain.len())];
    panicking(|| srtp::protect_fan_out(&mut senders, &[7; 5], &mut packets));
    senders[0].left.set(100);
    srtp::protect_fan_out(&mut senders, &[7; 5], &mut packets);
    assert_eq!(packets[0].outcome(), Some(Err(ProtectError::BrokenOff)));
    assert_eq!(senders[0].left.get(), 100, "it is not even looked at");
}

/// Packets that were decrypted and not taken hold no plaintext, and are handed out to nobody.
#[test]
fn packets_that_were_opened_and_not_taken_are_wiped() {
    for profile in TRANSFORMS {
        let (mut sender, receiver) = pair(profile);
        let mut sealed: Vec<_> = (0..4)
            .map(|number| seal(&mut sender, &rtp(SSRC, number)).expect("fresh"))
            .collect();
        let as_sealed = sealed.clone();
        // Each is looked at, with HMAC opened too; one is taken.
        let mut receivers = [Once::new(receiver, 4 + 1)];
        let mut packets: Vec<_> = sealed
            .iter_mut()
            .map(|packet| Incoming::new(0, packet))
            .collect();
        panicking(|| srtp::unprotect_batch(&mut receivers, &mut packets));
        let outcomes: Vec<_> = packets
            .iter_mut()
            .map(|packet| packet.outcome().expect("begun"))
            .map(|outcome| outcome.map(|(_, packet)| packet.to_vec()))
            .collect();
        assert_eq!(outcomes[0], Ok(rtp(SSRC, 0)));
        for outcome in &outcomes[1..] {
            assert_eq!(*outcome, Err(UnprotectError::BrokenOff));
        }
        for (packet, before) in sealed[1..].iter().zip(&as_sealed[1..]) {
            assert_eq!(*packet, vec![0; before.len()]);
        }
        // Nothing of them was taken, so that they are still news.
        receivers[0].left.set(1000);
        for packet in &as_sealed[1..] {
            let opened = open(&mut receivers[0].context, packet).expect("authentic");
            assert!(!opened.is_duplicate());
        }
    }
}

/// A panic between batches of 64 leaves what was not begun for the next call.
#[test]
fn what_was_not_begun_is_protected_by_the_next_call() {
    let (sender, mut receiver) = pair(Profile::Aes128CmSha1_80);
    let mut senders = [Once::new(sender, 2 * 64 + 3)];
    let plain: Vec<_> = (0..70).map(|number| rtp(SSRC, number)).collect();
    let mut buffers: Vec<_> = plain
        .iter()
        .map(|plain| [&plain[..], &[0; MAX_OVERHEAD]].concat())
        .collect();
    let mut packets: Vec<_> = buffers
        .iter_mut()
        .map(|buffer| Outgoing::rtp(0, buffer, plain[0].len()))
        .collect();
    panicking(|| srtp::protect_batch(&mut senders, &mut packets));
    senders[0].left.set(1000);
    srtp::protect_batch(&mut senders, &mut packets);
    for (place, packet) in packets.iter().enumerate() {
        let outcome = packet.outcome().expect("it has run");
        if (64..68).contains(&place) {
            assert_eq!(outcome, Err(ProtectError::BrokenOff), "{place}");
        } else {
            let sealed = outcome.expect("fresh");
            assert!(open(&mut receiver, sealed).is_ok(), "{place}");
        }
    }
}

/// The payload is appended once, and the outcome stays what it was.
#[test]
fn a_second_fan_out_changes_nothing() {
    for profile in TRANSFORMS {
        let (sender, mut receiver) = pair(profile);
        let mut senders = [sender];
        let payload = [0x5a; 100];
        let mut buffers = [[0; 12 + 300]; 3];
        for (number, buffer) in buffers.iter_mut().enumerate() {
            buffer[..12].copy_from_slice(&rtp(SSRC, number as u16)[..12]);
        }
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| Outgoing::rtp(0, buffer, 12))
            .collect();
        srtp::protect_fan_out(&mut senders, &payload, &mut packets);
        let outcomes = |packets: &[Outgoing<'_>]| -> Vec<_> {
            packets
                .iter()
                .map(|packet| packet.outcome().expect("it has run"))
                .map(|outcome| outcome.map(<[u8]>::to_vec))
                .collect()
        };
        let first = outcomes(&packets);
        srtp::protect_fan_out(&mut senders, &payload, &mut packets);
        assert_eq!(outcomes(&packets), first);
        for sealed in first {
            let mut sealed = sealed.expect("fresh");
            assert_eq!(sealed.len(), 112 + profile.rtp_tag_len());
            let opened = receiver.unprotect_rtp(&mut sealed).expect("authentic");
            assert_eq!(sealed[12..opened.len], payload);
        }
        assert_eq!(senders[0].statistics().rtp, 3);
    }
}

/// A length beyond the buffer is an error, also where a payload is to be appended.
#[test]
fn a_header_beyond_its_buffer_is_refused() {
    let (sender, _) = pair(Profile::Aes128CmSha1_80);
    let mut buffers = [[0x80; 40]; 2];
    let [first, second] = &mut buffers;
    let mut packets = [
        Outgoing::rtp(0, first, 41),
        Outgoing::rtp(0, second, usize::MAX),
    ];
    srtp::protect_fan_out(&mut [sender], &[1, 2, 3], &mut packets);
    for packet in &packets {
        let outcome = packet.outcome().expect("it has run");
        assert_eq!(outcome, Err(ProtectError::LengthBeyondBuffer));
    }
}

/// The contexts of a batch that broke off go on: no index comes twice.
#[test]
fn contexts_go_on_after_a_panic() {
    for profile in TRANSFORMS {
        let (sender, mut receiver): (Sender, Receiver) = pair(profile);
        let mut senders = [Once::new(sender, 3)];
        let plain = rtp(SSRC, 1);
        let mut buffers = vec![[&plain[..], &[0; MAX_OVERHEAD]].concat(); 4];
        for (number, buffer) in buffers.iter_mut().enumerate() {
            buffer[3] = number as u8;
        }
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| Outgoing::rtp(0, buffer, plain.len()))
            .collect();
        panicking(|| srtp::protect_batch(&mut senders, &mut packets));
        let sender = &mut senders[0].context;
        for number in 0..3 {
            let again = seal(sender, &rtp(SSRC, number));
            assert_eq!(again, Err(ProtectError::IndexUsed), "{number}");
        }
        let next = seal(sender, &rtp(SSRC, 4)).expect("fresh");
        assert!(open(&mut receiver, &next).is_ok());
        let report = seal_rtcp(sender, &rtcp(SSRC)).expect("fresh");
        assert!(open_rtcp(&mut receiver, &report).is_ok());
    }
}
