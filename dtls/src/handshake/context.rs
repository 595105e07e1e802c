//! The seam between the handshake and the layers below it: all that a state may do.
//!
//! States say what is meant (send this message, the flight ends here, use these keys); record
//! numbers, epochs, fragments, timers and retransmission are the affair of the layers below.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::answers::RecordSizes;
use super::identity::{Identity, Judgement};
use super::message::Message;
use super::transcript::Transcript;
use crate::certificate::Certificate;
use crate::config::{Config, ConfigError};
use crate::crypto::CryptoProvider;
use crate::error::Error;
use crate::event::Event;
use crate::flight::{Expect, Flights, NoPendingFragments};
use crate::keylog;
use crate::record::{EpochKeys, RecordLayer, Stage};
use crate::wire::{AlertDescription, HandshakeType, ProtocolVersion, Writer};

/// The layers below, lent by the connection for one call.
#[derive(Debug)]
pub(crate) struct Layers<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) flights: &'a mut Flights,
    pub(crate) records: &'a mut RecordLayer,
    pub(crate) events: &'a mut VecDeque<Event>,
    /// An alert at warning level that is to be sent.
    pub(crate) warning: &'a mut Option<AlertDescription>,
}

/// What a state works with: the layers below, and what the whole handshake shares.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(super) layers: Layers<'a>,
    pub(super) core: &'a mut Core,
}

/// What all states of a handshake share; freed at its end.
#[derive(Debug)]
pub(crate) struct Core {
    /// The one that we show, as far as that is decided.
    pub(super) certificate: Arc<Certificate>,
    /// All that we could show.
    pub(super) certificates: Vec<Arc<Certificate>>,
    pub(super) identity: Identity,
    pub(super) transcript: Transcript,
}

impl<'a> Layers<'a> {
    pub(super) fn provider(&self) -> &'a dyn CryptoProvider {
        &*self.config.provider
    }

    /// Adds a post-handshake message to the present flight.
    pub(super) fn send(&mut self, message_type: HandshakeType, body: Vec<u8>) -> Result<(), Error> {
        let epoch = self.records.write_epoch();
        self.flights.push(epoch, message_type, body)
    }

    /// The flight is complete: it may go out, and be sent again until the peer reacts.
    pub(super) fn end_flight(&mut self, expect: Expect) {
        self.flights.end_flight(expect);
    }

    /// Proof that no fragment of a further message waits behind the message in hand.
    pub(super) fn no_pending_fragments(&mut self) -> Result<NoPendingFragments, Error> {
        // RFC 8446 §5.1: handshake messages must not span key changes.
        self.flights
            .no_pending_fragments(self.config.is_strict())
            .ok_or(Error::ExcessHandshakeData)
    }

    /// Accepts records under new keys.
    pub(super) fn set_read(
        &mut self,
        stage: Stage,
        keys: EpochKeys,
        _aligned: NoPendingFragments,
    ) -> Result<(), Error> {
        self.records.install_read(stage, keys)
    }

    /// Protects what is sent from now on under new keys.
    pub(super) fn set_write(&mut self, stage: Stage, keys: EpochKeys) -> Result<(), Error> {
        self.records.install_write(stage, keys)
    }

    /// Keeps protected records to the sizes that both sides asked for.
    pub(super) fn limit_records(&mut self, sizes: Option<RecordSizes>) {
        if let Some(RecordSizes { ours, theirs }) = sizes {
            self.records.limit(ours, theirs);
        }
    }

    /// Tells the peer that we don't do what it wants, and goes on.
    pub(super) fn warn(&mut self, alert: AlertDescription) {
        *self.warning = Some(alert);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push_back(event);
    }
}

impl Core {
    /// Shows the first certificate that `choose` can do something with.
    ///
    /// # Errors
    /// What `choose` says of the first one, if it refuses all.
    pub(super) fn select_certificate<T>(
        &mut self,
        choose: impl Fn(&Certificate) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut refusal = None;
        for certificate in &self.certificates {
            match choose(certificate) {
                Ok(chosen) => {
                    self.certificate = Arc::clone(certificate);
                    return Ok(chosen);
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or(ConfigError::NoCertificate.into()))
    }
}

impl Context<'_> {
    /// Adds a message to the present flight and to the transcript, under the present write keys.
    pub(super) fn send(
        &mut self,
        message_type: HandshakeType,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), Error> {
        let mut body = Vec::new();
        write(&mut Writer::new(&mut body));
        let message_seq = self.layers.flights.next_message_seq();
        self.core.transcript.add(message_type, message_seq, &body);
        self.layers.send(message_type, body)
    }

    /// Adds a ChangeCipherSpec to the present flight (DTLS 1.2).
    ///
    /// A received one carries no information, as the epoch in the record header says the same:
    /// read keys are installed as soon as they can be computed, and the layers below check and
    /// drop the message itself. So a lost or reordered ChangeCipherSpec costs nothing.
    pub(super) fn send_change_cipher_spec(&mut self) {
        let epoch = self.layers.records.write_epoch();
        self.layers.flights.push_ccs(epoch);
    }

    /// The version is known: it decides the record header and how flights are kept alive.
    pub(super) fn set_version(&mut self, version: ProtocolVersion) {
        self.layers.records.set_version(version);
        self.layers.flights.set_version(version);
    }

    /// The handshake is over: the peer's final flight is acknowledged at once (DTLS 1.3), ours is
    /// kept to answer a repeated one of the peer (DTLS 1.2).
    pub(super) fn complete(&mut self) {
        self.layers.flights.complete();
        self.core.transcript.release();
    }

    /// Adds a received message to the transcript.
    pub(super) fn record(&mut self, message: &Message<'_>) {
        self.core
            .transcript
            .add(message.message_type, message.message_seq, message.body);
    }

    /// Judges the peer's certificate list, end entity first, and asks for fingerprints if there
    /// are none to judge it by.
    pub(super) fn present_certificate(&mut self, chain: &[&[u8]]) -> Result<(), Error> {
        if self.core.identity.present(chain)? == Judgement::Pending {
            self.layers.emit(Event::FingerprintsNeeded);
        }
        Ok(())
    }

    /// Takes note that the client showed no certificate, where that may be.
    pub(super) fn present_no_certificate(&mut self, version: ProtocolVersion) -> Result<(), Error> {
        let client_auth = self.layers.config.client_auth;
        self.core.identity.present_nothing(client_auth, version)
    }

    pub(super) fn log_secret(&self, label: keylog::Label, client_random: &[u8; 32], secret: &[u8]) {
        keylog::log(
            self.layers.config.key_log.as_deref(),
            label,
            client_random,
            secret,
        );
    }

    /// Random bytes for a hello or a cookie.
    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut random = [0; N];
        self.layers.provider().fill_random(&mut random)?;
        Ok(random)
    }
}
