//! What DTLS 1.3 sends after the handshake: KeyUpdate both ways (RFC 9147 §8), and tickets, which
//! are read and forgotten.

use std::time::Duration;

use super::context::Layers;
use super::keys13::TrafficSecret;
use super::message::Message;
use crate::config::Role;
use crate::error::Error;
use crate::event::{Direction, Event};
use crate::flight::{Burst, Expect};
use crate::record::Stage;
use crate::wire::{
    HandshakeType, KeyUpdate, KeyUpdateRequest, NewSessionTicket, Wire as _, Writer,
};

/// KeyUpdates in a row, without application data between them, after which the peer is thought to
/// attack rather than to be cautious. The same as BoringSSL's limit, but of a rate: a call without
/// data channels may go on for days, and its keys be changed every minute.
const MAX_UPDATES: u32 = 32;

/// How soon a peer without application data may change its keys once more. One update costs
/// microseconds, so that a second keeps the cost of a hostile peer below a thousandth of a core.
const UPDATE_INTERVAL: Duration = Duration::from_secs(1);

/// The traffic secrets in use, and where KeyUpdates stand.
#[derive(Debug)]
pub(crate) struct KeyUpdates {
    role: Role,
    read: TrafficSecret,
    write: TrafficSecret,
    /// The KeyUpdate of ours that waits for its ACK.
    in_flight: Option<KeyUpdateRequest>,
    /// One that is due when nothing of ours waits for an ACK any more.
    owed: Option<KeyUpdateRequest>,
    received: Burst,
}

impl KeyUpdates {
    pub(crate) fn new(role: Role, read: TrafficSecret, write: TrafficSecret) -> Self {
        Self {
            role,
            read,
            write,
            in_flight: None,
            owed: None,
            received: Burst::default(),
        }
    }

    /// Updates our sending keys, and asks the peer to update its own.
    pub(crate) fn request(&mut self, ask_peer: bool, layers: &mut Layers<'_>) -> Result<(), Error> {
        let request = if ask_peer {
            KeyUpdateRequest::UPDATE_REQUESTED
        } else {
            KeyUpdateRequest::UPDATE_NOT_REQUESTED
        };
        self.send(request, layers)
    }

    /// Handles a post-handshake message.
    pub(crate) fn handle_message(
        &mut self,
        message: &Message<'_>,
        layers: &mut Layers<'_>,
    ) -> Result<(), Error> {
        match (message.message_type, self.role) {
            (HandshakeType::NEW_SESSION_TICKET, Role::Client) => {
                // RFC 8446 §4.6.1: a client may ignore tickets.
                message
                    .read::<NewSessionTicket<'_>>(HandshakeType::NEW_SESSION_TICKET)
                    .map(drop)
            }
            _ => self.handle_key_update(message.read(HandshakeType::KEY_UPDATE)?, layers),
        }
    }

    fn handle_key_update(
        &mut self,
        update: KeyUpdate,
        layers: &mut Layers<'_>,
    ) -> Result<(), Error> {
        let aligned = layers.no_pending_fragments()?;
        if !self.received.take(layers.now, MAX_UPDATES, UPDATE_INTERVAL) {
            return Err(Error::TooManyKeyUpdates);
        }
        self.read = self.read.next(layers.provider());
        layers.set_read(Stage::Update, self.read.keys(layers.provider()), aligned)?;
        layers.emit(Event::KeyUpdated(Direction::Read));
        if update.request == KeyUpdateRequest::UPDATE_REQUESTED {
            // RFC 8446 §4.6.3: the answer must not ask again, or the two would never end.
            self.send(KeyUpdateRequest::UPDATE_NOT_REQUESTED, layers)?;
        }
        Ok(())
    }

    fn send(&mut self, request: KeyUpdateRequest, layers: &mut Layers<'_>) -> Result<(), Error> {
        if self.in_flight.is_some_and(|sent| sent >= request) {
            // The one under way says the same: peers' requests that cross it need no other answer.
            return Ok(());
        }
        if self.in_flight.is_some() || layers.flights.is_pending() {
            // RFC 9147 §8: no KeyUpdate before the last one is acknowledged; nor before the
            // Finished is, which the update of our keys would otherwise overtake.
            self.owed = Some(self.owed.map_or(request, |owed| owed.max(request)));
            return Ok(());
        }
        let mut body = Vec::with_capacity(1);
        KeyUpdate { request }.write(&mut Writer::new(&mut body));
        layers.send(HandshakeType::KEY_UPDATE, body)?;
        layers.end_flight(Expect::Nothing);
        self.in_flight = Some(request);
        Ok(())
    }

    /// The peer has acknowledged all that we sent: the new sending keys come into use.
    pub(crate) fn handle_acknowledged(&mut self, layers: &mut Layers<'_>) -> Result<(), Error> {
        if self.in_flight.take().is_some() {
            // RFC 9147 §8: send under new keys only once the KeyUpdate is acknowledged.
            self.write = self.write.next(layers.provider());
            layers.set_write(Stage::Update, self.write.keys(layers.provider()))?;
            layers.emit(Event::KeyUpdated(Direction::Write));
        }
        match self.owed.take() {
            Some(request) => self.send(request, layers),
            None => Ok(()),
        }
    }

    /// Application data came: the peer's KeyUpdates serve a purpose.
    pub(crate) fn note_application_data(&mut self) {
        self.received.refill();
    }
}
