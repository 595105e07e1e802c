//! The client's hello: one ClientHello for both versions, and one reader of the answer, which
//! picks the version.
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                  begin
//!                      <--------       HelloVerifyRequest*       ExpectServerHello::verify (1.2)
//! ClientHello*         -------->
//!                      <--------        HelloRetryRequest*       ExpectServerHello::retry (1.3)
//! ClientHello*         -------->
//!                      <--------              ServerHello        ExpectServerHello
//! ```

use super::context::Context;
use super::key_share::ClientShares;
use super::keys12::Randoms;
use super::message::Message;
use super::negotiate::{Agreed, Srtp};
use super::suite::Suite;
use super::{State, client12, client13};
use crate::config::Config;
use crate::error::Error;
use crate::flight::Expect;
use crate::wire::{
    ClientExtensions, ClientHello, ExtensionType, HandshakeType, HelloRetryRequest,
    HelloVerifyRequest, ProtocolVersion, ServerHello, UseSrtp, Wire as _,
};

/// The last bytes of a ServerHello's random when a server of DTLS 1.3 was led to choose an older
/// version (RFC 8446 §4.1.3).
const DOWNGRADE_TO_1_2: [u8; 8] = *b"DOWNGRD\x01";
const DOWNGRADE_FURTHER: [u8; 8] = *b"DOWNGRD\x00";

/// What the ClientHello offers; kept so that a second one equals the first.
#[derive(Debug)]
struct Offer {
    random: [u8; 32],
    /// From a HelloVerifyRequest.
    legacy_cookie: Vec<u8>,
    /// From a HelloRetryRequest.
    cookie: Option<Vec<u8>>,
    shares: ClientShares,
}

impl Offer {
    fn send(&self, cx: &mut Context<'_>) {
        let config = cx.layers.config;
        let versions = config.versions();
        let profiles = &config.srtp_profiles;
        let extensions = ClientExtensions {
            // RFC 9147 §5.3: a client of DTLS 1.2 alone need not send the extension.
            supported_versions: config.dtls13.then_some(&versions),
            supported_groups: Some(&config.groups),
            signature_algorithms: Some(&config.signature_schemes),
            use_srtp: (!profiles.is_empty()).then(|| UseSrtp::new(profiles, &config.mki)),
            alpn: (!config.alpn.is_empty()).then_some(&config.alpn),
            extended_master_secret: config.dtls12,
            renegotiation_info: config.dtls12.then_some(&[]),
            ec_point_formats: config.dtls12.then_some(&[0]),
            cookie: self.cookie.as_deref(),
            key_share: self.shares.entries().collect(),
        };
        let hello = ClientHello {
            legacy_version: ProtocolVersion::DTLS1_2,
            random: self.random,
            session_id: &[],
            cookie: &self.legacy_cookie,
            cipher_suites: config.offered_suites(),
            compression_methods: &[0],
            extensions,
        };
        cx.send(HandshakeType::CLIENT_HELLO, |w| hello.write(w));
        cx.layers.end_flight(Expect::Reply);
    }
}

/// Begins: sends the first ClientHello.
pub(super) fn begin(cx: &mut Context<'_>) -> Result<State, Error> {
    let shares = ClientShares::start(cx.layers.config)?;
    let offer = Offer { random: cx.random()?, legacy_cookie: Vec::new(), cookie: None, shares };
    offer.send(cx);
    let next = ExpectServerHello { offer, past: Past::Nothing };
    Ok(State::ClientServerHello(Box::new(next)))
}

/// Waits for the answer to a ClientHello.
#[derive(Debug)]
pub(super) struct ExpectServerHello {
    offer: Offer,
    past: Past,
}

/// What made us send a second ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    Nothing,
    HelloVerifyRequest,
    /// The suite that the HelloRetryRequest named.
    HelloRetryRequest(Suite),
}

impl ExpectServerHello {
    pub(super) fn step(
        self: Box<Self>,
        message: &Message<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let may_verify = self.past == Past::Nothing && cx.layers.config.dtls12;
        if message.message_type == HandshakeType::HELLO_VERIFY_REQUEST && may_verify {
            return self.verify(message, cx);
        }
        let hello = message.read::<ServerHello<'_>>(HandshakeType::SERVER_HELLO)?;
        match self.version(&hello, cx.layers.config)? {
            ProtocolVersion::DTLS1_3 => self.enter13(message, &hello, cx),
            _ => self.enter12(message, &hello, cx),
        }
    }

    /// The server wants proof of our address: the same ClientHello again, with its cookie.
    fn verify(
        self: Box<Self>,
        message: &Message<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let request =
            message.read::<HelloVerifyRequest<'_>>(HandshakeType::HELLO_VERIFY_REQUEST)?;
        let Self { mut offer, .. } = *self;
        // RFC 6347 §4.2.1: the request's server_version says nothing about the version to come;
        // the second ClientHello equals the first but for the cookie.
        offer.legacy_cookie = request.cookie.to_vec();
        cx.core.transcript.forget();
        offer.send(cx);
        let next = Self { offer, past: Past::HelloVerifyRequest };
        Ok(State::ClientServerHello(Box::new(next)))
    }

    /// The version that the server chose.
    fn version(&self, hello: &ServerHello<'_>, config: &Config) -> Result<ProtocolVersion, Error> {
        let version = match hello.extensions.supported_versions {
            // RFC 8446 §4.2.1: the extension names DTLS 1.3 or is illegal.
            Some(ProtocolVersion::DTLS1_3) if config.dtls13 => ProtocolVersion::DTLS1_3,
            Some(_) if !config.dtls13 => {
                return Err(Error::UnsolicitedExtension(ExtensionType::SUPPORTED_VERSIONS));
            }
            Some(other) => return Err(Error::IllegalSelectedVersion(other)),
            None if hello.legacy_version == ProtocolVersion::DTLS1_2 && config.dtls12 => {
                ProtocolVersion::DTLS1_2
            }
            None => return Err(Error::UnofferedVersion(hello.legacy_version)),
        };
        match (self.past, version) {
            (Past::HelloVerifyRequest, ProtocolVersion::DTLS1_3) => {
                // RFC 9147 §5.1: DTLS 1.3 has HelloRetryRequest for this.
                Err(Error::HelloVerifyRequestInDtls13)
            }
            (Past::HelloRetryRequest(_), ProtocolVersion::DTLS1_2) => Err(Error::VersionChanged),
            _ => Ok(version),
        }
    }

    fn enter13(
        self: Box<Self>,
        message: &Message<'_>,
        hello: &ServerHello<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        // RFC 9147 §5.4: legacy_version is that of DTLS 1.2.
        if hello.legacy_version != ProtocolVersion::DTLS1_2 {
            return Err(Error::IllegalSelectedVersion(hello.legacy_version));
        }
        // RFC 9147 §5: the server must not echo a session id.
        if !hello.session_id.is_empty() {
            return Err(Error::SessionIdEchoed);
        }
        let suite = chosen_suite(hello, ProtocolVersion::DTLS1_3, cx.layers.config)?;
        if hello.is_retry_request() {
            return self.retry(message, hello, suite, cx);
        }
        hello.extensions.allow_only(&ALLOWED_IN_SERVER_HELLO_13)?;
        if matches!(self.past, Past::HelloRetryRequest(before) if before != suite) {
            // RFC 8446 §4.1.4: the suite must be that of the HelloRetryRequest.
            return Err(Error::CipherSuiteChanged);
        }
        let share = hello.extensions.key_share;
        let share = share.ok_or(Error::MissingExtension(ExtensionType::KEY_SHARE))?;
        let Offer { random, shares, .. } = self.offer;
        let shared = shares.complete(share.group, share.key_exchange)?;
        let provider = cx.layers.provider();
        cx.core.transcript.start(provider, ProtocolVersion::DTLS1_3, suite.hash);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_3);
        let agreed = Agreed::new(suite, share.group, random);
        client13::begin(agreed, &shared, cx)
    }

    /// The server wants another share, or proof of our address: HelloRetryRequest.
    fn retry(
        self: Box<Self>,
        message: &Message<'_>,
        hello: &ServerHello<'_>,
        suite: Suite,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        if self.past != Past::Nothing {
            // RFC 8446 §4.1.4: a second one is an unexpected message.
            return Err(Error::SecondHelloRetryRequest);
        }
        hello.extensions.allow_only(&ALLOWED_IN_HELLO_RETRY_REQUEST)?;
        let (group, cookie) = (hello.extensions.retry_group, hello.extensions.cookie);
        if group.is_none() && cookie.is_none() {
            // RFC 8446 §4.1.4: it must change the ClientHello.
            return Err(Error::HelloRetryRequestWithoutChange);
        }
        let Self { mut offer, .. } = *self;
        let config = cx.layers.config;
        if let Some(group) = group {
            // RFC 8446 §4.2.8: a group that we offered, without a share of ours.
            if !config.groups(ProtocolVersion::DTLS1_3).any(|ours| ours == group) {
                return Err(Error::UnofferedGroup(group));
            }
            if offer.shares.contains(group) {
                return Err(Error::HelloRetryRequestForSharedGroup(group));
            }
            offer.shares.restart(config, group)?;
        }
        offer.cookie = cookie.map(<[u8]>::to_vec);
        let provider = cx.layers.provider();
        cx.core.transcript.start(provider, ProtocolVersion::DTLS1_3, suite.hash);
        cx.core.transcript.retry(provider);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_3);
        offer.send(cx);
        let next = Self { offer, past: Past::HelloRetryRequest(suite) };
        Ok(State::ClientServerHello(Box::new(next)))
    }

    fn enter12(
        self: Box<Self>,
        message: &Message<'_>,
        hello: &ServerHello<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let config = cx.layers.config;
        let sentinel = hello.random.last_chunk();
        // RFC 8446 §4.1.3: a client of DTLS 1.3 checks for both sentinels.
        if config.dtls13
            && sentinel.is_some_and(|s| *s == DOWNGRADE_TO_1_2 || *s == DOWNGRADE_FURTHER)
        {
            return Err(Error::DowngradeDetected);
        }
        let suite = chosen_suite(hello, ProtocolVersion::DTLS1_2, config)?;
        let extensions = &hello.extensions;
        extensions.allow_only(&ALLOWED_IN_SERVER_HELLO_12)?;
        if !extensions.extended_master_secret {
            // RFC 7627 §5.3: who insists on it ends the handshake.
            return Err(Error::ExtendedMasterSecretMissing);
        }
        // RFC 5746 §3.4: empty in the first handshake. Its absence does no harm to those who
        // never renegotiate.
        if extensions.renegotiation_info.is_some_and(|info| !info.is_empty()) {
            return Err(Error::RenegotiationInfoMismatch);
        }
        // RFC 8422 §5.2: the uncompressed form must be there.
        if extensions.ec_point_formats.is_some_and(|formats| !formats.contains(&0)) {
            return Err(Error::UncompressedPointsRefused);
        }
        let Offer { random, shares, .. } = self.offer;
        let mut agreed = Agreed::new(suite, NamedGroup::default(), random);
        agreed.take_answers(extensions, config)?;
        let provider = cx.layers.provider();
        cx.core.transcript.start(provider, ProtocolVersion::DTLS1_2, suite.hash);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_2);
        let randoms = Randoms { client: random, server: hello.random };
        Ok(client12::begin(agreed, randoms, shares))
    }
}

/// The cipher suite that the server chose, and the compression method that it must choose.
fn chosen_suite(
    hello: &ServerHello<'_>,
    version: ProtocolVersion,
    config: &Config,
) -> Result<Suite, Error> {
    if hello.compression_method != 0 {
        return Err(Error::IllegalCompressionMethod);
    }
    let mut offered = config.suites(version);
    let chosen = offered.find(|suite| suite.id == hello.cipher_suite);
    chosen.ok_or(Error::UnofferedCipherSuite(hello.cipher_suite))
}
