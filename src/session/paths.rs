//! Over which path the datagrams of a handshake go, what they prove of it, and when they go again.

use std::mem;
use std::time::{Duration, Instant};

use ice_lite::{Path, PathStanding, SendRefused};

use super::Session;

/// Where a handshake has been.
#[derive(Debug, Default)]
pub(super) struct HandshakePaths {
    /// Where the last datagram that meant something came from: what answers it goes there.
    from: Option<Path>,
    to: Sent,
    /// When our present flight went out, and how many were sent again before.
    flight: Option<(Instant, u32)>,
    /// How long the peer took to answer a flight.
    answered_after: Option<Duration>,
}

/// Where our datagrams went, as long as the handshake lasts.
#[derive(Debug, Default, PartialEq, Eq)]
enum Sent {
    #[default]
    Nowhere,
    /// Over this path and no other.
    Over(Box<Path>),
    Elsewhere,
}

/// The least time after which a flight is sent again, however near the peer is: its public-key
/// operations take theirs, on a phone a tenth of a second.
const LEAST_WAIT: Duration = Duration::from_millis(200);

impl Session {
    /// What is known of a path that is valid.
    pub(crate) fn path_standing(&self, path: &Path) -> Option<PathStanding> {
        self.ice.standing(path)
    }

    /// Another session's peer has proved to be at this path. Says whether there is something to send.
    pub(crate) fn doubt_path(&mut self, now: Instant, path: &Path) -> bool {
        self.ice.doubt(now, path)
    }

    /// A datagram over this path had a record that DTLS took.
    pub(super) fn follow_handshake(
        &mut self,
        now: Instant,
        path: Path,
        was_secured: bool,
        secured: bool,
    ) {
        self.handshake_paths.from = Some(path);
        if secured {
            // No record is opened without keys that the peer alone has.
            self.ice.confirm(now, &path);
        }
        // Nobody can finish a handshake who has not seen our flights of it, and they went here alone.
        if secured && !was_secured {
            let to = mem::replace(&mut self.handshake_paths.to, Sent::Elsewhere);
            if matches!(to, Sent::Over(to) if *to == path) {
                self.ice.prove(&path);
            }
        }
        // After a retransmission nobody can tell which of them was answered.
        if let Some((sent, resent)) = self.handshake_paths.flight.take()
            && resent == self.flights_resent()
        {
            self.handshake_paths.answered_after = Some(now.saturating_duration_since(sent));
            self.time_retransmission();
        }
    }

    /// Datagrams of DTLS must not be longer from now on.
    pub(crate) fn limit_datagrams(&mut self, bytes: usize) {
        if let Some(connection) = self.association.connection_mut() {
            connection.set_mtu(bytes);
        }
    }

    /// Asks ICE where a datagram of DTLS of this length may go.
    pub(super) fn authorize_dtls(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        match self.handshake_paths.from {
            Some(path) => self.ice.authorize_reply(now, &path, len),
            None => self.ice.authorize_send(now, len),
        }
    }

    /// A datagram of DTLS goes out over this path.
    pub(super) fn note_sent(&mut self, now: Instant, path: Path) {
        self.note_carried(path);
        let resent = self.flights_resent();
        let begun = &mut self.handshake_paths.flight;
        *begun = begun.or(Some((now, resent)));
    }

    /// A datagram of DTLS goes out over this path within a message of ICE, which has its own clock.
    pub(super) fn note_carried(&mut self, path: Path) {
        match &self.handshake_paths.to {
            Sent::Nowhere => self.handshake_paths.to = Sent::Over(Box::new(path)),
            Sent::Over(before) if **before == path => {}
            _ => self.handshake_paths.to = Sent::Elsewhere,
        }
    }

    fn flights_resent(&self) -> u32 {
        let connection = self.association.connection();
        connection.map_or(0, |connection| connection.statistics().retransmissions)
    }

    /// ICE has chosen another path: what waits for an answer goes there at once.
    pub(super) fn leave_path(&mut self) {
        self.handshake_paths.from = None;
        self.handshake_paths.flight = None;
        if let Some(connection) = self.association.connection_mut()
            && connection.info().is_none()
        {
            connection.resend_flight();
        }
    }

    /// RFC 9147 §5.8.2: a flight goes again after one and a half times the round trip, where that is
    /// known: from checks, or from a flight that was answered.
    pub(super) fn time_retransmission(&mut self) {
        let rtt = self.ice.rtt().max(self.handshake_paths.answered_after);
        let mut retransmit = self.config.dtls.retransmit();
        if let Some(rtt) = rtt
            && let Some(connection) = self.association.connection_mut()
            && connection.info().is_none()
        {
            let least = LEAST_WAIT.min(retransmit.initial);
            retransmit.initial = (rtt * 3 / 2).max(least).min(retransmit.ceiling);
            connection.set_retransmit(retransmit);
        }
    }
}
