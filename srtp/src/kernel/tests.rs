//! Every tier against the portable twin.

use std::num::NonZeroUsize;

use super::*;

/// The widest packet of the tests, with room for trailers and tags.
const LEN_MAX: usize = 1500;

/// A small generator, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// What a key is made of, so that each tier can make its own.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    kind: Kind,
    cipher: [u8; 32],
    auth: [u8; 20],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Null80,
    Cm128Tag80,
    Cm128Tag32,
    Cm256Tag80,
    Gcm128,
    Gcm256,
}

const KINDS: [Kind; 6] = [
    Kind::Null80,
    Kind::Cm128Tag80,
    Kind::Cm128Tag32,
    Kind::Cm256Tag80,
    Kind::Gcm128,
    Kind::Gcm256,
];

impl Recipe {
    fn new(kind: Kind, random: &mut Random) -> Self {
        Self {
            kind,
            cipher: random.bytes(),
            auth: random.bytes(),
        }
    }

    fn key(&self, tier: Tier) -> Key {
        let short = AesKey::from_bytes(&self.cipher[..16]).unwrap();
        let long = AesKey::from_bytes(&self.cipher).unwrap();
        match self.kind {
            Kind::Null80 => Key::cm(tier, None, &self.auth, 10),
            Kind::Cm128Tag80 => Key::cm(tier, Some(short), &self.auth, 10),
            Kind::Cm128Tag32 => Key::cm(tier, Some(short), &self.auth, 4),
            Kind::Cm256Tag80 => Key::cm(tier, Some(long), &self.auth, 10),
            Kind::Gcm128 => Key::gcm(tier, short),
            Kind::Gcm256 => Key::gcm(tier, long),
        }
    }
}

/// A packet of `len` bytes before its tag.
#[derive(Clone)]
struct Packet {
    recipe: Recipe,
    iv: [u8; 16],
    layout: Layout,
    buffer: Vec<u8>,
}

impl Packet {
    fn new(recipe: Recipe, len: usize, random: &mut Random) -> Self {
        let iv = random.bytes();
        let aead = matches!(recipe.kind, Kind::Gcm128 | Kind::Gcm256);
        let mut clear = [12, 12, 12, 0, 8, 32, 44][random.below(7)].min(len);
        let trailer = (!aead || random.below(4) == 0).then(|| random.next() as u32);
        if aead && trailer.is_some() {
            clear = if random.below(2) == 0 {
                len
            } else {
                len.min(8)
            };
        }
        let hole = (len - clear >= 4 && random.below(8) == 0)
            .then(|| clear + 4 * random.below((len - clear) / 4));
        let hole = hole
            .filter(|_| !(aead && trailer.is_some()))
            .and_then(NonZeroUsize::new);
        let layout = Layout {
            clear,
            end: len,
            tag: len + 4 * random.below(2),
            trailer,
            hole,
        };
        let buffer = (0..layout.tag + 16 + random.below(3))
            .map(|_| random.next() as u8)
            .collect();
        Self {
            recipe,
            iv,
            layout,
            buffer,
        }
    }

    fn protect(&mut self, tier: Tier) {
        let key = self.recipe.key(tier);
        Job::new(&key, &mut self.buffer, self.iv, self.layout)
            .unwrap()
            .protect();
    }

    fn unprotect(&mut self, tier: Tier) -> Result<(), Forged> {
        let key = self.recipe.key(tier);
        Job::new(&key, &mut self.buffer, self.iv, self.layout)
            .unwrap()
            .unprotect()
    }
}

fn simd_tiers() -> impl Iterator<Item = Tier> {
    Tier::available().filter(|tier| *tier != Tier::Portable)
}

#[test]
fn every_length_one_by_one() {
    let random = &mut Random(1);
    for tier in simd_tiers() {
        for kind in KINDS {
            for len in 0..=LEN_MAX {
                let plain = Packet::new(Recipe::new(kind, random), len, random);
                let (mut ours, mut twin) = (plain.clone(), plain.clone());
                ours.protect(tier);
                twin.protect(Tier::Portable);
                assert_eq!(
                    ours.buffer, twin.buffer,
                    "protect, {tier:?}, {kind:?}, {:?}",
                    plain.layout
                );
                assert_eq!(ours.unprotect(tier), Ok(()), "{tier:?}, {kind:?}, {len}");
                assert_eq!(
                    ours.buffer[..len],
                    plain.buffer[..len],
                    "unprotect, {tier:?}, {kind:?}, {len}"
                );
                // A forged packet stays as it came.
                twin.buffer[vulnerable_byte(&plain, random)] ^= 1 << random.below(8);
                let forged = twin.buffer.clone();
                assert_eq!(
                    twin.unprotect(tier),
                    Err(Forged),
                    "{tier:?}, {kind:?}, {len}"
                );
                assert_eq!(twin.buffer, forged, "forged, {tier:?}, {kind:?}, {len}");
            }
        }
    }
}

/// A byte of the packet or of its tag.
fn vulnerable_byte(packet: &Packet, random: &mut Random) -> usize {
    let tag_len = packet.recipe.key(Tier::Portable).tag_len();
    match random.below(packet.layout.end + tag_len) {
        place if place < packet.layout.end => place,
        place => place - packet.layout.end + packet.layout.tag,
    }
}

#[test]
fn long_packets_carry_the_counter() {
    let random = &mut Random(2);
    for tier in simd_tiers() {
        for kind in KINDS {
            for len in [4090, 4096, 4100, 8191, 20_000, 65_000] {
                let mut ours = Packet::new(Recipe::new(kind, random), len, random);
                let mut twin = ours.clone();
                ours.protect(tier);
                twin.protect(Tier::Portable);
                assert!(ours.buffer == twin.buffer, "{tier:?}, {kind:?}, {len}");
            }
        }
    }
}

#[test]
fn batches_of_any_mix() {
    let random = &mut Random(3);
    for tier in simd_tiers() {
        for round in 0..400 {
            let count = 1 + random.below(70);
            let same = random.below(3) == 0;
            let len = random.below(LEN_MAX);
            let plain: Vec<Packet> = (0..count)
                .map(|_| {
                    let kind = if same {
                        KINDS[1]
                    } else {
                        KINDS[random.below(KINDS.len())]
                    };
                    let len = if same { len } else { random.below(LEN_MAX) };
                    Packet::new(Recipe::new(kind, random), len, random)
                })
                .collect();
            let mut twins = plain.clone();
            twins
                .iter_mut()
                .for_each(|twin| twin.protect(Tier::Portable));
            let mut ours = plain.clone();
            run(&mut ours, tier, protect);
            for (i, (ours, twin)) in ours.iter().zip(&twins).enumerate() {
                assert!(
                    ours.buffer == twin.buffer,
                    "{tier:?}, round {round}, job {i} of {count}"
                );
            }
            let forged: Vec<bool> = ours
                .iter_mut()
                .map(|packet| {
                    let forge = random.below(4) == 0;
                    if forge {
                        let place = vulnerable_byte(packet, random);
                        packet.buffer[place] ^= 1 << random.below(8);
                    }
                    forge
                })
                .collect();
            let before = ours.clone();
            let authentic = run(&mut ours, tier, unprotect);
            for (i, (ours, before)) in ours.iter().zip(&before).enumerate() {
                assert_eq!(
                    authentic[i], !forged[i],
                    "{tier:?}, round {round}, job {i} of {count}"
                );
                let end = ours.layout.end;
                let expected = if forged[i] {
                    &before.buffer
                } else {
                    &plain[i].buffer
                };
                assert!(
                    ours.buffer[..end] == expected[..end],
                    "{tier:?}, round {round}, job {i} of {count}"
                );
            }
        }
    }
}

fn run(packets: &mut [Packet], tier: Tier, batch: impl Fn(&mut [Job<'_>])) -> Vec<bool> {
    let keys: Vec<Key> = packets
        .iter()
        .map(|packet| packet.recipe.key(tier))
        .collect();
    let mut jobs: Vec<Job<'_>> = packets
        .iter_mut()
        .zip(&keys)
        .map(|(packet, key)| Job::new(key, &mut packet.buffer, packet.iv, packet.layout).unwrap())
        .collect();
    batch(&mut jobs);
    jobs.iter().map(Job::authentic).collect()
}

#[test]
fn a_layout_must_fit() {
    let key = Recipe::new(Kind::Cm128Tag80, &mut Random(4)).key(Tier::Portable);
    let mut buffer = [0; 40];
    let fit = Layout {
        clear: 12,
        end: 30,
        tag: 30,
        trailer: Some(0),
        ..Layout::EMPTY
    };
    assert!(Job::new(&key, &mut buffer, [0; 16], fit).is_ok());
    for misfit in [
        Layout { clear: 31, ..fit },
        Layout { end: 31, ..fit },
        Layout { tag: 31, ..fit },
        Layout {
            hole: NonZeroUsize::new(27),
            ..fit
        },
        Layout {
            hole: NonZeroUsize::new(11),
            ..fit
        },
    ] {
        assert_eq!(
            Job::new(&key, &mut buffer, [0; 16], misfit).unwrap_err(),
            job::LayoutError
        );
    }
}
