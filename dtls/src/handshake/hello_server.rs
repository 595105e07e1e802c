//! The server's hello: one reader of ClientHello for both versions, which picks the version.
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                 ExpectClientHello
//!                      <--------       HelloRetryRequest*        (1.3, without usable share)
//! ClientHello*         -------->                                 ExpectRetriedHello
//!                      <--------              ServerHello
//! ```
//!
//! Where the client must prove its address first, both hellos before this are handled by
//! [`AddressProof`](crate::AddressProof), and the states start with [`begin_proven`].

use super::answers::Answers;
use super::context::Context;
use super::established::Agreed;
use super::hello12::{self, NULL_COMPRESSION, UNCOMPRESSED};
use super::keys12::Randoms;
use super::message::Message;
use super::negotiate::{self, GroupChoice, RetryCost};
use super::suite::{self, Suite};
use super::transcript::{self, Transcript};
use super::{State, server12, server13};
use crate::config::Config;
use crate::crypto::Digest;
use crate::error::Error;
use crate::flight::Expect;
use crate::wire::{
    CipherSuite, ClientHello, HandshakeType, KeyShareEntry, NamedGroup, ProtocolVersion, Reader,
    ServerExtensions, ServerHello, ServerKeyShare, Wire as _,
};

/// The last bytes of our random if we are led to choose DTLS 1.2 although we have DTLS 1.3
/// (RFC 8446 §4.1.3).
const DOWNGRADE: [u8; 8] = *b"DOWNGRD\x01";

/// Waits for the first ClientHello.
#[derive(Debug)]
pub(super) struct ExpectClientHello;

impl ExpectClientHello {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let hello = message.read::<ClientHello<'_>>(HandshakeType::CLIENT_HELLO)?;
        let version = negotiate::choose_version(&hello, cx.layers.config)?;
        match version {
            ProtocolVersion::DTLS1_3 => enter13(message, &hello, cx),
            _ => enter12(message, &hello, cx),
        }
    }
}

// ---- DTLS 1.2 -----------------------------------------------------------------------------------

/// Chooses and answers for DTLS 1.2.
fn enter12(
    message: &Message<'_>,
    hello: &ClientHello<'_>,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    const VERSION: ProtocolVersion = ProtocolVersion::DTLS1_2;
    let config = cx.layers.config;
    check_hello12(hello, config)?;
    let group = negotiate::choose_group12(hello, config)?;
    let schemes = hello.extensions.signature_algorithms.as_ref();
    let (suite, scheme) = cx.core.select_certificate(|certificate| {
        let key = Some(suite::authentication(certificate.signing_key()));
        negotiate::check_curve12(hello, certificate, config)?;
        let suite = negotiate::choose_suite(hello, VERSION, config, key)?;
        Ok((
            suite,
            negotiate::choose_scheme(certificate, VERSION, schemes)?,
        ))
    })?;
    let answers = Answers::choose(hello, config)?;
    cx.set_version(VERSION);
    cx.layers.limit_records(answers.record_sizes);
    cx.record(message);
    cx.core
        .transcript
        .start(cx.layers.provider(), VERSION, suite.hash);

    let randoms = Randoms {
        client: hello.random,
        server: server_random12(cx)?,
        extended: hello.extensions.extended_master_secret,
    };
    let extensions = ServerExtensions {
        // RFC 7627 §5.3: in answer to the client's alone.
        extended_master_secret: randoms.extended,
        renegotiation_info: offers_renegotiation_info(hello).then_some(&[]),
        ec_point_formats: hello
            .extensions
            .ec_point_formats
            .map(|_| &[UNCOMPRESSED][..]),
        ..answers.extensions()
    };
    // RFC 5246 §7.4.1.3: an empty session id, as there will be nothing to resume.
    send_server_hello(randoms.server, suite, extensions, cx)?;
    let agreed = Agreed {
        suite,
        group,
        answers,
        client_random: hello.random,
    };
    server12::begin(agreed, randoms, scheme, cx)
}

/// What DTLS 1.2 demands of a ClientHello besides things to choose from.
fn check_hello12(hello: &ClientHello<'_>, config: &Config) -> Result<(), Error> {
    let extensions = &hello.extensions;
    if !hello.compression_methods.contains(&NULL_COMPRESSION) {
        return Err(Error::IllegalCompressionMethod);
    }
    hello12::check_extensions(
        config,
        extensions.extended_master_secret,
        extensions.renegotiation_info,
        extensions.ec_point_formats,
    )
}

/// RFC 5746 §3.6: the extension, or the cipher suite that stands for it.
fn offers_renegotiation_info(hello: &ClientHello<'_>) -> bool {
    hello.extensions.renegotiation_info.is_some()
        || hello
            .cipher_suites
            .contains(CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV)
}

fn server_random12(cx: &Context<'_>) -> Result<[u8; 32], Error> {
    let mut random = cx.random()?;
    if cx.layers.config.dtls13 {
        // RFC 8446 §4.1.3: a server of DTLS 1.3 that chooses DTLS 1.2 says so.
        random[24..].copy_from_slice(&DOWNGRADE);
    }
    Ok(random)
}

// ---- DTLS 1.3 -----------------------------------------------------------------------------------

/// Chooses for DTLS 1.3, and answers or asks for a second ClientHello.
fn enter13(
    message: &Message<'_>,
    hello: &ClientHello<'_>,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    check_hello13(hello)?;
    let config = cx.layers.config;
    let version = ProtocolVersion::DTLS1_3;
    let suite = negotiate::choose_suite(hello, version, config, None)?;
    let choice = negotiate::choose_group13(hello, config, RetryCost::RoundTrip)?;
    cx.set_version(version);
    cx.record(message);
    cx.core
        .transcript
        .start(cx.layers.provider(), version, suite.hash);
    match choice {
        GroupChoice::Share(share) => answer13(hello, suite, share, cx),
        GroupChoice::Retry(group) => ask_again(message, suite, group, cx),
    }
}

/// What DTLS 1.3 demands of a ClientHello besides things to choose from.
fn check_hello13(hello: &ClientHello<'_>) -> Result<(), Error> {
    // RFC 9147 §5.3: legacy_cookie is empty if DTLS 1.3 is negotiated.
    if !hello.cookie.is_empty() {
        return Err(Error::NonEmptyLegacyCookie);
    }
    // RFC 8446 §4.1.2: exactly one method, null.
    if hello.compression_methods != [NULL_COMPRESSION] {
        return Err(Error::IllegalCompressionMethod);
    }
    Ok(())
}

/// Asks for a second ClientHello, with a share of `group`.
fn ask_again(
    message: &Message<'_>,
    suite: Suite,
    group: NamedGroup,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    cx.core.transcript.retry(cx.layers.provider());
    let request = retry_request(suite, Some(group), None);
    cx.send(HandshakeType::SERVER_HELLO, |w| request.write(w))?;
    cx.layers.end_flight(Expect::Reply);
    let first = message.body.to_vec();
    let next = ExpectRetriedHello { first, group };
    Ok(State::ServerRetriedHello(Box::new(next)))
}

/// Waits for the ClientHello after our HelloRetryRequest (DTLS 1.3).
#[derive(Debug)]
pub(super) struct ExpectRetriedHello {
    /// The body of the first ClientHello.
    first: Vec<u8>,
    /// The group that we asked for.
    group: NamedGroup,
}

impl ExpectRetriedHello {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let hello = message.read::<ClientHello<'_>>(HandshakeType::CLIENT_HELLO)?;
        if negotiate::choose_version(&hello, cx.layers.config)? != ProtocolVersion::DTLS1_3 {
            return Err(Error::VersionChanged);
        }
        // RFC 8446 §4.2.2: only a client that was given a cookie sends one.
        if hello.extensions.cookie.is_some() {
            return Err(Error::CookieMismatch);
        }
        if !equals_first(&self.first, &hello) {
            return Err(Error::ClientHelloChanged);
        }
        answer_second(message, &hello, Some(self.group), cx)
    }
}

/// RFC 8446 §4.1.2: the second ClientHello differs in cookie and key shares at most (and in
/// extensions that we don't know).
fn equals_first(first: &[u8], second: &ClientHello<'_>) -> bool {
    let Ok(mut first) = Reader::read_exact::<ClientHello<'_>>(first) else {
        return false;
    };
    first.extensions.key_shares = second.extensions.key_shares;
    first.extensions.cookie = second.extensions.cookie;
    first == *second
}

/// Answers the second ClientHello, after the first one and the HelloRetryRequest, which asked for a
/// share of `group` or for a cookie alone.
fn answer_second(
    message: &Message<'_>,
    hello: &ClientHello<'_>,
    group: Option<NamedGroup>,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    check_hello13(hello)?;
    let config = cx.layers.config;
    // What we choose from has not changed, so neither does the choice.
    let suite = negotiate::choose_suite(hello, ProtocolVersion::DTLS1_3, config, None)?;
    let choice = negotiate::choose_group13(hello, config, RetryCost::Forbidden)?;
    let GroupChoice::Share(share) = choice else {
        return Err(Error::InconsistentKeyShares);
    };
    // RFC 8446 §4.2.8: the new share is of the group that we asked for.
    if group.is_some_and(|group| group != share.group) {
        return Err(Error::InconsistentKeyShares);
    }
    cx.record(message);
    answer13(hello, suite, share, cx)
}

/// Answers the ClientHello, which stands in the transcript, for DTLS 1.3.
fn answer13(
    hello: &ClientHello<'_>,
    suite: Suite,
    share: KeyShareEntry<'_>,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let config = cx.layers.config;
    let group = share.group;
    let schemes = hello.extensions.signature_algorithms.as_ref();
    let scheme = cx.core.select_certificate(|certificate| {
        negotiate::choose_scheme(certificate, ProtocolVersion::DTLS1_3, schemes)
    })?;
    let answers = Answers::choose(hello, config)?;
    cx.layers.limit_records(answers.record_sizes);
    let (key_exchange, shared) = config
        .group(group)?
        .respond(share.key_exchange)
        .map_err(|_| Error::InvalidKeyShare(group))?;
    let entry = KeyShareEntry {
        group,
        key_exchange: &key_exchange,
    };
    let extensions = ServerExtensions {
        selected_version: Some(ProtocolVersion::DTLS1_3),
        key_share: Some(ServerKeyShare::Share(entry)),
        ..ServerExtensions::default()
    };
    send_server_hello(cx.random()?, suite, extensions, cx)?;
    let agreed = Agreed {
        suite,
        group,
        answers,
        client_random: hello.random,
    };
    server13::begin(agreed, &shared, scheme, cx)
}

/// Sends a ServerHello.
fn send_server_hello(
    random: [u8; 32],
    suite: Suite,
    extensions: ServerExtensions<'_>,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let hello = server_hello(random, suite, extensions);
    cx.send(HandshakeType::SERVER_HELLO, |w| hello.write(w))
}

/// A ServerHello, or a HelloRetryRequest in its form.
// RFC 9147 §5: no session id is echoed.
fn server_hello(
    random: [u8; 32],
    suite: Suite,
    extensions: ServerExtensions<'_>,
) -> ServerHello<'_> {
    ServerHello {
        version: ProtocolVersion::DTLS1_2,
        random,
        session_id: &[],
        cipher_suite: suite.id,
        compression_method: NULL_COMPRESSION,
        extensions,
    }
}

// ---- The proof of an address --------------------------------------------------------------------

/// What the HelloRetryRequest to a first ClientHello was about, of which nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The group for which a share was asked, if there was none to use.
    pub(crate) group: Option<NamedGroup>,
    /// The hash of the first ClientHello.
    pub(crate) first: Digest,
}

impl Asked {
    /// What a HelloRetryRequest to this hello would be about, and the cipher suite it would name.
    ///
    /// # Errors
    /// What the handshake would end with.
    pub(crate) fn decide(
        message: &Message<'_>,
        hello: &ClientHello<'_>,
        config: &Config,
    ) -> Result<(Self, Suite), Error> {
        check_hello13(hello)?;
        let suite = negotiate::choose_suite(hello, ProtocolVersion::DTLS1_3, config, None)?;
        // It is asked for a cookie anyway.
        let group = match negotiate::choose_group13(hello, config, RetryCost::Nothing)? {
            GroupChoice::Share(_) => None,
            GroupChoice::Retry(group) => Some(group),
        };
        let first = transcript::hash_message(&*config.provider, suite.hash, message);
        Ok((Self { group, first }, suite))
    }
}

/// A HelloRetryRequest: for a share of `group`, with a cookie, or both.
pub(crate) fn retry_request(
    suite: Suite,
    group: Option<NamedGroup>,
    cookie: Option<&[u8]>,
) -> ServerHello<'_> {
    let extensions = ServerExtensions {
        selected_version: Some(ProtocolVersion::DTLS1_3),
        key_share: group.map(ServerKeyShare::Retry),
        cookie,
        ..ServerExtensions::default()
    };
    server_hello(ServerHello::RETRY_RANDOM, suite, extensions)
}

/// Goes on from a ClientHello whose cookie proved its sender's address; in DTLS 1.3 with what was
/// `asked` for.
pub(super) fn begin_proven(
    message: &Message<'_>,
    asked: Option<&Asked>,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let hello = message.read::<ClientHello<'_>>(HandshakeType::CLIENT_HELLO)?;
    let version = negotiate::choose_version(&hello, cx.layers.config)?;
    match (version, asked) {
        // RFC 6347 §4.2.1: neither the first ClientHello nor the request is in the transcript.
        (ProtocolVersion::DTLS1_2, None) => enter12(message, &hello, cx),
        (ProtocolVersion::DTLS1_3, Some(asked)) => {
            let suite = negotiate::choose_suite(&hello, version, cx.layers.config, None)?;
            cx.set_version(version);
            let provider = cx.layers.provider();
            cx.core.transcript = Transcript::after_retry(provider, suite.hash, &asked.first);
            // The request, as it was made from the same choices; the cookie is in the answer.
            let request = retry_request(suite, asked.group, hello.extensions.cookie);
            let transcript = &mut cx.core.transcript;
            transcript.add_sent(HandshakeType::SERVER_HELLO, |w| request.write(w));
            answer_second(message, &hello, asked.group, cx)
        }
        _ => Err(Error::VersionChanged),
    }
}
