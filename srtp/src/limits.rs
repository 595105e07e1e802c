//! Limits that hold for both directions.

/// The longest RTP or RTCP packet in bytes, without what protection adds.
///
/// RFC 3711 §4.1.1: the counter of a packet's key stream has 16 bits, and 2^16 blocks are 2^20
/// bytes. AES-GCM has more, but its first two blocks are not of the key stream, and no datagram
/// needs them.
pub const PACKET_MAX: usize = (1 << 20) - 32;
