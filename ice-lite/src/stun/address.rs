//! The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2).

use super::{MAGIC_COOKIE, TransactionId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

/// Reads a value; `None` when its family or length is none of the two.
pub(super) fn read_xor(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
    let (&[_, family, p0, p1], address) = value.split_first_chunk()?;
    let port = u16::from_be_bytes([p0, p1]) ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = match family {
        FAMILY_IPV4 => {
            let bits = u32::from_be_bytes(address.try_into().ok()?);
            IpAddr::V4(Ipv4Addr::from_bits(bits ^ MAGIC_COOKIE))
        }
        FAMILY_IPV6 => {
            let bits = u128::from_be_bytes(address.try_into().ok()?);
            IpAddr::V6(Ipv6Addr::from_bits(bits ^ mask_v6(id)))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Writes a value into `buf` and returns its length.
///
/// An IPv4 peer that a dual-stack socket shows as `::ffff:a.b.c.d` gets its IPv4 address.
pub(super) fn write_xor(buf: &mut [u8; 20], address: SocketAddr, id: TransactionId) -> usize {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    buf[2..4].copy_from_slice(&port.to_be_bytes());
    buf[0] = 0;
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            buf[1] = FAMILY_IPV4;
            buf[4..8].copy_from_slice(&(ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes());
            8
        }
        IpAddr::V6(ip) => {
            buf[1] = FAMILY_IPV6;
            buf[4..20].copy_from_slice(&(ip.to_bits() ^ mask_v6(id)).to_be_bytes());
            20
        }
    }
}

/// The magic cookie followed by the transaction id.
fn mask_v6(id: TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&id.0);
    u128::from_be_bytes(mask)
}
