//! A virtual link: 50 ms each way, and what befalls datagrams on it by a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Each way.
const DELAY: Duration = Duration::from_millis(50);

/// What befalls datagrams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conditions {
    pub(crate) name: &'static str,
    /// Of a hundred.
    loss: u32,
    /// At most so much is added to the delay of each.
    jitter: Duration,
}

impl Conditions {
    const fn new(name: &'static str, loss: u32, jitter: u64) -> Self {
        Self {
            name,
            loss,
            jitter: Duration::from_millis(jitter),
        }
    }

    pub(crate) const ALL: [Self; 5] = [
        Self::new("no loss", 0, 0),
        Self::new("5 % loss", 5, 0),
        Self::new("10 % loss", 10, 0),
        Self::new("20 % loss", 20, 0),
        Self::new("reordered", 0, 20),
    ];

    /// Whether all calls are alike.
    pub(crate) const fn is_certain(&self) -> bool {
        self.loss == 0 && self.jitter.is_zero()
    }
}

/// Who a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Browser,
    Server,
}

/// Arrival, a number that tells ties apart, who it is for, the datagram.
type Flight = (Instant, u64, Side, Vec<u8>);

/// Datagrams on their way.
pub(crate) struct Link {
    conditions: Conditions,
    random: SmallRng,
    flying: BinaryHeap<Reverse<Flight>>,
    count: u64,
}

impl Link {
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            random: SmallRng::seed_from_u64(seed),
            flying: BinaryHeap::new(),
            count: 0,
        }
    }

    pub(crate) fn send(&mut self, now: Instant, to: Side, datagram: &[u8]) {
        if self.random.random_range(0..100) < self.conditions.loss {
            return;
        }
        let most = self.conditions.jitter.as_micros() as u64;
        let late = Duration::from_micros(self.random.random_range(0..=most));
        self.count += 1;
        let flight = (now + DELAY + late, self.count, to, datagram.to_vec());
        self.flying.push(Reverse(flight));
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse((when, ..))| *when)
    }

    pub(crate) fn arrive(&mut self, now: Instant) -> Option<(Side, Vec<u8>)> {
        self.next_arrival().filter(|&when| when <= now)?;
        let Reverse((_, _, to, datagram)) = self.flying.pop()?;
        Some((to, datagram))
    }
}
