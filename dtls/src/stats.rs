//! What an operator can count: traffic, retransmissions, and why datagrams were dropped.

use std::fmt;

macro_rules! discards {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Why a record, or a part of one, was dropped. Such noise ends no connection; it is
        /// counted in [`Statistics`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Discard {
            $($(#[$doc])* $variant,)*
        }

        impl Discard {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// A short name in snake case, for metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

discards! {
    /// A header that is cut off, claims more than there is, or has a connection ID.
    MalformedRecord => "malformed_record",
    /// No keys are known for the record's epoch, or no longer.
    UnknownEpoch => "unknown_epoch",
    /// Plaintext, after the peer's first protected record.
    LatePlaintext => "late_plaintext",
    /// The header is not of the form or the version that belongs to its epoch.
    WrongHeader => "wrong_header",
    /// Too short for a tag (RFC 9147 §4.2.3, §4.5.2).
    TooShort => "too_short",
    /// Received before, or too old to tell (RFC 9147 §4.5.1).
    Replayed => "replayed",
    /// The tag does not fit.
    Forged => "forged",
    /// More records in one datagram than are looked at.
    TooManyRecords => "too_many_records",
    /// A handshake fragment for which there was no room, or far from its turn.
    NoRoom => "no_room",
    /// A handshake message that came before.
    RepeatedMessage => "repeated_message",
    /// Application data before the peer is known to be the expected one.
    EarlyApplicationData => "early_application_data",
    /// Plaintext that breaks the rules: anybody may have sent it.
    InvalidPlaintext => "invalid_plaintext",
    /// An alert in plaintext, which ends a handshake only if that does not go on.
    UnprovenAlert => "unproven_alert",
    /// An ACK that means nothing yet, because the version is not known.
    EarlyAck => "early_ack",
    /// A ChangeCipherSpec, which says nothing that the epochs don't say.
    ChangeCipherSpec => "change_cipher_spec",
    /// Application data while too many events wait to be polled.
    TooManyEvents => "too_many_events",
    /// An empty record.
    Empty => "empty",
    /// A warning alert other than close_notify.
    Warning => "warning",
    /// The connection has ended.
    Closed => "closed",
    /// Anything but a ClientHello from an address that was not proven.
    UnprovenSender => "unproven_sender",
    /// A ClientHello that is shorter than the request for a cookie would be.
    ShortHello => "short_hello",
}

/// Counters of one connection since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Datagrams given to `handle_datagram`.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Records opened.
    pub records_received: u64,
    /// Records that came before their keys, and were kept for them.
    pub records_early: u64,
    /// Datagrams taken with `poll_transmit`.
    pub datagrams_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Transmissions of a flight after its first one.
    pub retransmissions: u32,
    discards: [u32; Discard::ALL.len()],
}

impl Statistics {
    /// How often this was the reason to drop something.
    #[must_use]
    pub fn discarded(&self, reason: Discard) -> u32 {
        self.discards
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Every reason with its count.
    pub fn discards(&self) -> impl Iterator<Item = (Discard, u32)> {
        Discard::ALL.iter().copied().zip(self.discards)
    }

    pub(crate) fn count(&mut self, reason: Discard) {
        if let Some(count) = self.discards.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_reason() {
        let mut statistics = Statistics::default();
        statistics.count(Discard::Forged);
        statistics.count(Discard::Forged);
        statistics.count(Discard::Closed);
        assert_eq!(statistics.discarded(Discard::Forged), 2);
        assert_eq!(
            statistics.discards().map(|(_, count)| count).sum::<u32>(),
            3
        );
        let named = statistics.discards().find(|(_, count)| *count == 2);
        assert_eq!(
            named.map(|(reason, _)| reason.to_string()).as_deref(),
            Some("forged")
        );
    }
}
