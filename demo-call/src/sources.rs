//! Limits on how much of something each host may have at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis::SourceLimit;

/// Counts by source address. IPv6 is counted by /64 network, since a host has as many addresses in
/// one as it likes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of those that a source has, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sources: Sources,
    source: IpAddr,
}

impl Sources {
    /// One more for this address, unless its source has as many as the limit already.
    pub(crate) fn enter(&self, address: IpAddr, limit: usize) -> Option<Place> {
        let source = SourceLimit::source_of(address);
        let mut counts = self.lock();
        let count = counts.entry(source).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place {
            sources: self.clone(),
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // No holder of the lock panics, and even if one did, the map would be intact.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sources.lock();
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_and_leaves_nothing() {
        let sources = Sources::default();
        let enter = |address: &str| sources.enter(address.parse().expect("an address"), 2);
        let held = [enter("192.0.2.1"), enter("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some(), "another host");
        let network = [enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(enter("2001:db8::3").is_none(), "the same network");
        assert!(enter("2001:db8:0:1::3").is_some());
        drop((held, network));
        assert!(sources.lock().is_empty());
        assert!(enter("192.0.2.1").is_some());
    }
}
