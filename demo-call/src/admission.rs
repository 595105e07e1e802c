//! What any one host may take of this one, so that it does not crowd out the others.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use portcullis::SourceLimit;

use crate::sources::{Place, Sources};

/// Connections at once from one source: each page of a browser has six at most (its own limit for a
/// host), and an office has several pages open.
const CONNECTIONS: usize = 64;

/// Calls at once from one source: a quarter of what this host takes in all, as many as a large office has.
const CALLS: usize = 250;

/// Offers from one source in a quarter of a second. Each costs a key pair and an answer, some 200
/// microseconds: who goes on like this takes a hundredth of a core.
const OFFERS: u16 = 16;

/// Lets sources in up to their limits, and counts whom it does not.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whether sources are limited at all.
    limited: bool,
    connections: Sources,
    calls: Sources,
    offers: Mutex<SourceLimit>,
    refused_connections: AtomicU64,
    refused_offers: AtomicU64,
}

impl Admission {
    /// Without limits, for a host `behind_proxy`, whose address all callers have.
    pub(crate) fn new(behind_proxy: bool) -> Self {
        Self(Arc::new(Inner {
            limited: !behind_proxy,
            connections: Sources::default(),
            calls: Sources::default(),
            offers: Mutex::new(SourceLimit::new(rand::random(), OFFERS)),
            refused_connections: AtomicU64::new(0),
            refused_offers: AtomicU64::new(0),
        }))
    }

    /// A connection from this address, unless its source has enough.
    pub(crate) fn connection(&self, from: IpAddr) -> Option<Place> {
        let place = self.0.connections.enter(from, self.at_most(CONNECTIONS));
        if place.is_none() {
            self.0.refused_connections.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    /// A call from this address, unless its source has enough.
    pub(crate) fn call(&self, from: IpAddr) -> Option<Place> {
        let place = self.0.calls.enter(from, self.at_most(CALLS));
        if place.is_none() {
            self.0.refused_offers.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    /// Whether an offer from this address is answered now.
    pub(crate) fn offer(&self, from: IpAddr, now: Instant) -> bool {
        // A panic with the lock in hand leaves nothing half done.
        let mut offers = self.0.offers.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = !self.0.limited || offers.admit(now, from);
        if !admitted {
            self.0.refused_offers.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Connections that were refused.
    pub(crate) fn refused_connections(&self) -> u64 {
        self.0.refused_connections.load(Ordering::Relaxed)
    }

    /// Offers that were refused.
    pub(crate) fn refused_offers(&self) -> u64 {
        self.0.refused_offers.load(Ordering::Relaxed)
    }

    fn at_most(&self, limit: usize) -> usize {
        match self.0.limited {
            true => limit,
            false => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_source_has_so_many_calls_and_connections_and_others_have_theirs() {
        let admission = Admission::new(false);
        let calls: Vec<_> = (0..300).map(|_| admission.call(ip("192.0.2.1"))).collect();
        assert_eq!(calls.iter().flatten().count(), CALLS);
        assert_eq!(admission.refused_offers(), 50);
        assert!(admission.call(ip("192.0.2.2")).is_some());
        drop(calls);
        assert!(admission.call(ip("192.0.2.1")).is_some(), "they have ended");
        let open: Vec<_> = (0..70)
            .map(|_| admission.connection(ip("2001:db8::1")))
            .collect();
        assert_eq!(open.iter().flatten().count(), CONNECTIONS);
        assert_eq!(admission.refused_connections(), 6);
    }

    #[test]
    fn offers_are_rationed_by_source() {
        let admission = Admission::new(false);
        let now = Instant::now();
        let answered = |from| (0..20).filter(|_| admission.offer(ip(from), now)).count();
        assert_eq!(answered("192.0.2.1"), usize::from(OFFERS));
        assert_eq!(answered("192.0.2.2"), usize::from(OFFERS));
        assert_eq!(admission.refused_offers(), 8);
    }

    #[test]
    fn behind_a_proxy_all_are_let_in() {
        let admission = Admission::new(true);
        let (now, proxy) = (Instant::now(), ip("127.0.0.1"));
        let places: Vec<_> = (0..300).map(|_| admission.call(proxy)).collect();
        assert!(places.iter().all(Option::is_some));
        let open: Vec<_> = (0..300).map(|_| admission.connection(proxy)).collect();
        assert!(open.iter().all(Option::is_some));
        assert!((0..100).all(|_| admission.offer(proxy, now)));
    }
}
