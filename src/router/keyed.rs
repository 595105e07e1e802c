//! Hashes under a key.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Hashes under a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed(SipHasher13);

impl Keyed {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&key))
    }

    /// The shard, of so many, on which the session with this local ufrag has to live.
    pub(crate) fn shard_of(self, ufrag: &[u8], count: u16) -> u16 {
        (self.hash_one(ufrag) % u64::from(count.max(1))) as u16
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
