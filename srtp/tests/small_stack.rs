//! A batch of 64 and packets one by one on a small stack, whatever the build is optimized for.

mod pair;

use pair::{SSRC, rtp};
use srtp::{
    Incoming, MAX_OVERHEAD, Outgoing, Profile, ReceiverConfig, SenderConfig, Tier, Unprotected,
};

/// A quarter of the smallest stack that threads commonly have: 512 KiB, of the second threads of
/// Apple's systems.
const STACK: usize = 128 << 10;

#[test]
fn a_batch_fits_on_a_small_stack() {
    for tier in Tier::available() {
        for profile in Profile::ALL {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let run = thread.spawn(move || there_and_back(tier, profile));
            run.expect("a thread").join().expect("it fits");
        }
    }
}

fn there_and_back(tier: Tier, profile: Profile) {
    let sending = SenderConfig {
        tier,
        ..SenderConfig::default()
    };
    let receiving = ReceiverConfig {
        tier,
        ..ReceiverConfig::default()
    };
    let mut sender = pair::sender(profile, sending);
    let mut receiver = pair::receiver(profile, receiving);
    let mut buffers: Vec<_> = (0..64_u16)
        .map(|number| {
            let mut packet = rtp(SSRC, number);
            packet.resize(40 + 19 * usize::from(number), 7);
            packet
        })
        .collect();
    let plain = buffers.clone();
    for buffer in &mut buffers {
        buffer.resize(buffer.len() + MAX_OVERHEAD, 0);
    }
    let mut packets: Vec<_> = buffers
        .iter_mut()
        .zip(&plain)
        .map(|(buffer, plain)| Outgoing::rtp(0, buffer, plain.len()))
        .collect();
    srtp::protect_batch(&mut [&mut sender], &mut packets);
    let mut sealed: Vec<_> = packets
        .iter()
        .map(|packet| {
            packet
                .outcome()
                .expect("it has run")
                .expect("fresh")
                .to_vec()
        })
        .collect();
    let mut packets: Vec<_> = sealed
        .iter_mut()
        .map(|packet| Incoming::new(0, packet))
        .collect();
    srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
    for (packet, plain) in packets.iter_mut().zip(&plain) {
        let (_, opened) = packet.outcome().expect("it has run").expect("authentic");
        assert_eq!(*opened, **plain);
    }
    let mut single = pair::seal(&mut sender, &rtp(SSRC, 100)).expect("fresh");
    let opened: Unprotected = receiver.unprotect_rtp(&mut single).expect("authentic");
    assert_eq!(opened.index, 100);
}
