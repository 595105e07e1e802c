//! What both roles of DTLS 1.2 send and check alike: signatures over key exchanges and
//! transcripts, and Finished (RFC 5246 §7.4).

use std::sync::Arc;

use super::context::Context;
use super::keys12::MasterSecret;
use super::message::Message;
use super::suite::Suite;
use crate::config::Role;
use crate::error::Error;
use crate::record::{EpochKeys, Stage};
use crate::wire::{
    Certificate12, CertificateVerify, HandshakeType, ProtocolVersion, SignatureScheme, Wire as _,
};

/// The keys of our role, to read and to write.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) read: EpochKeys,
    pub(super) write: EpochKeys,
}

impl Keys {
    pub(super) fn new(role: Role, master: &MasterSecret, suite: Suite, cx: &Context<'_>) -> Self {
        let [client, server] = master.keys(cx.layers.provider(), suite.aead);
        match role {
            Role::Client => Self {
                read: server,
                write: client,
            },
            Role::Server => Self {
                read: client,
                write: server,
            },
        }
    }
}

/// Sends our certificate.
pub(super) fn send_certificate(cx: &mut Context<'_>) -> Result<(), Error> {
    let certificate = Arc::clone(&cx.core.certificate);
    let chain = certificate.chain().collect();
    cx.send(HandshakeType::CERTIFICATE, |w| {
        Certificate12 { chain }.write(w)
    })
}

/// Sends the client's proof that it has the key of its certificate.
pub(super) fn send_certificate_verify(
    scheme: SignatureScheme,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let key = cx.core.certificate.signing_key();
    // RFC 5246 §7.4.8: all messages so far, as they are.
    let signature = key.sign(scheme, cx.core.transcript.messages())?;
    let verify = CertificateVerify {
        scheme,
        signature: &signature,
    };
    cx.send(HandshakeType::CERTIFICATE_VERIFY, |w| verify.write(w))
}

/// Checks the client's proof that it has the key of its certificate.
pub(super) fn check_certificate_verify(
    message: &Message<'_>,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let verify = message.read::<CertificateVerify<'_>>(HandshakeType::CERTIFICATE_VERIFY)?;
    let CertificateVerify { scheme, signature } = verify;
    let core = &mut *cx.core;
    let messages = core.transcript.messages();
    let version = ProtocolVersion::DTLS1_2;
    core.identity
        .prove(cx.layers.config, version, scheme, messages, signature)?;
    cx.record(message);
    Ok(())
}

/// Sends ChangeCipherSpec and our Finished, the latter under the new keys.
pub(super) fn send_finished(
    role: Role,
    master: &MasterSecret,
    write: EpochKeys,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let hash = cx.core.transcript.hash();
    let verify_data = master.verify_data(cx.layers.provider(), role, &hash);
    cx.send_change_cipher_spec();
    cx.layers.set_write(Stage::Traffic12, write)?;
    cx.send(HandshakeType::FINISHED, |w| w.bytes(&verify_data))
}

/// Checks the peer's Finished.
pub(super) fn check_finished(
    sender: Role,
    master: &MasterSecret,
    message: &Message<'_>,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    message.expect(HandshakeType::FINISHED)?;
    let hash = cx.core.transcript.hash();
    // RFC 5246 §7.4.9: a Finished that is wrong, or of the wrong length, is a decrypt_error.
    if !master.verify_finished(cx.layers.provider(), sender, &hash, message.body) {
        return Err(Error::BadFinished);
    }
    cx.record(message);
    Ok(())
}

/// Accepts records under the new keys from now on.
pub(super) fn install_read(read: EpochKeys, cx: &mut Context<'_>) -> Result<(), Error> {
    let aligned = cx.layers.no_pending_fragments()?;
    cx.layers.set_read(Stage::Traffic12, read, aligned)
}
