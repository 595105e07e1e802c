//! Messages changed on their way by somebody who has the keys.

use proptest::prelude::*;
use proptest::sample::Index;

use super::harness::{Pair, Sent, VERSIONS, config};
use crate::wire::{HandshakeType, NamedGroup};

/// More than any handshake here has.
const MESSAGES: usize = 16;

/// What becomes of one message.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Truncate(Index),
    Append(Vec<u8>),
    Insert(Index, u8),
    Type(u8),
    Body(Vec<u8>),
    Drop,
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => at().prop_map(Change::Truncate),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Change::Append),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<u8>().prop_map(Change::Type),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Change::Body),
        1 => Just(Change::Drop),
    ]
}

impl Change {
    /// What comes in place of `sent`.
    fn apply(&self, sent: &Sent) -> Vec<Sent> {
        let mut changed = sent.clone();
        let body = &mut changed.body;
        match self {
            Self::Flip(at, bit) if !body.is_empty() => body[at.index(sent.body.len())] ^= 1 << bit,
            Self::Truncate(at) if !body.is_empty() => body.truncate(at.index(sent.body.len())),
            Self::Insert(at, byte) => body.insert(at.index(sent.body.len() + 1), *byte),
            Self::Append(more) => body.extend_from_slice(more),
            Self::Body(other) => body.clone_from(other),
            Self::Type(kind) => changed.message_type = HandshakeType(*kind),
            Self::Drop => return vec![],
            Self::Flip(..) | Self::Truncate(_) => {}
        }
        vec![changed]
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// T-API-04: whatever becomes of whichever message, in either version and direction, under keys or
    /// before them: nothing panics, and no handshake with a changed message completes on both sides.
    #[test]
    fn t_api_04_no_changed_message_gets_through(
        version in prop::sample::select(&VERSIONS),
        nth in 0..MESSAGES,
        change in change(),
    ) {
        let mut pair = Pair::new(config(version).groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]));
        let (mut count, mut is_changed) = (0, false);
        let outcome = pair.run(|_, flight| {
            let mut out = Vec::new();
            for sent in flight.iter() {
                let is_it = count == nth;
                count += 1;
                let now = if is_it { change.apply(sent) } else { vec![sent.clone()] };
                is_changed |= now != [sent.clone()];
                out.extend(now);
            }
            *flight = out;
        });
        if is_changed {
            prop_assert!(!pair.is_established(), "{outcome:?}");
        } else {
            prop_assert_eq!(outcome, Ok(()));
        }
    }
}
