//! The statistical test: a secret that is always the same against one that is random each time.

use std::hint::black_box;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use srtp::{Outgoing, Profile, Sender, Tier};

use crate::subject::{PROFILES, receiver, sender, write_header};
use crate::welch::{LEAK, largest_t};

/// Length of the RTP packets in bytes.
const LEN: usize = 300;
/// Room for the packet and its tag.
const ROOM: usize = LEN + 16;
/// Packets of a batch: one group of the widest lanes.
const BATCH: usize = 16;

/// What differs between the two classes.
#[derive(Clone, Copy, Debug)]
enum Experiment {
    /// The master key and salt; protect is timed.
    Key,
    /// The payload; protect is timed.
    Payload,
    /// Those of a batch of sessions, whose protect is timed.
    BatchKeys,
    /// Which byte of the tag is wrong; unprotect is timed.
    Tag,
}

const EXPERIMENTS: [Experiment; 4] = [
    Experiment::Key,
    Experiment::Payload,
    Experiment::BatchKeys,
    Experiment::Tag,
];

/// Runs all experiments on every tier, and prints |t|; whether none of them shows a leak.
pub(crate) fn run(samples: usize) -> bool {
    println!("largest |t| of {samples} timings a class; beyond {LEAK} is a leak");
    let mut constant = true;
    for tier in Tier::available() {
        for profile in PROFILES {
            print!("{:<9} {:<28}", tier.name(), profile.name());
            for experiment in EXPERIMENTS {
                let t = measure(experiment, tier, profile, samples);
                print!("  {experiment:?} {t:.1}");
                constant &= t <= LEAK;
            }
            println!();
        }
    }
    constant
}

fn measure(experiment: Experiment, tier: Tier, profile: Profile, samples: usize) -> f64 {
    let mut random = StdRng::seed_from_u64(1);
    let mut classes = [const { Vec::new() }; 2];
    let samples = match experiment {
        Experiment::BatchKeys => samples / BATCH,
        _ => samples,
    };
    while classes.iter().any(|times: &Vec<f64>| times.len() < samples) {
        // Both classes draw the same, so that nothing but the secret tells them apart.
        let class = usize::from(random.random::<bool>());
        let secrets = Secrets::draw(&mut random);
        let time = match experiment {
            Experiment::Key => secrets.keys_of(class).protect(tier, profile),
            Experiment::Payload => secrets.payload_of(class).protect(tier, profile),
            Experiment::BatchKeys => secrets.keys_of(class).protect_batch(tier, profile),
            Experiment::Tag => secrets.unprotect_forged(tier, profile, class),
        };
        classes[class].push(time);
    }
    largest_t(&classes)
}

/// What nobody may learn.
struct Secrets {
    key: [u8; 32],
    salt: [u8; 14],
    packet: [u8; ROOM],
}

impl Secrets {
    fn draw(random: &mut StdRng) -> Self {
        let mut secrets = Self {
            key: random.random(),
            salt: random.random(),
            packet: [0; ROOM],
        };
        random.fill_bytes(&mut secrets.packet);
        secrets
    }

    /// In class 0 always the same keys.
    fn keys_of(mut self, class: usize) -> Self {
        let mask = 0u8.wrapping_sub(class as u8);
        self.key.iter_mut().for_each(|byte| *byte &= mask);
        self.salt.iter_mut().for_each(|byte| *byte &= mask);
        self
    }

    /// In class 0 always the same payload.
    fn payload_of(mut self, class: usize) -> Self {
        let mask = 0u8.wrapping_sub(class as u8);
        self.packet.iter_mut().for_each(|byte| *byte &= mask);
        self
    }

    fn protect(mut self, tier: Tier, profile: Profile) -> f64 {
        let mut sender = sender(tier, profile, &self.key, &self.salt);
        let mut first = self.packet;
        protect_one(&mut sender, &mut first, 1);
        let start = Instant::now();
        protect_one(&mut sender, &mut self.packet, 2);
        let time = start.elapsed();
        black_box(&self.packet);
        time.as_nanos() as f64
    }

    fn protect_batch(self, tier: Tier, profile: Profile) -> f64 {
        let mut senders: [Sender; BATCH] =
            std::array::from_fn(|_| sender(tier, profile, &self.key, &self.salt));
        let mut buffers = [self.packet; BATCH];
        buffers
            .iter_mut()
            .for_each(|packet| write_header(packet, 1));
        let mut places = 0..;
        let mut batch = buffers
            .each_mut()
            .map(|buffer| Outgoing::rtp(places.next().expect("endless"), buffer, LEN));
        let start = Instant::now();
        srtp::protect_batch(&mut senders, &mut batch);
        let time = start.elapsed();
        black_box(&batch);
        time.as_nanos() as f64
    }

    /// Class 0 forges the first byte of the tag, class 1 the last.
    fn unprotect_forged(mut self, tier: Tier, profile: Profile, class: usize) -> f64 {
        let mut sender = sender(tier, profile, &self.key, &self.salt);
        let mut receiver = receiver(tier, profile, &self.key, &self.salt);
        let mut first = self.packet;
        let len = protect_one(&mut sender, &mut first, 1);
        let opened = receiver.unprotect_rtp(&mut first[..len]);
        assert!(opened.is_ok(), "a genuine packet");
        protect_one(&mut sender, &mut self.packet, 2);
        let last = class * (len - LEN - 1);
        self.packet[LEN + last] ^= 1;
        let packet = black_box(&mut self.packet[..len]);
        let start = Instant::now();
        let result = receiver.unprotect_rtp(packet);
        let time = start.elapsed();
        assert!(result.is_err(), "a forged packet");
        time.as_nanos() as f64
    }
}

fn protect_one(sender: &mut Sender, packet: &mut [u8; ROOM], sequence_number: u16) -> usize {
    write_header(packet, sequence_number);
    sender.protect_rtp(packet, LEN).expect("a valid packet")
}
