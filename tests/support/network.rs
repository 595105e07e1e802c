//! A network that drops, duplicates, delays and reorders, by a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portcullis::Path;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// The first byte of plaintext handshake records.
const HANDSHAKE: u8 = 22;

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) seed: u64,
    /// Of 100.
    pub(crate) drop: u32,
    /// Of 100.
    pub(crate) duplicate: u32,
    pub(crate) delay: Duration,
    /// At most so much is added to the delay, which reorders.
    pub(crate) jitter: Duration,
    /// Longer datagrams are dropped.
    pub(crate) mtu: usize,
}

impl Conditions {
    /// Nothing is lost; 10 ms each way.
    pub(crate) const FAIR: Self = Self {
        seed: 0,
        drop: 0,
        duplicate: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
        mtu: 1500,
    };

    /// A bad Wi-Fi.
    pub(crate) fn foul(seed: u64) -> Self {
        Self {
            seed,
            drop: 15,
            duplicate: 10,
            jitter: Duration::from_millis(40),
            ..Self::FAIR
        }
    }
}

/// Arrival, a number that tells ties apart, the path as the receiver sees it, the datagram.
type Flight = (Instant, u64, Path, Vec<u8>);

/// Datagrams on their way.
pub(crate) struct Network {
    pub(crate) conditions: Conditions,
    random: SmallRng,
    flying: BinaryHeap<Reverse<Flight>>,
    count: u64,
    /// So many of the next datagrams of a handshake are lost.
    pub(crate) lost_handshake: usize,
    /// Which datagrams are lost.
    pub(crate) lost: Option<fn(&Path, &[u8]) -> bool>,
    /// Which datagrams are lost besides, by their place among all that are sent.
    pub(crate) lost_places: Vec<usize>,
    /// Nothing that is sent to this address arrives.
    pub(crate) deaf: Option<SocketAddr>,
    /// The address that a NAT gives the caller, instead of its own. What is sent to another one of its
    /// is lost.
    pub(crate) nat: Option<SocketAddr>,
    /// What goes to anybody but the two, instead of being delivered.
    pub(crate) elsewhere: Vec<(Path, Vec<u8>)>,
    /// What went out, before the network did anything to it.
    pub(crate) log: Vec<(Path, Vec<u8>)>,
}

impl Network {
    pub(crate) fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            random: SmallRng::seed_from_u64(conditions.seed),
            flying: BinaryHeap::new(),
            count: 0,
            lost_handshake: 0,
            lost: None,
            lost_places: Vec::new(),
            deaf: None,
            nat: None,
            elsewhere: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Takes a datagram that its sender sends over `path`.
    pub(crate) fn send(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        self.log.push((path, datagram.to_vec()));
        if self.lost_places.contains(&(self.log.len() - 1)) || self.deaf == Some(path.remote) {
            return;
        }
        let ends = [super::caller_address(), super::server_address()];
        if !ends.contains(&path.remote) && self.nat != Some(path.remote) {
            self.elsewhere.push((path, datagram.to_vec()));
            return;
        }
        let Some(path) = self.translated(path) else {
            return;
        };
        let Conditions {
            drop,
            duplicate,
            mtu,
            ..
        } = self.conditions;
        if self.lost.is_some_and(|is_lost| is_lost(&path, datagram)) {
            return;
        }
        if datagram.len() > mtu || self.random.random_range(0..100) < drop {
            return;
        }
        if datagram[0] == HANDSHAKE && self.lost_handshake > 0 {
            self.lost_handshake -= 1;
            return;
        }
        self.launch(now, path, datagram);
        if self.random.random_range(0..100) < duplicate {
            self.launch(now, path, datagram);
        }
    }

    /// When the next datagram arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse((when, ..))| *when)
    }

    /// A datagram that has arrived, and the path as its receiver sees it.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse((_, _, path, datagram)) = self.flying.pop()?;
        Some((path, datagram))
    }

    fn translated(&self, path: Path) -> Option<Path> {
        let own = super::caller_address();
        let Some(public) = self.nat else {
            return Some(path);
        };
        match (path.local == own, path.remote == public) {
            (true, _) => Some(Path::udp(public, path.remote)),
            (false, true) => Some(Path::udp(path.local, own)),
            (false, false) => None,
        }
    }

    fn launch(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let Conditions { delay, jitter, .. } = self.conditions;
        let late = self.random.random_range(0..=jitter.as_micros() as u64);
        let arrival = now + delay + Duration::from_micros(late);
        let seen = Path::udp(path.remote, path.local);
        self.count += 1;
        self.flying
            .push(Reverse((arrival, self.count, seen, datagram.to_vec())));
    }
}
