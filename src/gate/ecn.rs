//! Explicit congestion notification.

/// The ECN field of a datagram's IP header (RFC 3168 §5): what its transport is capable of, or what a
/// router on the way has marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// The transport does not react to marks, or the system does not say.
    #[default]
    NotEct,
    /// ECT(1): the sender reacts to each mark at once, as L4S does (RFC 9331).
    Ect1,
    /// ECT(0): the sender reacts to marks as it does to losses.
    Ect0,
    /// A queue on the way is filling.
    Ce,
}
