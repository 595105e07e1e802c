//! The client's hello: one ClientHello for both versions, and one reader of the answer, which
//! picks the version.
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                 begin
//!                      <--------      HelloVerifyRequest*        ExpectServerHello::verify (1.2)
//! ClientHello*         -------->
//!                      <--------       HelloRetryRequest*        ExpectServerHello::retry (1.3)
//! ClientHello*         -------->
//!                      <--------              ServerHello        ExpectServerHello
//! ```

use super::answers::Answers;
use super::context::Context;
use super::established::Agreed;
use super::hello12::{self, NULL_COMPRESSION, UNCOMPRESSED};
use super::key_share::ClientShares;
use super::keys12::Randoms;
use super::message::Message;
use super::suite::Suite;
use super::{State, client12, client13};
use crate::config::Config;
use crate::error::Error;
use crate::flight::Expect;
use crate::wire::{
    AlpnOffer, CipherSuite, ClientExtensions, ClientHello, ExtensionType, HandshakeType,
    HelloVerifyRequest, KeyShares, List, ProtocolVersion, ServerExtensions, ServerHello,
    ServerKeyShare, UseSrtp, Wire as _,
};

/// The last bytes of a ServerHello's random, by which a newer server says that it was asked for an
/// older version: DTLS 1.2, or an even older one (RFC 8446 §4.1.3).
const DOWNGRADES: [[u8; 8]; 2] = [*b"DOWNGRD\x01", *b"DOWNGRD\x00"];

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
    fn send(&self, cx: &mut Context<'_>) -> Result<(), Error> {
        let config = cx.layers.config;
        let versions = config.versions();
        let suites: Vec<CipherSuite> = config.all_suites().map(|suite| suite.id).collect();
        let groups: Vec<_> = config.all_groups().collect();
        let shares: Vec<_> = self.shares.entries().collect();
        let dtls12 = config.dtls12;
        let srtp = UseSrtp {
            profiles: List::Values(&config.srtp_profiles),
            mki: &config.mki,
        };
        let extensions = ClientExtensions {
            // RFC 8446 §4.2.1: a client that offers nothing above DTLS 1.2 need not send it.
            supported_versions: config.dtls13.then_some(List::Values(&versions)),
            supported_groups: Some(List::Values(&groups)),
            signature_algorithms: Some(List::Values(&config.signature_schemes)),
            key_shares: config
                .dtls13
                .then_some(KeyShares::Some(List::Values(&shares))),
            use_srtp: (!config.srtp_profiles.is_empty()).then_some(srtp),
            alpn: (!config.alpn.is_empty()).then_some(AlpnOffer::Names(&config.alpn)),
            cookie: self.cookie.as_deref(),
            ec_point_formats: dtls12.then_some(&[UNCOMPRESSED]),
            renegotiation_info: dtls12.then_some(&[]),
            extended_master_secret: dtls12,
            server_name: config.server_name.as_deref().map(str::as_bytes),
            record_size_limit: config.record_size_limit,
            psk_dhe_ke: config.dtls13 && config.invite_tickets,
        };
        let hello = ClientHello {
            version: ProtocolVersion::DTLS1_2,
            random: self.random,
            // RFC 9147 §5.3: empty, unless there is a session to resume.
            session_id: &[],
            cookie: &self.legacy_cookie,
            cipher_suites: List::Values(&suites),
            compression_methods: &[NULL_COMPRESSION],
            extensions,
        };
        cx.send(HandshakeType::CLIENT_HELLO, |w| hello.write(w))?;
        cx.layers.end_flight(Expect::Reply);
        Ok(())
    }
}

/// Begins: sends the first ClientHello.
pub(super) fn begin(cx: &mut Context<'_>) -> Result<State, Error> {
    let shares = ClientShares::start(cx.layers.config)?;
    let random = cx.random()?;
    let offer = Offer {
        random,
        legacy_cookie: Vec::new(),
        cookie: None,
        shares,
    };
    offer.send(cx)?;
    let next = ExpectServerHello {
        offer,
        past: Past::Nothing,
    };
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
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        if message.message_type == HandshakeType::HELLO_VERIFY_REQUEST && self.past == Past::Nothing
        {
            return self.verify(message, cx);
        }
        let hello = message.read::<ServerHello<'_>>(HandshakeType::SERVER_HELLO)?;
        match self.version(&hello, cx.layers.config)? {
            ProtocolVersion::DTLS1_3 => self.enter13(message, &hello, cx),
            _ => self.enter12(message, &hello, cx),
        }
    }

    /// The server wants proof of our address: the same ClientHello again, with its cookie.
    fn verify(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let expected = HandshakeType::HELLO_VERIFY_REQUEST;
        let request = message.read::<HelloVerifyRequest<'_>>(expected)?;
        let ours = cx.layers.config.versions();
        if !ours.contains(&ProtocolVersion::DTLS1_2) {
            // RFC 9147 §5.1: only a server of an older version sends this message.
            let theirs = vec![ProtocolVersion::DTLS1_2];
            return Err(Error::NoCommonVersion { ours, theirs });
        }
        let Self { mut offer, .. } = self;
        // RFC 6347 §4.2.1: server_version of the request says nothing about the version to come,
        // and the second ClientHello equals the first but for the cookie.
        offer.legacy_cookie = request.cookie.to_vec();
        cx.core.transcript.forget();
        offer.send(cx)?;
        let next = Self {
            offer,
            past: Past::HelloVerifyRequest,
        };
        Ok(State::ClientServerHello(Box::new(next)))
    }

    /// The version that the server chose.
    fn version(&self, hello: &ServerHello<'_>, config: &Config) -> Result<ProtocolVersion, Error> {
        let version = match hello.extensions.selected_version {
            Some(_) if !config.dtls13 => {
                return Err(Error::UnsolicitedExtension(
                    ExtensionType::SUPPORTED_VERSIONS,
                ));
            }
            // RFC 8446 §4.2.1: the extension names DTLS 1.3, or is illegal.
            Some(ProtocolVersion::DTLS1_3) => ProtocolVersion::DTLS1_3,
            Some(other) => return Err(Error::IllegalSelectedVersion(other)),
            None if hello.version == ProtocolVersion::DTLS1_2 && config.dtls12 => {
                ProtocolVersion::DTLS1_2
            }
            None => return Err(Error::UnofferedVersion(hello.version)),
        };
        match (self.past, version) {
            // RFC 9147 §5.1: DTLS 1.3 has HelloRetryRequest for this.
            (Past::HelloVerifyRequest, ProtocolVersion::DTLS1_3) => {
                Err(Error::HelloVerifyRequestInDtls13)
            }
            (Past::HelloRetryRequest(_), ProtocolVersion::DTLS1_2) => Err(Error::VersionChanged),
            _ => Ok(version),
        }
    }

    fn enter13(
        self,
        message: &Message<'_>,
        hello: &ServerHello<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        // RFC 9147 §5.4: legacy_version is that of DTLS 1.2.
        if hello.version != ProtocolVersion::DTLS1_2 {
            return Err(Error::IllegalSelectedVersion(hello.version));
        }
        // RFC 9147 §5: a server of DTLS 1.3 must not echo a session id.
        if !hello.session_id.is_empty() {
            return Err(Error::SessionIdEchoed);
        }
        let suite = chosen_suite(hello, ProtocolVersion::DTLS1_3, cx.layers.config)?;
        if hello.is_retry() {
            return self.retry(message, &hello.extensions, suite, cx);
        }
        if matches!(self.past, Past::HelloRetryRequest(before) if before != suite) {
            // RFC 8446 §4.1.4: the suite must be that of the HelloRetryRequest.
            return Err(Error::CipherSuiteChanged);
        }
        Answers::in_server_hello13(&hello.extensions)?;
        let Some(ServerKeyShare::Share(share)) = hello.extensions.key_share else {
            return Err(Error::MissingExtension(ExtensionType::KEY_SHARE));
        };
        let Offer { random, shares, .. } = self.offer;
        let shared = shares.complete(share.group, share.key_exchange)?;
        let provider = cx.layers.provider();
        cx.core
            .transcript
            .start(provider, ProtocolVersion::DTLS1_3, suite.hash);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_3);
        let answers = Answers::default();
        let agreed = Agreed {
            suite,
            group: share.group,
            answers,
            client_random: random,
        };
        client13::begin(agreed, &shared, cx)
    }

    /// The server wants another share, or proof of our address: HelloRetryRequest.
    fn retry(
        self,
        message: &Message<'_>,
        extensions: &ServerExtensions<'_>,
        suite: Suite,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        if self.past != Past::Nothing {
            // RFC 8446 §4.1.4: a second one is an unexpected message.
            return Err(Error::SecondHelloRetryRequest);
        }
        Answers::in_retry_request(extensions)?;
        let group = match extensions.key_share {
            Some(ServerKeyShare::Retry(group)) => Some(group),
            _ => None,
        };
        if group.is_none() && extensions.cookie.is_none() {
            // RFC 8446 §4.1.4: it must change the ClientHello.
            return Err(Error::HelloRetryRequestWithoutChange);
        }
        let Self { mut offer, .. } = self;
        if let Some(group) = group {
            offer.shares.restart(cx.layers.config, group)?;
        }
        offer.cookie = extensions.cookie.map(<[u8]>::to_vec);
        let provider = cx.layers.provider();
        cx.core
            .transcript
            .start(provider, ProtocolVersion::DTLS1_3, suite.hash);
        cx.core.transcript.retry(provider);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_3);
        offer.send(cx)?;
        let next = Self {
            offer,
            past: Past::HelloRetryRequest(suite),
        };
        Ok(State::ClientServerHello(Box::new(next)))
    }

    fn enter12(
        self,
        message: &Message<'_>,
        hello: &ServerHello<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let config = cx.layers.config;
        // RFC 8446 §4.1.3: a client that offered DTLS 1.3 looks for the sentinels.
        if config.dtls13
            && DOWNGRADES
                .iter()
                .any(|sentinel| hello.random.ends_with(sentinel))
        {
            return Err(Error::DowngradeDetected);
        }
        let suite = chosen_suite(hello, ProtocolVersion::DTLS1_2, config)?;
        let extensions = &hello.extensions;
        hello12::check_extensions(
            config,
            extensions.extended_master_secret,
            extensions.renegotiation_info,
            extensions.ec_point_formats,
        )?;
        let answers = Answers::in_server_hello12(extensions, config)?;
        let Offer { random, shares, .. } = self.offer;
        let provider = cx.layers.provider();
        cx.core
            .transcript
            .start(provider, ProtocolVersion::DTLS1_2, suite.hash);
        cx.record(message);
        cx.set_version(ProtocolVersion::DTLS1_2);
        cx.layers.limit_records(answers.record_sizes);
        let randoms = Randoms {
            client: random,
            server: hello.random,
            extended: extensions.extended_master_secret,
        };
        Ok(client12::begin(suite, answers, randoms, shares))
    }
}

/// The cipher suite that the server chose, and the compression method that it must choose.
fn chosen_suite(
    hello: &ServerHello<'_>,
    version: ProtocolVersion,
    config: &Config,
) -> Result<Suite, Error> {
    if hello.compression_method != NULL_COMPRESSION {
        return Err(Error::IllegalCompressionMethod);
    }
    let mut offered = config.suites(version);
    let chosen = offered.find(|suite| suite.id == hello.cipher_suite);
    chosen.ok_or(Error::UnofferedCipherSuite(hello.cipher_suite))
}
