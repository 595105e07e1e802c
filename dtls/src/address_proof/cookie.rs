//! Cookies: what a client sends back to prove that it receives at its address.
//!
//! ```text
//!  period u8 | mac 16 bytes                                     DTLS 1.2
//!  period u8 | group u16 | hash of ClientHello1 | mac 16 bytes  DTLS 1.3
//! ```
//!
//! The MAC is over all before it, the client's address, and what the second ClientHello must
//! repeat of the first. So nothing of a client needs to be kept until it comes back.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::crypto::{CryptoError, CryptoProvider, Digest, HashAlgorithm, Hmac};
use crate::handshake::Asked;
use crate::wire::NamedGroup;

/// How long a key makes cookies. It is good for checking as long again, so that a cookie lives for
/// one to two minutes: time for a client to lose some datagrams.
const PERIOD: Duration = Duration::from_secs(60);

/// Bytes of the MAC: 2^128 guesses, each of which costs a datagram. Short, as the answer must not
/// be longer than the ClientHello.
const MAC: usize = 16;

/// Bytes of an address in the MAC: an IPv6 address and a port.
const ADDRESS: usize = 16 + 2;

/// What a cookie says about the first ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// DTLS 1.3: what the HelloRetryRequest asked for.
    pub(super) asked: Option<Asked>,
}

/// What a cookie is bound to besides its claims.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound<'a> {
    pub(super) address: SocketAddr,
    /// What must be the same in both ClientHellos.
    pub(super) hello: &'a [u8],
}

/// Makes cookies, and checks them.
pub(super) struct Cookies {
    start: Instant,
    /// All keys are derived from it.
    secret: Box<dyn Hmac>,
    current: Key,
    previous: Key,
}

struct Key {
    period: u64,
    mac: Box<dyn Hmac>,
}

impl Cookies {
    pub(super) fn new(provider: &dyn CryptoProvider, now: Instant) -> Result<Self, CryptoError> {
        let mut secret = Zeroizing::new([0; 32]);
        provider.fill_random(&mut *secret)?;
        let secret = provider.hmac(HashAlgorithm::Sha256, &*secret);
        Ok(Self {
            start: now,
            current: Key::derive(provider, &*secret, 1),
            previous: Key::derive(provider, &*secret, 0),
            secret,
        })
    }

    /// Takes new keys when their time has come.
    pub(super) fn rotate(&mut self, provider: &dyn CryptoProvider, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).as_secs();
        let period = 1 + elapsed / PERIOD.as_secs();
        if period > self.current.period {
            self.current = Key::derive(provider, &*self.secret, period);
            self.previous = Key::derive(provider, &*self.secret, period - 1);
        }
    }

    /// The cookie for these claims.
    pub(super) fn make(&self, claims: &Claims, bound: Bound<'_>) -> Vec<u8> {
        let mut cookie = vec![self.current.period as u8];
        if let Some(asked) = &claims.asked {
            let group = asked.group.unwrap_or(NO_GROUP);
            cookie.extend_from_slice(&group.0.to_be_bytes());
            cookie.extend_from_slice(asked.first.as_ref());
        }
        let mac = self.current.mac(&cookie, bound);
        cookie.extend_from_slice(&mac);
        cookie
    }

    /// What a cookie of ours says. `None` if it is not ours, too old, or bound to something else.
    /// `hash_len` is the length of the hash in DTLS 1.3, 0 in DTLS 1.2.
    pub(super) fn check(&self, cookie: &[u8], hash_len: usize, bound: Bound<'_>) -> Option<Claims> {
        let (claims, mac) = cookie.split_last_chunk::<MAC>()?;
        let (&[period], rest) = claims.split_first_chunk()?;
        let mut keys = [&self.current, &self.previous].into_iter();
        let key = keys.find(|key| key.period as u8 == period)?;
        if !bool::from(key.mac(claims, bound).ct_eq(mac)) {
            return None;
        }
        let asked = match rest.split_first_chunk() {
            Some((&[g0, g1], first)) if first.len() == hash_len => Some(Asked {
                group: Some(NamedGroup(u16::from_be_bytes([g0, g1]))).filter(|&g| g != NO_GROUP),
                first: Digest::new(first),
            }),
            None if rest.is_empty() && hash_len == 0 => None,
            _ => return None,
        };
        Some(Claims { asked })
    }
}

/// Stands for no group: the number is reserved (RFC 8446 §4.2.7 starts at 1).
const NO_GROUP: NamedGroup = NamedGroup(0);

impl Key {
    fn derive(provider: &dyn CryptoProvider, secret: &dyn Hmac, period: u64) -> Self {
        let key = secret.sign(&[b"cookie", &period.to_be_bytes()]);
        Self {
            period,
            mac: provider.hmac(HashAlgorithm::Sha256, key.as_ref()),
        }
    }

    fn mac(&self, claims: &[u8], bound: Bound<'_>) -> [u8; MAC] {
        // The version, or the part before, gives the length of each part but the last.
        let parts = [
            &[claims.len() as u8][..],
            claims,
            &address_bytes(bound.address),
            bound.hello,
        ];
        let mac = self.mac.sign(&parts);
        let mut short = [0; MAC];
        short.copy_from_slice(&mac.as_ref()[..MAC]);
        short
    }
}

/// One form for each address: sockets for both families show IPv4 inside of IPv6.
fn address_bytes(address: SocketAddr) -> [u8; ADDRESS] {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; ADDRESS];
    bytes[..16].copy_from_slice(&ip.octets());
    bytes[16..].copy_from_slice(&address.port().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::default_provider;

    const HELLO: &[u8] = b"what both hellos have in common";

    fn at(address: &str) -> Bound<'static> {
        Bound {
            address: address.parse().expect("an address"),
            hello: HELLO,
        }
    }

    fn claims() -> [Claims; 3] {
        let groups = [None, Some(NamedGroup::X25519)];
        let [plain, with_group] = groups.map(|group| {
            let first = Digest::new(&[7; 32]);
            Some(Asked { group, first })
        });
        [None, plain, with_group].map(|asked| Claims { asked })
    }

    fn hash_len(claims: &Claims) -> usize {
        let asked = claims.asked.as_ref();
        asked.map_or(0, |asked| asked.first.as_ref().len())
    }

    #[test]
    fn a_cookie_gives_back_its_claims() {
        let cookies = Cookies::new(&*default_provider(), Instant::now()).expect("random");
        for claims in claims() {
            let cookie = cookies.make(&claims, at("192.0.2.1:5000"));
            let length = hash_len(&claims);
            let check = |bound| cookies.check(&cookie, length, bound);
            assert_eq!(check(at("192.0.2.1:5000")), Some(claims.clone()));
            assert_eq!(check(at("[::ffff:192.0.2.1]:5000")), Some(claims));
            assert_eq!(check(at("192.0.2.1:5001")), None);
            assert_eq!(check(at("192.0.2.2:5000")), None);
            let hello = Bound {
                hello: b"something else",
                ..at("192.0.2.1:5000")
            };
            assert_eq!(check(hello), None);
            // A cookie of one version is none of the other.
            assert_eq!(
                cookies.check(&cookie, 32 - length, at("192.0.2.1:5000")),
                None
            );
        }
    }

    /// T-D13-02: no bit of a cookie can be changed, and none left out.
    #[test]
    fn every_bit_counts() {
        let cookies = Cookies::new(&*default_provider(), Instant::now()).expect("random");
        let bound = at("[2001:db8::1]:443");
        for claims in claims() {
            let cookie = cookies.make(&claims, bound);
            for bit in 0..8 * cookie.len() {
                let mut changed = cookie.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(cookies.check(&changed, hash_len(&claims), bound), None);
            }
            for length in 0..cookie.len() {
                let cut = &cookie[..length];
                assert_eq!(cookies.check(cut, hash_len(&claims), bound), None);
            }
        }
    }

    #[test]
    fn keys_change_and_cookies_grow_old() {
        let provider = default_provider();
        let start = Instant::now();
        let mut cookies = Cookies::new(&*provider, start).expect("random");
        let bound = at("192.0.2.1:5000");
        let [claims, ..] = claims();
        let cookie = cookies.make(&claims, bound);
        for (seconds, good) in [(59, true), (60, true), (119, true), (120, false)] {
            cookies.rotate(&*provider, start + Duration::from_secs(seconds));
            let known = cookies.check(&cookie, 0, bound);
            assert_eq!(known.is_some(), good, "after {seconds} s");
        }
        assert_ne!(cookies.make(&claims, bound), cookie);
        // After a long silence, and where the number of the period comes round again.
        cookies.rotate(&*provider, start + PERIOD * 256);
        assert_eq!(cookies.check(&cookie, 0, bound), None);
    }
}
