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

    /// Which of `count` shards the session with this local ufrag belongs on.
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ice_lite::Path;

    use super::*;

    /// Places of a small table.
    const PLACES: u64 = 1 << 8;

    /// T-DMX-11: names that share a place in a table under one key are spread over it under another. So
    /// nobody without the key can choose names that make look-ups slow.
    #[test]
    fn t_dmx_11_names_that_collide_under_one_key_do_not_under_another() {
        let server = (Ipv4Addr::LOCALHOST, 3478).into();
        let paths = (0..200_000_u32).map(|number| {
            let peer = (Ipv4Addr::from(number), number as u16).into();
            Path::udp(server, peer)
        });
        spread(paths);
        spread((0..200_000_u32).map(|number| format!("{number:016}").into_bytes()));
    }

    fn spread<T: std::hash::Hash>(names: impl Iterator<Item = T>) {
        let [known, secret] = [1, 2].map(|key| Keyed::new([key; 16]));
        let chosen: Vec<_> = names
            .filter(|name| known.hash_one(name) % PLACES == 0)
            .collect();
        assert!(chosen.len() > 600, "{}", chosen.len());
        let mut places = [0; PLACES as usize];
        for name in &chosen {
            places[(secret.hash_one(name) % PLACES) as usize] += 1;
        }
        // Three on average.
        let most = places.into_iter().max();
        assert!(most < Some(16), "{most:?}");
    }
}
