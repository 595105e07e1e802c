//! That packets cost no allocation.

mod pair;

use allocation_counter::measure;
use pair::{SSRC, open, pair, rtcp, rtp, seal};
use srtp::{Freshness, Incoming, MAX_OVERHEAD, Outgoing, Profile};

/// How many allocations `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

#[test]
fn packets_one_by_one_allocate_nothing() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let first = seal(&mut sender, &rtp(SSRC, 0)).expect("fresh");
        assert!(open(&mut receiver, &first).is_ok());
        let (rtp, rtcp) = (rtp(SSRC, 0), rtcp(SSRC));
        let mut buffer = [0; 200];
        let count = allocations(|| {
            for sequence_number in 1..2000_u16 {
                buffer[..rtp.len()].copy_from_slice(&rtp);
                buffer[2..4].copy_from_slice(&sequence_number.to_be_bytes());
                let len = sender.protect_rtp(&mut buffer, rtp.len()).expect("fresh");
                let mut again = buffer;
                let opened = receiver.unprotect_rtp(&mut buffer[..len]);
                assert_eq!(opened.map(|o| o.freshness), Ok(Freshness::New));
                let opened = receiver.unprotect_rtp(&mut again[..len]);
                assert_eq!(opened.map(|o| o.freshness), Ok(Freshness::Duplicate));
                again[8] ^= 1;
                assert!(receiver.unprotect_rtp(&mut again[..len]).is_err());

                buffer[..rtcp.len()].copy_from_slice(&rtcp);
                let len = sender.protect_rtcp(&mut buffer, rtcp.len()).expect("fresh");
                assert!(receiver.unprotect_rtcp(&mut buffer[..len]).is_ok());
            }
        });
        assert_eq!(count, 0, "{profile}");
    }
}

#[test]
fn batches_allocate_nothing() {
    let mut contexts: Vec<_> = Profile::ALL.into_iter().map(pair).collect();
    for (sender, receiver) in &mut contexts {
        let first = seal(sender, &rtp(SSRC, 0)).expect("fresh");
        assert!(open(receiver, &first).is_ok());
    }
    let (mut senders, mut receivers): (Vec<_>, Vec<_>) = contexts.into_iter().unzip();
    for round in 1..100 {
        let plain = rtp(SSRC, round);
        let mut buffers = vec![[&plain[..], &[0; MAX_OVERHEAD]].concat(); senders.len()];
        let len = plain.len();
        let mut outgoing: Vec<_> = buffers
            .iter_mut()
            .enumerate()
            .map(|(sender, buffer)| Outgoing::rtp(sender, buffer, len))
            .collect();
        let count = allocations(|| srtp::protect_batch(&mut senders, &mut outgoing));
        assert_eq!(count, 0);
        let mut sealed: Vec<Vec<u8>> = outgoing
            .iter()
            .map(|packet| {
                packet
                    .outcome()
                    .expect("it has run")
                    .expect("fresh")
                    .to_vec()
            })
            .collect();
        let mut incoming: Vec<_> = sealed
            .iter_mut()
            .enumerate()
            .map(|(receiver, packet)| Incoming::new(receiver, packet))
            .collect();
        let count = allocations(|| srtp::unprotect_batch(&mut receivers, &mut incoming));
        assert_eq!(count, 0);
        for packet in &mut incoming {
            assert!(packet.outcome().expect("it has run").is_ok());
        }
    }
}
