//! The client of DTLS 1.3 after the ServerHello (RFC 9147 §5.7, RFC 8446 §2).
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                  hello_client.rs
//!                      <--------                ServerHello       hello_client.rs, begin
//!                                     {EncryptedExtensions}       ExpectEncryptedExtensions
//!                                     {CertificateRequest*}       ExpectCertificateOrRequest
//!                                             {Certificate}       ExpectCertificate
//!                                       {CertificateVerify}       ExpectCertificateVerify
//!                                                {Finished}       ExpectFinished
//! {Certificate*}       -------->
//! {CertificateVerify*}
//! {Finished}           <--------                        {ACK}     (flight layer)
//! ```

use super::State;
use super::answers::Answers;
use super::authentication13 as authentication;
use super::context::Context;
use super::established::{After, Agreed, Finished};
use super::keys13::{HandshakeStage, TrafficSecrets};
use super::message::Message;
use super::negotiate;
use super::post13::KeyUpdates;
use crate::config::Role;
use crate::crypto::SharedSecret;
use crate::error::Error;
use crate::flight::Expect;
use crate::record::Stage;
use crate::wire::{
    Certificate13, CertificateRequest13, EncryptedExtensions, HandshakeType, ProtocolVersion,
    SignatureScheme,
};

/// What every state of this client knows.
#[derive(Debug)]
struct Session {
    agreed: Agreed,
    stage: HandshakeStage,
    traffic: TrafficSecrets,
}

/// Enters DTLS 1.3: the ServerHello is in the transcript, and both shares are known.
pub(super) fn begin(
    agreed: Agreed,
    shared: &SharedSecret,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let (stage, traffic) = authentication::handshake_traffic(&agreed, shared, cx);
    let aligned = cx.layers.no_pending_fragments()?;
    let provider = cx.layers.provider();
    cx.layers
        .set_read(Stage::Handshake, traffic.server.keys(provider), aligned)?;
    cx.layers
        .set_write(Stage::Handshake, traffic.client.keys(provider))?;
    let session = Session {
        agreed,
        stage,
        traffic,
    };
    Ok(State::Client13EncryptedExtensions(Box::new(
        ExpectEncryptedExtensions { session },
    )))
}

#[derive(Debug)]
pub(super) struct ExpectEncryptedExtensions {
    session: Session,
}

impl ExpectEncryptedExtensions {
    pub(super) fn step(
        mut self,
        message: &Message<'_>,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        let extensions =
            message.read::<EncryptedExtensions<'_>>(HandshakeType::ENCRYPTED_EXTENSIONS)?;
        self.session.agreed.answers =
            Answers::in_encrypted_extensions(&extensions.extensions, cx.layers.config)?;
        cx.layers
            .limit_records(self.session.agreed.answers.record_sizes);
        cx.record(message);
        Ok(State::Client13CertificateOrRequest(Box::new(
            ExpectCertificateOrRequest {
                session: self.session,
            },
        )))
    }
}

#[derive(Debug)]
pub(super) struct ExpectCertificateOrRequest {
    session: Session,
}

impl ExpectCertificateOrRequest {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { session } = self;
        if message.message_type != HandshakeType::CERTIFICATE_REQUEST {
            let next = ExpectCertificate {
                session,
                request: None,
            };
            return next.step(message, cx);
        }
        let request =
            message.read::<CertificateRequest13<'_>>(HandshakeType::CERTIFICATE_REQUEST)?;
        // RFC 8446 §4.3.2: the context is empty except in post-handshake authentication.
        if !request.context.is_empty() {
            return Err(Error::WrongCertificateRequestContext);
        }
        let schemes = request.signature_algorithms.as_ref();
        let version = ProtocolVersion::DTLS1_3;
        let scheme = cx.core.select_certificate(|certificate| {
            negotiate::choose_scheme(certificate, version, schemes)
        })?;
        cx.record(message);
        Ok(State::Client13Certificate(Box::new(ExpectCertificate {
            session,
            request: Some(scheme),
        })))
    }
}

#[derive(Debug)]
pub(super) struct ExpectCertificate {
    session: Session,
    /// The scheme to sign with, if the server asked for our certificate.
    request: Option<SignatureScheme>,
}

impl ExpectCertificate {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let certificate = message.read::<Certificate13<'_>>(HandshakeType::CERTIFICATE)?;
        if !certificate.context.is_empty() {
            return Err(Error::WrongCertificateRequestContext);
        }
        // RFC 8446 §4.4.2: extensions answer those of the ClientHello, which asks for none.
        if let Some(extension) = certificate.extension {
            return Err(Error::UnsolicitedExtension(extension));
        }
        cx.present_certificate(&certificate.chain)?;
        cx.record(message);
        let Self { session, request } = self;
        Ok(State::Client13CertificateVerify(Box::new(
            ExpectCertificateVerify { session, request },
        )))
    }
}

#[derive(Debug)]
pub(super) struct ExpectCertificateVerify {
    session: Session,
    request: Option<SignatureScheme>,
}

impl ExpectCertificateVerify {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        authentication::check_certificate_verify(Role::Server, message, cx)?;
        let Self { session, request } = self;
        Ok(State::Client13Finished(Box::new(ExpectFinished {
            session,
            request,
        })))
    }
}

#[derive(Debug)]
pub(super) struct ExpectFinished {
    session: Session,
    request: Option<SignatureScheme>,
}

impl ExpectFinished {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self {
            session:
                Session {
                    agreed,
                    stage,
                    traffic,
                },
            request,
        } = self;
        authentication::check_finished(&traffic.server, message, cx)?;
        let aligned = cx.layers.no_pending_fragments()?;
        let (application, exporter) = authentication::application_traffic(stage, &agreed, cx);
        let provider = cx.layers.provider();
        cx.layers.set_read(
            Stage::Application,
            application.server.keys(provider),
            aligned,
        )?;
        if let Some(scheme) = request {
            authentication::send_certificate(Role::Client, scheme, cx)?;
        }
        authentication::send_finished(&traffic.client, cx)?;
        cx.layers.end_flight(Expect::Nothing);
        cx.layers
            .set_write(Stage::Application, application.client.keys(provider))?;
        let updates = KeyUpdates::new(Role::Client, application.server, application.client);
        Ok(Finished::complete(
            agreed,
            exporter,
            After::KeyUpdates(Box::new(updates)),
            cx,
        ))
    }
}
