//! What a ClientHello of an unknown client deserves: a request for a cookie, or a connection.

use std::net::SocketAddr;

use super::cookie::{Bound, Claims, Cookies};
use crate::config::Config;
use crate::error::Error;
use crate::handshake::{Asked, Message, choose_version, retry_request};
use crate::wire::{
    ClientHello, HandshakeType, HelloVerifyRequest, ProtocolVersion, Wire as _, Writer,
};

/// A whole ClientHello and where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub(super) address: SocketAddr,
    pub(super) message: Message<'a>,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Judgement {
    /// The client must prove its address: a message to send.
    Ask(HandshakeType, Vec<u8>),
    /// It has.
    Proven(Claims),
}

/// Reads and judges a ClientHello. No public key is touched.
///
/// # Errors
/// What the handshake would end with, and [`Error::CookieMismatch`].
pub(super) fn judge(
    received: &Received<'_>,
    config: &Config,
    cookies: &Cookies,
) -> Result<Judgement, Error> {
    let hello = received.message.read(HandshakeType::CLIENT_HELLO)?;
    let common = common_part(&hello);
    let exchange = Exchange {
        cookies,
        bound: Bound {
            address: received.address,
            hello: &common,
        },
    };
    match choose_version(&hello, config)? {
        ProtocolVersion::DTLS1_3 => exchange.judge13(&received.message, &hello, config),
        _ => Ok(exchange.judge12(&hello)),
    }
}

struct Exchange<'a> {
    cookies: &'a Cookies,
    bound: Bound<'a>,
}

impl Exchange<'_> {
    fn judge12(&self, hello: &ClientHello<'_>) -> Judgement {
        if let Some(claims) = self.cookies.check(hello.cookie, 0, self.bound) {
            return Judgement::Proven(claims);
        }
        // RFC 6347 §4.2.1: a cookie that is not good is as none.
        let claims = Claims { asked: None };
        let cookie = self.cookies.make(&claims, self.bound);
        // RFC 6347 §4.2.1: the request says DTLS 1.0 whatever the version will be.
        let request = HelloVerifyRequest {
            version: ProtocolVersion::DTLS1_0,
            cookie: &cookie,
        };
        let mut body = Vec::new();
        request.write(&mut Writer::new(&mut body));
        Judgement::Ask(HandshakeType::HELLO_VERIFY_REQUEST, body)
    }

    fn judge13(
        &self,
        message: &Message<'_>,
        hello: &ClientHello<'_>,
        config: &Config,
    ) -> Result<Judgement, Error> {
        let (asked, suite) = Asked::decide(message, hello, config)?;
        let group = asked.group;
        if let Some(cookie) = hello.extensions.cookie {
            let hash_len = suite.hash.output_len();
            // RFC 9147 §5.1: a wrong cookie ends the handshake, so that the client can begin anew.
            return match self.cookies.check(cookie, hash_len, self.bound) {
                Some(claims) => Ok(Judgement::Proven(claims)),
                None => Err(Error::CookieMismatch),
            };
        }
        let claims = Claims { asked: Some(asked) };
        let cookie = self.cookies.make(&claims, self.bound);
        let mut body = Vec::new();
        let request = retry_request(suite, group, Some(&cookie));
        request.write(&mut Writer::new(&mut body));
        Ok(Judgement::Ask(HandshakeType::SERVER_HELLO, body))
    }
}

/// What the second ClientHello must repeat: everything that we understand of the first, except for the
/// cookie and the key shares (RFC 6347 §4.2.1, RFC 8446 §4.1.2).
fn common_part(hello: &ClientHello<'_>) -> Vec<u8> {
    let mut common = hello.clone();
    common.cookie = &[];
    common.extensions.cookie = None;
    common.extensions.key_shares = None;
    let mut bytes = Vec::new();
    common.write(&mut Writer::new(&mut bytes));
    bytes
}
