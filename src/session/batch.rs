//! The steps of a session's packets, for an owner that seals and opens those of many sessions in one pass.

use std::time::Instant;

use ice_lite::Path;
use srtp::{Kind, Receiver, Sender, UnprotectError, Unprotected, prefetch};

use super::Session;
use super::event::Received;
use super::statistics::Discard;

/// The way that media goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

impl Session {
    /// Whether a packet of media over this path would be opened, and not dropped before that.
    pub(crate) fn opens_media(&self, path: &Path) -> bool {
        !self.is_closed() && self.media.is_some() && self.ice.is_valid(path)
    }

    /// Asks for the memory of the session itself that media touches.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.media);
        prefetch(&self.ice);
        prefetch(&self.ended);
        prefetch(&self.held);
        prefetch(&self.events);
        prefetch(&self.counters.bytes_received);
        prefetch(&self.counters.bytes_sent);
        prefetch(&self.timeline.first_media);
    }

    /// Asks for the memory that the session refers to, which [`Session::prefetch`] has asked for: the agent, and
    /// what opens, or seals, packets.
    pub(crate) fn prefetch_behind(&self, way: Way) {
        self.ice.prefetch();
        match (&self.media, way) {
            (Some(media), Way::In) => prefetch(&media.receiver),
            (Some(media), Way::Out) => prefetch(&media.sender),
            (None, _) => {}
        }
    }

    /// Asks for the streams and the keys, which [`Session::prefetch_behind`] leads to.
    pub(crate) fn prefetch_keys(&self, way: Way, kind: Kind) {
        match (&self.media, way) {
            (Some(media), Way::In) => media.receiver.prefetch(kind),
            (Some(media), Way::Out) => media.sender.prefetch(kind),
            (None, _) => {}
        }
    }

    /// Whether there is nothing to poll for, given that only media has come or gone.
    pub(crate) fn is_calm(&self) -> bool {
        self.events.len() == 0 && self.held.is_none()
    }

    /// Once there are keys.
    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.media.as_deref().map(|media| &media.receiver)
    }

    /// Once there are keys.
    pub(crate) fn receiver_mut(&mut self) -> Option<&mut Receiver> {
        self.media.as_deref_mut().map(|media| &mut media.receiver)
    }

    /// Once there are keys.
    pub(crate) fn sender(&self) -> Option<&Sender> {
        self.media.as_deref().map(|media| &media.sender)
    }

    /// Once there are keys.
    pub(crate) fn sender_mut(&mut self) -> Option<&mut Sender> {
        self.media.as_deref_mut().map(|media| &mut media.sender)
    }

    /// Takes a packet, of `len` bytes on the wire, that [`Session::receiver_mut`] has looked at, as
    /// [`Session::handle_datagram`] would have.
    pub(crate) fn handle_unprotected<'b>(
        &mut self,
        now: Instant,
        path: Path,
        len: usize,
        kind: Kind,
        outcome: Result<(Unprotected, &'b mut [u8]), UnprotectError>,
    ) -> Received<'b> {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += len as u64;
        match outcome {
            Ok((unprotected, packet)) => {
                self.receive_unprotected(now, path, kind, Ok(unprotected), packet)
            }
            Err(_) => Received::Nothing,
        }
    }

    /// Hears how long the packet is that [`Session::sender_mut`] has sealed, if it has.
    pub(crate) fn handle_protected(&mut self, len: Option<usize>) {
        match len {
            Some(len) => self.sent_media(len),
            None => self.counters.count(Discard::NotSealed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::{SessionConfig, SessionEvent};

    /// An owner of a batch would not poll a session that is called calm.
    #[test]
    fn a_session_with_something_to_tell_or_to_send_is_not_calm() {
        let dtls = dtls::Config::builder(dtls::crypto::default_provider()).build();
        let config = SessionConfig::new(Arc::new(dtls.expect("a configuration that works")));
        let session = Session::new(Arc::new(config), Instant::now());
        let mut session = session.expect("a configuration that works");
        assert!(session.is_calm());
        session.emit(SessionEvent::IceRestarted);
        assert!(!session.is_calm());
        session.held = Some(Box::from([22]));
        assert!(!session.is_calm());
        assert_eq!(session.poll_event(), Some(SessionEvent::IceRestarted));
        assert!(!session.is_calm());
        session.held = None;
        assert!(session.is_calm());
    }
}
