//! How much any single host may ask of us.

use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use super::keyed::Keyed;
use super::rate::Rate;

/// Places in the table. Sources that share a place share its ration. Which ones do, nobody knows who does not
/// know the key.
const PLACES: usize = 4096;

/// Counts what each source address does, in a table of fixed size: a flood from a million addresses
/// makes it no larger. Of an IPv6 address the first 64 bits count, the network, in which a host has as many
/// addresses as it likes.
#[derive(Debug)]
pub struct SourceLimit {
    keyed: Keyed,
    limit: u16,
    places: Box<[Rate]>,
}

impl SourceLimit {
    /// Allows each source this much in a quarter of a second. The key must be random and secret, so that
    /// nobody can spend the ration of another.
    #[must_use]
    pub fn new(key: [u8; 16], limit: u16) -> Self {
        Self::keyed(Keyed::new(key), limit)
    }

    pub(super) fn keyed(keyed: Keyed, limit: u16) -> Self {
        Self {
            keyed,
            limit,
            places: (0..PLACES).map(|_| Rate::default()).collect(),
        }
    }

    /// What counts as one source: an IPv4 address, also inside an IPv4-mapped IPv6 address; of IPv6 the
    /// network of 64 bits, named by its first address.
    #[must_use]
    pub fn source_of(address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        }
    }

    /// Whether this source may do one more thing now.
    #[must_use]
    pub fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        let source = match Self::source_of(source) {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        };
        let place = self.keyed.hash_one(source) as usize % PLACES;
        let rate = self.places.get_mut(place);
        rate.is_some_and(|rate| rate.admit(now, self.limit))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// T-DOS-05: a host spends its own ration, and nobody else's.
    #[test]
    fn t_dos_05_each_source_has_its_own_ration() {
        let mut limit = SourceLimit::new([7; 16], 8);
        let now = Instant::now();
        let mut admitted = |at, source: &str| {
            let source = source.parse().expect("an address");
            (0..100).filter(|_| limit.admit(at, source)).count()
        };
        assert_eq!(admitted(now, "203.0.113.66"), 8);
        assert_eq!(admitted(now, "::ffff:203.0.113.66"), 0, "the same one");
        assert_eq!(admitted(now, "203.0.113.67"), 8);
        assert_eq!(admitted(now, "2001:db8:1:2::1"), 8);
        assert_eq!(admitted(now, "2001:db8:1:2:ffff::1"), 0, "the same host");
        assert_eq!(admitted(now, "2001:db8:1:3::1"), 8);
        let later = now + Duration::from_millis(250);
        assert_eq!(admitted(later, "203.0.113.66"), 8);
    }
}
