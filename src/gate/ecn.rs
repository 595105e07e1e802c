//! Explicit congestion notification.

/// The ECN field of a datagram's IP header (RFC 3168 §5): what its sender is capable of, or what a
/// router on the way has marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// No transport that hears of congestion by marks, or a system that does not tell.
    #[default]
    NotEct,
    /// ECT(1): a sender that answers marks at once, as L4S has it (RFC 9331).
    Ect1,
    /// ECT(0): a sender that answers marks as it answers losses.
    Ect0,
    /// A queue on the way is filling.
    Ce,
}
