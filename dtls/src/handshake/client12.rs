//! The client of DTLS 1.2 after the ServerHello (RFC 6347 §4.2.4, RFC 5246 §7.3).
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                  hello_client.rs
//!                      <--------                ServerHello       hello_client.rs, begin
//!                                              Certificate       ExpectCertificate
//!                                        ServerKeyExchange       ExpectServerKeyExchange
//!                                      CertificateRequest*       ExpectRequestOrDone
//!                                          ServerHelloDone       ExpectRequestOrDone, ExpectDone
//! Certificate*         -------->
//! ClientKeyExchange
//! CertificateVerify*
//! [ChangeCipherSpec]
//! Finished             <--------        [ChangeCipherSpec]
//!                                                Finished       ExpectFinished
//! ```

use super::State;
use super::answers::Answers;
use super::authentication12::{self as authentication, Keys};
use super::context::Context;
use super::established::{After, Agreed, Finished};
use super::exporter::Exporter;
use super::key_share::ClientShares;
use super::keys12::{MasterSecret, Randoms};
use super::message::Message;
use super::negotiate;
use super::suite::Suite;
use crate::config::Role;
use crate::error::Error;
use crate::flight::Expect;
use crate::keylog::Label;
use crate::wire::{
    Certificate12, CertificateRequest12, ClientKeyExchange, HandshakeType, NamedGroup,
    ProtocolVersion, ServerHelloDone, ServerKeyExchange, SignatureScheme, Wire as _, Writer,
};

/// What every state up to our own flight knows.
#[derive(Debug)]
struct Session {
    suite: Suite,
    answers: Answers,
    randoms: Randoms,
    shares: ClientShares,
}

/// Enters DTLS 1.2: the ServerHello is in the transcript.
pub(super) fn begin(
    suite: Suite,
    answers: Answers,
    randoms: Randoms,
    shares: ClientShares,
) -> State {
    let session = Session {
        suite,
        answers,
        randoms,
        shares,
    };
    State::Client12Certificate(Box::new(ExpectCertificate { session }))
}

#[derive(Debug)]
pub(super) struct ExpectCertificate {
    session: Session,
}

impl ExpectCertificate {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let certificate = message.read::<Certificate12<'_>>(HandshakeType::CERTIFICATE)?;
        cx.present_certificate(&certificate.chain)?;
        let Self { session } = self;
        cx.core.identity.check_suite(session.suite)?;
        cx.record(message);
        Ok(State::Client12ServerKeyExchange(Box::new(
            ExpectServerKeyExchange { session },
        )))
    }
}

#[derive(Debug)]
pub(super) struct ExpectServerKeyExchange {
    session: Session,
}

impl ExpectServerKeyExchange {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { session } = self;
        let exchange = message.read::<ServerKeyExchange<'_>>(HandshakeType::SERVER_KEY_EXCHANGE)?;
        let config = cx.layers.config;
        let version = ProtocolVersion::DTLS1_2;
        // RFC 8422 §5.4: the group must be one that the client offered.
        if !config.groups(version).any(|group| group == exchange.group) {
            return Err(Error::UnofferedGroup(exchange.group));
        }
        let Randoms { client, server, .. } = &session.randoms;
        let mut signed = [&client[..], server].concat();
        let mut writer = Writer::new(&mut signed);
        ServerKeyExchange::write_params(&mut writer, exchange.group, exchange.public);
        let identity = &mut cx.core.identity;
        identity.prove(
            config,
            version,
            exchange.scheme,
            &signed,
            exchange.signature,
        )?;
        let (group, share) = (exchange.group, exchange.public.to_vec());
        cx.record(message);
        let next = ExpectRequestOrDone {
            session,
            server: ServerShare { group, share },
        };
        Ok(State::Client12RequestOrDone(Box::new(next)))
    }
}

/// The server's share, signed by the key of its certificate.
#[derive(Debug)]
struct ServerShare {
    group: NamedGroup,
    share: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct ExpectRequestOrDone {
    session: Session,
    server: ServerShare,
}

impl ExpectRequestOrDone {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { session, server } = self;
        if message.message_type != HandshakeType::CERTIFICATE_REQUEST {
            let done = ExpectDone {
                session,
                server,
                request: None,
            };
            return done.step(message, cx);
        }
        let request =
            message.read::<CertificateRequest12<'_>>(HandshakeType::CERTIFICATE_REQUEST)?;
        let schemes = Some(&request.signature_algorithms);
        let version = ProtocolVersion::DTLS1_2;
        let types = request.certificate_types;
        let scheme = cx.core.select_certificate(|certificate| {
            negotiate::check_certificate_type12(certificate, types)?;
            negotiate::choose_scheme(certificate, version, schemes)
        })?;
        cx.record(message);
        let next = ExpectDone {
            session,
            server,
            request: Some(scheme),
        };
        Ok(State::Client12Done(Box::new(next)))
    }
}

#[derive(Debug)]
pub(super) struct ExpectDone {
    session: Session,
    server: ServerShare,
    /// The scheme to sign with, if the server asked for our certificate.
    request: Option<SignatureScheme>,
}

impl ExpectDone {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        message.read::<ServerHelloDone>(HandshakeType::SERVER_HELLO_DONE)?;
        cx.record(message);
        let Self {
            session,
            server: ServerShare { group, share },
            request,
        } = self;
        let Session {
            suite,
            answers,
            randoms,
            shares,
        } = session;
        let (public, premaster) = shares.agree(cx.layers.config, group, &share)?;
        if request.is_some() {
            authentication::send_certificate(cx)?;
        }
        let exchange = ClientKeyExchange { public: &public };
        cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, |w| exchange.write(w))?;
        let (provider, hash) = (cx.layers.provider(), cx.core.transcript.hash());
        let master = MasterSecret::new(provider, suite, randoms, &premaster, &hash);
        cx.log_secret(Label::ClientRandom, &randoms.client, master.as_bytes());
        if let Some(scheme) = request {
            authentication::send_certificate_verify(scheme, cx)?;
        }
        cx.core.transcript.forget_messages();
        let keys = Keys::new(Role::Client, &master, suite, cx);
        authentication::send_finished(Role::Client, &master, keys.write, cx)?;
        authentication::install_read(keys.read, cx)?;
        cx.layers.end_flight(Expect::Reply);
        let agreed = Agreed {
            suite,
            group,
            answers,
            client_random: randoms.client,
        };
        Ok(State::Client12Finished(Box::new(ExpectFinished {
            agreed,
            master,
        })))
    }
}

#[derive(Debug)]
pub(super) struct ExpectFinished {
    agreed: Agreed,
    master: MasterSecret,
}

impl ExpectFinished {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { agreed, master } = self;
        authentication::check_finished(Role::Server, &master, message, cx)?;
        let after = After::Renegotiation(Role::Client);
        Ok(Finished::complete(agreed, Exporter::Prf(master), after, cx))
    }
}
