//! The DTLS association of a session, from its very beginning to an established connection.

use std::sync::Arc;
use std::time::Instant;

use dtls::{Certificate, Connection, Event, Fingerprint, PeerIdentity, Role};
use ice_lite::Transport;

use super::event::{CloseReason, SessionEvent, Summary};
use super::{Session, SessionError, trace};

/// Our DTLS connection, or what is known before it begins.
#[derive(Debug)]
pub(super) enum Association {
    /// Nothing has been sent or received yet, and nothing else is held.
    Idle {
        certificate: Arc<Certificate>,
        /// Ours; unknown until the peer's parameters, or a ClientHello, are there.
        role: Option<Role>,
        /// The peer's; unknown until its parameters are there.
        fingerprints: Option<Vec<Fingerprint>>,
    },
    Running {
        role: Role,
        connection: Box<Connection>,
    },
}

impl Association {
    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Idle { .. } => None,
            Self::Running { connection, .. } => Some(connection),
        }
    }

    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Idle { .. } => None,
            Self::Running { connection, .. } => Some(connection),
        }
    }

    pub(super) fn role(&self) -> Option<Role> {
        match self {
            Self::Idle { role, .. } => *role,
            Self::Running { role, .. } => Some(*role),
        }
    }
}

/// Whether application data was refused, and since when there is room for it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backlog {
    Taken,
    Refused,
    Drained(Instant),
}

impl Backlog {
    pub(super) fn drained(self) -> Option<Instant> {
        match self {
            Self::Drained(since) => Some(since),
            Self::Taken | Self::Refused => None,
        }
    }
}

/// A lite agent sends its ClientHello before the peer's address is proved, as a rule, and no more than three
/// times what came from it may go there: one with a post-quantum share would have to wait. It still names the
/// group, so that a server that wants it can ask.
fn small_client_hello(config: &dtls::Config) -> Result<Arc<dtls::Config>, dtls::Error> {
    Ok(Arc::new(config.to_builder().small_client_hello().build()?))
}

impl Session {
    /// Begins the handshake in `role`.
    ///
    /// Without fingerprints it runs on the wire, but no keys exist and nothing is delivered before
    /// [`Session::set_remote`].
    pub(super) fn start_dtls(&mut self, now: Instant, role: Role) -> Result<(), SessionError> {
        // Over TCP, whose handshake has proved the address, nothing is limited.
        let proved = self.ice.selected().is_some_and(|path| {
            let standing = self.ice.standing(&path);
            path.transport == Transport::Tcp || standing.is_some_and(|standing| standing.proved)
        });
        let Association::Idle {
            certificate,
            fingerprints,
            ..
        } = &mut self.association
        else {
            return Ok(());
        };
        let peer = fingerprints
            .take()
            .map_or(PeerIdentity::Later, PeerIdentity::Fingerprints);
        let config = match role == Role::Client && self.ice.is_lite() && !proved {
            true => small_client_hello(&self.config.dtls)?,
            false => Arc::clone(&self.config.dtls),
        };
        let connection = Connection::new(config, role, Arc::clone(certificate), peer, now)?;
        self.timeline.dtls_started = Some(now);
        trace::handshake_begun(self.local_ufrag(), role);
        self.association = Association::Running {
            role,
            connection: Box::new(connection),
        };
        self.time_retransmission();
        self.carry_dtls(now);
        Ok(())
    }

    /// Takes out the events of the connection.
    pub(super) fn follow_dtls(&mut self, now: Instant) -> Result<(), SessionError> {
        while let Some(event) = self
            .association
            .connection_mut()
            .and_then(Connection::poll_event)
        {
            match event {
                Event::Connected(connection) => {
                    self.install_keys()?;
                    self.finish_sped();
                    self.timeline.secured = Some(now);
                    let handshake_time = self.timeline.handshake_time().unwrap_or_default();
                    self.emit(SessionEvent::Secured(Summary {
                        connection,
                        handshake_time,
                    }));
                }
                Event::ApplicationData(data) => self.emit(SessionEvent::ApplicationData(data)),
                Event::Closed if !self.is_closed() => self.closed_by_peer(now),
                // A key update concerns the record layer alone, and that fingerprints are needed
                // is known here: the peer's parameters have not come yet.
                _ => {}
            }
        }
        Ok(())
    }

    /// The connection has taken application data, or refused it.
    pub(super) fn note_taken(&mut self, sent: &Result<(), dtls::SendError>) {
        if *sent == Err(dtls::SendError::QueueFull) {
            self.backlog = Backlog::Refused;
        }
    }

    /// After a datagram of DTLS has gone out.
    pub(super) fn note_drained(&mut self, now: Instant) {
        let queued = self
            .association
            .connection()
            .map(Connection::queued_records);
        if self.backlog == Backlog::Refused && queued == Some(0) {
            self.backlog = Backlog::Drained(now);
        }
    }

    pub(super) fn tell_drained(&mut self) {
        if self.backlog.drained().is_some() {
            self.backlog = Backlog::Taken;
            self.emit(SessionEvent::ApplicationDataDrained);
        }
    }

    fn closed_by_peer(&mut self, now: Instant) {
        if let Some(connection) = self.association.connection_mut() {
            // RFC 8446 §6.1: a close_notify is answered before the connection is dropped.
            connection.close(now);
        }
        self.end(CloseReason::Peer);
    }

    pub(super) fn expire_dtls(&mut self, now: Instant) -> Result<(), SessionError> {
        if let Some(connection) = self.association.connection_mut() {
            connection.handle_timeout(now)?;
        }
        self.follow_dtls(now)
    }
}
