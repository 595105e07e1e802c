//! The server of DTLS 1.3 after the ClientHello (RFC 9147 §5.7, RFC 8446 §2).
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                  hello_server.rs
//!                      <--------                ServerHello       begin
//!                                     {EncryptedExtensions}
//!                                     {CertificateRequest*}
//!                                             {Certificate}
//!                                       {CertificateVerify}
//!                                                {Finished}
//! {Certificate*}       -------->                                  ExpectCertificate
//! {CertificateVerify*}                                            ExpectCertificateVerify
//! {Finished}           <--------                        {ACK}     ExpectFinished
//! ```

use super::State;
use super::authentication13 as authentication;
use super::context::Context;
use super::established::{After, Agreed, Finished};
use super::exporter::Exporter;
use super::keys13::{TrafficSecret, TrafficSecrets};
use super::message::Message;
use super::post13::KeyUpdates;
use crate::config::{ClientAuth, Role};
use crate::crypto::SharedSecret;
use crate::error::Error;
use crate::flight::Expect;
use crate::record::Stage;
use crate::wire::{
    Certificate13, CertificateRequest13, EncryptedExtensions, HandshakeType, List, ProtocolVersion,
    SignatureScheme, Wire as _,
};

/// What every state of this server knows.
#[derive(Debug)]
struct Session {
    agreed: Agreed,
    /// The client's handshake secret, for its Finished.
    client: TrafficSecret,
    application: TrafficSecrets,
    exporter: Exporter,
}

/// Enters DTLS 1.3: the ServerHello is sent, and both shares are known.
pub(super) fn begin(
    agreed: Agreed,
    shared: &SharedSecret,
    scheme: SignatureScheme,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let (stage, traffic) = authentication::handshake_traffic(&agreed, shared, cx);
    let aligned = cx.layers.no_pending_fragments()?;
    let provider = cx.layers.provider();
    cx.layers
        .set_write(Stage::Handshake, traffic.server.keys(provider))?;
    cx.layers
        .set_read(Stage::Handshake, traffic.client.keys(provider), aligned)?;

    let extensions = agreed.answers.extensions();
    cx.send(HandshakeType::ENCRYPTED_EXTENSIONS, |w| {
        EncryptedExtensions { extensions }.write(w)
    })?;
    let client_auth = cx.layers.config.client_auth;
    if client_auth != ClientAuth::None {
        send_certificate_request(cx)?;
    }
    authentication::send_certificate(Role::Server, scheme, cx)?;
    authentication::send_finished(&traffic.server, cx)?;
    cx.layers.end_flight(Expect::Reply);

    let (application, exporter) = authentication::application_traffic(stage, &agreed, cx);
    cx.layers
        .set_write(Stage::Application, application.server.keys(provider))?;
    let session = Session {
        agreed,
        client: traffic.client,
        application,
        exporter,
    };
    Ok(match client_auth {
        ClientAuth::None => {
            cx.present_no_certificate(ProtocolVersion::DTLS1_3)?;
            State::Server13Finished(Box::new(ExpectFinished { session }))
        }
        _ => State::Server13Certificate(Box::new(ExpectCertificate { session })),
    })
}

fn send_certificate_request(cx: &mut Context<'_>) -> Result<(), Error> {
    let schemes = List::Values(&cx.layers.config.signature_schemes);
    let request = CertificateRequest13 {
        context: &[],
        signature_algorithms: Some(schemes),
    };
    cx.send(HandshakeType::CERTIFICATE_REQUEST, |w| request.write(w))
}

#[derive(Debug)]
pub(super) struct ExpectCertificate {
    session: Session,
}

impl ExpectCertificate {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let certificate = message.read::<Certificate13<'_>>(HandshakeType::CERTIFICATE)?;
        // RFC 8446 §4.4.2: the context is that of our CertificateRequest, which is empty.
        if !certificate.context.is_empty() {
            return Err(Error::WrongCertificateRequestContext);
        }
        let Self { session } = self;
        // RFC 8446 §4.4.2: extensions answer those of our CertificateRequest, which asks for none.
        if let Some(extension) = certificate.extension {
            return Err(Error::UnsolicitedExtension(extension));
        }
        cx.record(message);
        if certificate.chain.is_empty() {
            cx.present_no_certificate(ProtocolVersion::DTLS1_3)?;
            return Ok(State::Server13Finished(Box::new(ExpectFinished {
                session,
            })));
        }
        cx.present_certificate(&certificate.chain)?;
        Ok(State::Server13CertificateVerify(Box::new(
            ExpectCertificateVerify { session },
        )))
    }
}

#[derive(Debug)]
pub(super) struct ExpectCertificateVerify {
    session: Session,
}

impl ExpectCertificateVerify {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        authentication::check_certificate_verify(Role::Client, message, cx)?;
        let Self { session } = self;
        Ok(State::Server13Finished(Box::new(ExpectFinished {
            session,
        })))
    }
}

#[derive(Debug)]
pub(super) struct ExpectFinished {
    session: Session,
}

impl ExpectFinished {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Session {
            agreed,
            client,
            application,
            exporter,
        } = self.session;
        authentication::check_finished(&client, message, cx)?;
        let aligned = cx.layers.no_pending_fragments()?;
        let keys = application.client.keys(cx.layers.provider());
        cx.layers.set_read(Stage::Application, keys, aligned)?;
        let updates = KeyUpdates::new(Role::Server, application.client, application.server);
        Ok(Finished::complete(
            agreed,
            exporter,
            After::KeyUpdates(Box::new(updates)),
            cx,
        ))
    }
}
