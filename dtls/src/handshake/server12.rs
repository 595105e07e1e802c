//! The server of DTLS 1.2 after the ClientHello (RFC 6347 §4.2.4, RFC 5246 §7.3).
//!
//! ```text
//! Client                                             Server
//! ClientHello          -------->                                  hello_server.rs
//!                      <--------                ServerHello       hello_server.rs
//!                                              Certificate       begin
//!                                        ServerKeyExchange
//!                                      CertificateRequest*
//!                                          ServerHelloDone
//! Certificate*         -------->                                  ExpectCertificate
//! ClientKeyExchange                                               ExpectClientKeyExchange
//! CertificateVerify*                                              ExpectCertificateVerify
//! [ChangeCipherSpec]
//! Finished             <--------        [ChangeCipherSpec]       ExpectFinished
//!                                                Finished
//! ```

use super::State;
use super::authentication12::{self as authentication, Keys};
use super::context::Context;
use super::established::{After, Agreed, Finished};
use super::exporter::Exporter;
use super::keys12::{MasterSecret, Randoms};
use super::message::Message;
use super::negotiate::{ECDSA_SIGN, RSA_SIGN};
use crate::config::{ClientAuth, Role};
use crate::crypto::ActiveKeyExchange;
use crate::error::Error;
use crate::flight::Expect;
use crate::keylog::Label;
use crate::record::EpochKeys;
use crate::wire::{
    Certificate12, CertificateRequest12, ClientKeyExchange, HandshakeType, List, ProtocolVersion,
    ServerHelloDone, ServerKeyExchange, SignatureScheme, Wire as _, Writer,
};

/// The certificates that we can verify.
const CERTIFICATE_TYPES: [u8; 2] = [ECDSA_SIGN, RSA_SIGN];

/// What the states before the key exchange know.
#[derive(Debug)]
struct Session {
    agreed: Agreed,
    randoms: Randoms,
    share: Box<dyn ActiveKeyExchange>,
}

/// Enters DTLS 1.2: the ServerHello is sent.
pub(super) fn begin(
    agreed: Agreed,
    randoms: Randoms,
    scheme: SignatureScheme,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let share = cx.layers.config.group(agreed.group)?.start()?;
    authentication::send_certificate(cx)?;
    send_server_key_exchange(&randoms, &*share, scheme, cx)?;
    let client_auth = cx.layers.config.client_auth;
    if client_auth != ClientAuth::None {
        send_certificate_request(cx)?;
    }
    cx.send(HandshakeType::SERVER_HELLO_DONE, |w| {
        ServerHelloDone.write(w)
    })?;
    cx.layers.end_flight(Expect::Reply);
    let session = Session {
        agreed,
        randoms,
        share,
    };
    Ok(match client_auth {
        ClientAuth::None => {
            cx.present_no_certificate(ProtocolVersion::DTLS1_2)?;
            let next = ExpectClientKeyExchange {
                session,
                proves: false,
            };
            State::Server12ClientKeyExchange(Box::new(next))
        }
        _ => State::Server12Certificate(Box::new(ExpectCertificate { session })),
    })
}

fn send_server_key_exchange(
    randoms: &Randoms,
    share: &dyn ActiveKeyExchange,
    scheme: SignatureScheme,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    // RFC 8422 §5.4: both randoms and the parameters are signed.
    let mut signed = [&randoms.client[..], &randoms.server].concat();
    let mut writer = Writer::new(&mut signed);
    ServerKeyExchange::write_params(&mut writer, share.group(), share.share());
    let signature = cx.core.certificate.signing_key().sign(scheme, &signed)?;
    let exchange = ServerKeyExchange {
        group: share.group(),
        public: share.share(),
        scheme,
        signature: &signature,
    };
    cx.send(HandshakeType::SERVER_KEY_EXCHANGE, |w| exchange.write(w))
}

fn send_certificate_request(cx: &mut Context<'_>) -> Result<(), Error> {
    let request = CertificateRequest12 {
        certificate_types: &CERTIFICATE_TYPES,
        signature_algorithms: List::Values(&cx.layers.config.signature_schemes),
        authorities: &[],
    };
    cx.send(HandshakeType::CERTIFICATE_REQUEST, |w| request.write(w))
}

#[derive(Debug)]
pub(super) struct ExpectCertificate {
    session: Session,
}

impl ExpectCertificate {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let certificate = message.read::<Certificate12<'_>>(HandshakeType::CERTIFICATE)?;
        let chain = certificate.chain;
        if chain.is_empty() {
            cx.present_no_certificate(ProtocolVersion::DTLS1_2)?;
        } else {
            cx.present_certificate(&chain)?;
        }
        let next = ExpectClientKeyExchange {
            session: self.session,
            proves: !chain.is_empty(),
        };
        cx.record(message);
        Ok(State::Server12ClientKeyExchange(Box::new(next)))
    }
}

#[derive(Debug)]
pub(super) struct ExpectClientKeyExchange {
    session: Session,
    /// The client showed a certificate, so that its CertificateVerify is due.
    proves: bool,
}

impl ExpectClientKeyExchange {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let exchange = message.read::<ClientKeyExchange<'_>>(HandshakeType::CLIENT_KEY_EXCHANGE)?;
        let Self {
            session:
                Session {
                    agreed,
                    randoms,
                    share,
                },
            proves,
        } = self;
        let premaster = share
            .complete(exchange.public)
            .map_err(|_| Error::InvalidKeyShare(agreed.group))?;
        cx.record(message);
        let provider = cx.layers.provider();
        let hash = cx.core.transcript.hash();
        let master = MasterSecret::new(provider, agreed.suite, randoms, &premaster, &hash);
        cx.log_secret(Label::ClientRandom, &randoms.client, master.as_bytes());
        let keys = Keys::new(Role::Server, &master, agreed.suite, cx);
        if proves {
            let next = ExpectCertificateVerify {
                agreed,
                master,
                keys,
            };
            return Ok(State::Server12CertificateVerify(Box::new(next)));
        }
        ExpectFinished::enter(agreed, master, keys, cx)
    }
}

#[derive(Debug)]
pub(super) struct ExpectCertificateVerify {
    agreed: Agreed,
    master: MasterSecret,
    keys: Keys,
}

impl ExpectCertificateVerify {
    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        authentication::check_certificate_verify(message, cx)?;
        ExpectFinished::enter(self.agreed, self.master, self.keys, cx)
    }
}

#[derive(Debug)]
pub(super) struct ExpectFinished {
    agreed: Agreed,
    master: MasterSecret,
    write: EpochKeys,
}

impl ExpectFinished {
    /// No further signature will need the messages so far, and the next one is protected.
    fn enter(
        agreed: Agreed,
        master: MasterSecret,
        keys: Keys,
        cx: &mut Context<'_>,
    ) -> Result<State, Error> {
        cx.core.transcript.forget_messages();
        authentication::install_read(keys.read, cx)?;
        Ok(State::Server12Finished(Box::new(Self {
            agreed,
            master,
            write: keys.write,
        })))
    }

    pub(super) fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self {
            agreed,
            master,
            write,
        } = self;
        authentication::check_finished(Role::Client, &master, message, cx)?;
        authentication::send_finished(Role::Server, &master, write, cx)?;
        cx.layers.end_flight(Expect::Nothing);
        let after = After::Renegotiation(Role::Server);
        Ok(Finished::complete(agreed, Exporter::Prf(master), after, cx))
    }
}
