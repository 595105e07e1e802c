//! The authentication messages of DTLS 1.3 (RFC 8446 §4.4), which both roles send and check alike:
//! Certificate, CertificateVerify, Finished.

use super::context::Context;
use super::established::Agreed;
use super::exporter::Exporter;
use super::keys13::{HandshakeStage, TrafficSecret, TrafficSecrets};
use super::message::Message;
use crate::config::Role;
use crate::crypto::{Digest, SharedSecret};
use crate::error::Error;
use crate::keylog::Label;
use crate::wire::{
    Certificate13, CertificateVerify, HandshakeType, ProtocolVersion, SignatureScheme, Wire as _,
};

/// The handshake traffic secrets, once the transcript reaches to the ServerHello.
pub(super) fn handshake_traffic(
    agreed: &Agreed,
    shared: &SharedSecret,
    cx: &Context<'_>,
) -> (HandshakeStage, TrafficSecrets) {
    let provider = cx.layers.provider();
    let stage = HandshakeStage::new(provider, agreed.suite, shared);
    let traffic = stage.traffic(&cx.core.transcript.hash());
    let random = &agreed.client_random;
    cx.log_secret(
        Label::ClientHandshakeTrafficSecret,
        random,
        traffic.client.as_bytes(),
    );
    cx.log_secret(
        Label::ServerHandshakeTrafficSecret,
        random,
        traffic.server.as_bytes(),
    );
    (stage, traffic)
}

/// The application traffic secrets and the exporter, once the transcript reaches to the
/// server's Finished.
pub(super) fn application_traffic(
    stage: HandshakeStage,
    agreed: &Agreed,
    cx: &Context<'_>,
) -> (TrafficSecrets, Exporter) {
    let provider = cx.layers.provider();
    let hash = cx.core.transcript.hash();
    let (traffic, exporter) = stage.into_master(provider).into_traffic(&hash);
    let random = &agreed.client_random;
    cx.log_secret(
        Label::ClientTrafficSecret0,
        random,
        traffic.client.as_bytes(),
    );
    cx.log_secret(
        Label::ServerTrafficSecret0,
        random,
        traffic.server.as_bytes(),
    );
    cx.log_secret(Label::ExporterSecret, random, exporter.as_bytes());
    let exporter = Exporter::Hkdf {
        algorithm: agreed.suite.hash,
        secret: exporter,
    };
    (traffic, exporter)
}

/// Sends our certificate and the proof that we have its key.
pub(super) fn send_certificate(
    role: Role,
    scheme: SignatureScheme,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let certificate = std::sync::Arc::clone(&cx.core.certificate);
    let chain = certificate.chain().collect();
    let message = Certificate13 {
        context: &[],
        chain,
        extension: None,
    };
    cx.send(HandshakeType::CERTIFICATE, |w| message.write(w))?;
    let content = signed_content(role, &cx.core.transcript.hash());
    let signature = certificate.signing_key().sign(scheme, &content)?;
    let verify = CertificateVerify {
        scheme,
        signature: &signature,
    };
    cx.send(HandshakeType::CERTIFICATE_VERIFY, |w| verify.write(w))
}

/// Checks the peer's proof of its key.
pub(super) fn check_certificate_verify(
    sender: Role,
    message: &Message<'_>,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let verify = message.read::<CertificateVerify<'_>>(HandshakeType::CERTIFICATE_VERIFY)?;
    let content = signed_content(sender, &cx.core.transcript.hash());
    let version = ProtocolVersion::DTLS1_3;
    let CertificateVerify { scheme, signature } = verify;
    cx.core
        .identity
        .prove(cx.layers.config, version, scheme, &content, signature)?;
    cx.record(message);
    Ok(())
}

/// Sends our Finished.
pub(super) fn send_finished(traffic: &TrafficSecret, cx: &mut Context<'_>) -> Result<(), Error> {
    let verify_data = traffic.verify_data(cx.layers.provider(), &cx.core.transcript.hash());
    cx.send(HandshakeType::FINISHED, |w| w.bytes(verify_data.as_ref()))
}

/// Checks the peer's Finished.
pub(super) fn check_finished(
    traffic: &TrafficSecret,
    message: &Message<'_>,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    message.expect(HandshakeType::FINISHED)?;
    let hash = cx.core.transcript.hash();
    // RFC 8446 §4.4.4: a Finished that is wrong, or of the wrong length, is a decrypt_error.
    if !traffic.verify_finished(cx.layers.provider(), &hash, message.body) {
        return Err(Error::BadFinished);
    }
    cx.record(message);
    Ok(())
}

/// What a CertificateVerify signs (RFC 8446 §4.4.3): 64 spaces, a string that tells whose
/// signature it is, a zero, the transcript hash.
fn signed_content(signer: Role, hash: &Digest) -> Vec<u8> {
    let context: &[u8] = match signer {
        Role::Client => b"TLS 1.3, client CertificateVerify",
        Role::Server => b"TLS 1.3, server CertificateVerify",
    };
    [&[b' '; 64][..], context, &[0], hash.as_ref()].concat()
}
