//! ClientHellos that span datagrams, as those with a post-quantum share do, in memory that is
//! allocated once for all clients.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;

use crate::wire::handshake::Header;

/// The longest ClientHello that may come in fragments. One with X25519MLKEM768 has about 1500 bytes.
pub(super) const MAX_HELLO: usize = 4096;

/// ClientHellos in reassembly. Each fragment of an unknown client takes the place of another with
/// a probability of 1/256, and the fragments of a genuine one follow each other closely: so
/// a flood must bring hundreds of fragments in between to be in the way.
const SLOTS: usize = 256;

const WORD: usize = u64::BITS as usize;

/// Reassembles ClientHellos. A client's place follows from its address and a secret.
pub(super) struct Fragments {
    slots: Box<[Slot]>,
    secret: RandomState,
}

/// A whole ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    pub(super) body: &'a [u8],
    /// Bytes of the datagrams that it came in.
    pub(super) received: usize,
}

#[derive(Clone)]
struct Slot {
    owner: Option<Owner>,
    received: usize,
    covered: [u64; MAX_HELLO / WORD],
    bytes: [u8; MAX_HELLO],
}

/// Whose message, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    address: SocketAddr,
    message_seq: u16,
    length: u32,
}

impl Fragments {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot::EMPTY; SLOTS].into_boxed_slice(),
            secret: RandomState::new(),
        }
    }

    /// Keeps a fragment, which came with `received` bytes not counted before. Returns the message
    /// if it is whole now; then it is kept no longer than this borrow. `None` also if it is longer
    /// than [`MAX_HELLO`]. `header` has been checked for its own consistency.
    pub(super) fn add(
        &mut self,
        address: SocketAddr,
        header: &Header,
        data: &[u8],
        received: usize,
    ) -> Option<Whole<'_>> {
        let index = self.secret.hash_one(address) as usize % SLOTS;
        let slot = self.slots.get_mut(index)?;
        let owner = Owner {
            address,
            message_seq: header.message_seq,
            length: header.length,
        };
        let (from, length) = (header.fragment_offset as usize, header.length as usize);
        if length > MAX_HELLO {
            return None;
        }
        // The same client may have begun anew with a message of the same length.
        if slot.owner != Some(owner) || !slot.agrees(from, data) {
            slot.begin(owner);
        }
        slot.received += received;
        slot.fill(from, data);
        if !slot.is_whole(length) {
            return None;
        }
        slot.owner = None;
        Some(Whole {
            body: slot.bytes.get(..length)?,
            received: slot.received,
        })
    }
}

impl Slot {
    const EMPTY: Self = Self {
        owner: None,
        received: 0,
        covered: [0; MAX_HELLO / WORD],
        bytes: [0; MAX_HELLO],
    };

    fn begin(&mut self, owner: Owner) {
        self.owner = Some(owner);
        self.received = 0;
        self.covered = [0; MAX_HELLO / WORD];
    }

    fn is_covered(&self, at: usize) -> bool {
        let word = self.covered.get(at / WORD).copied().unwrap_or_default();
        word >> (at % WORD) & 1 == 1
    }

    /// Whether what came before has the same bytes, where both have any.
    fn agrees(&self, from: usize, data: &[u8]) -> bool {
        let known = self.bytes.iter().skip(from).zip(data).enumerate();
        let mut differing = known.filter(|(_, (known, new))| known != new);
        differing.all(|(at, _)| !self.is_covered(from + at))
    }

    fn fill(&mut self, from: usize, data: &[u8]) {
        if let Some(place) = self.bytes.get_mut(from..from + data.len()) {
            place.copy_from_slice(data);
            for at in from..from + data.len() {
                if let Some(word) = self.covered.get_mut(at / WORD) {
                    *word |= 1 << (at % WORD);
                }
            }
        }
    }

    fn is_whole(&self, length: usize) -> bool {
        let covered: u32 = self.covered.iter().map(|word| word.count_ones()).sum();
        covered as usize == length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::HandshakeType;

    fn header(length: usize, from: usize, data: &[u8]) -> Header {
        Header {
            msg_type: HandshakeType::CLIENT_HELLO,
            length: length as u32,
            message_seq: 0,
            fragment_offset: from as u32,
            fragment_length: data.len() as u32,
        }
    }

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    proptest! {
        /// Pieces in any order, some of them twice.
        #[test]
        fn any_order(
            body in prop::collection::vec(any::<u8>(), 2..MAX_HELLO),
            piece in 1_usize..900,
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        ) {
            let mut fragments = Fragments::new();
            let pieces: Vec<_> = body.chunks(piece).enumerate().collect();
            let random = order.iter().map(|index| *index.get(&pieces));
            let mut received = 0;
            for (index, data) in random.chain(pieces.iter().copied()) {
                received += 13 + data.len();
                let header = header(body.len(), index * piece, data);
                let whole = fragments.add(address(1), &header, data, 13 + data.len());
                if let Some(whole) = whole {
                    prop_assert_eq!(whole, Whole { body: &body, received });
                    return Ok(());
                }
            }
            prop_assert!(false, "never whole");
        }
    }

    #[test]
    fn a_client_that_begins_anew() {
        let mut fragments = Fragments::new();
        let mut add = |from, data: &[u8]| {
            let whole = fragments.add(address(1), &header(6, from, data), data, data.len());
            whole.map(|whole| (whole.body.to_vec(), whole.received))
        };
        assert_eq!(add(0, b"old"), None);
        assert_eq!(add(0, b"new"), None);
        assert_eq!(add(3, b"est"), Some((b"newest".to_vec(), 6)));
        // What was whole is not there any more.
        assert_eq!(add(3, b"est"), None);
    }

    #[test]
    fn clients_are_told_apart() {
        let mut fragments = Fragments::new();
        let (first, second) = (header(4, 0, b"ab"), header(4, 2, b"cd"));
        assert_eq!(fragments.add(address(1), &first, b"ab", 2), None);
        assert_eq!(fragments.add(address(2), &second, b"cd", 2), None);
        let other_seq = Header {
            message_seq: 1,
            ..second
        };
        assert_eq!(fragments.add(address(3), &first, b"ab", 2), None);
        assert_eq!(fragments.add(address(3), &other_seq, b"cd", 2), None);
    }

    #[test]
    fn too_long() {
        let mut fragments = Fragments::new();
        let data = [0; 1000];
        for from in (0..MAX_HELLO).step_by(1000) {
            let header = header(MAX_HELLO + 1, from, &data);
            assert_eq!(fragments.add(address(1), &header, &data, 1000), None);
        }
    }
}
