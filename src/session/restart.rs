//! ICE restarts that we ask for (RFC 8445 §9, RFC 8839 §4.4.3).

use std::time::Instant;

use dtls::Role;
use ice_lite::Credentials;

use super::event::SessionEvent;
use super::negotiation::Offered;
use super::signalling::{credentials, our_role};
use super::{Session, SessionError, Status, trace};
use crate::sdp::{RemoteDescription, SdpError, Setup};

/// An offer of ours that restarts ICE.
#[derive(Debug)]
pub(super) struct Restart {
    /// What checks will have to carry.
    pub(super) credentials: Credentials,
    /// How many sections the offer has, and which of them is ours.
    sections: usize,
    audio: usize,
}

impl Session {
    /// Asks for an ICE restart, because the path has become bad, or the server moves: gives an offer
    /// with new credentials for [`Session::accept_answer`] to take the answer to. `peer` is the
    /// peer's latest description, its offer or its answer: the sections of ours are the same.
    ///
    /// Until the answer is here all goes on as before: checks with the old credentials count, media
    /// flows over the old path. Then [`SessionEvent::IceRestarted`] says that the
    /// [`Router`](crate::Router) has to know the new ufrag. The DTLS association and its keys live
    /// on. An offer of the peer that comes instead of the answer withdraws ours, and so does another
    /// call of this method.
    ///
    /// # Errors
    /// [`SessionError::Sdp`], with [`SdpError::WrongState`] before the first offer is answered, after
    /// the end, and if `peer` is not the latest description. [`SessionError::Crypto`]. The session
    /// lives on as it was.
    pub fn restart_ice(&mut self, peer: &str) -> Result<String, SessionError> {
        let remote = RemoteDescription::parse(peer)?;
        let latest = self.negotiation.peer.as_ref();
        let is_latest =
            latest.is_some_and(|it| it.keeps_association(&remote) && !it.restarts_ice(&remote));
        if !is_latest || self.status == Status::Closed {
            return Err(SdpError::WrongState.into());
        }
        self.negotiation.offered = Offered::Restart(Box::new(Restart {
            credentials: credentials(&**self.config.dtls.provider())?,
            sections: remote.sections.len(),
            audio: remote.audio,
        }));
        // RFC 8842 §5.2: an offer leaves the choice, and the answer keeps the roles.
        let sdp = self.describe(Setup::ActPass, |local| local.later_offer(&remote));
        trace::signalled(self.local_ufrag(), "ICE restart offered");
        Ok(sdp)
    }

    /// Takes the answer to the offer that [`Session::restart_ice`] made.
    pub(super) fn accept_restart(
        &mut self,
        now: Instant,
        remote: &RemoteDescription,
    ) -> Result<(), SessionError> {
        let (Offered::Restart(restart), Some(peer)) =
            (&self.negotiation.offered, &self.negotiation.peer)
        else {
            return Err(SdpError::WrongState.into());
        };
        if (remote.sections.len(), remote.audio) != (restart.sections, restart.audio) {
            return Err(SdpError::MediaMismatch.into());
        }
        let role = our_role(Setup::ActPass, remote.setup)?;
        if !peer.keeps_association(remote) || self.association.role() != Some(role) {
            return Err(SdpError::NewAssociation.into());
        }
        if !peer.restarts_ice(remote) {
            return Err(SdpError::IceNotRestarted.into());
        }
        let local = restart.credentials.clone();
        self.begin_ice_anew(local, remote);
        self.negotiation
            .settle(remote, self.config.audio.direction, self.config.cryptex);
        let result = self.follow_ice(now);
        self.finish(result)
    }
    /// The old credentials of both sides are replaced by these.
    pub(super) fn begin_ice_anew(&mut self, local: Credentials, remote: &RemoteDescription) {
        self.ice.restart(local);
        self.ice.set_remote(remote);
        let connection = self.association.connection();
        let secured = connection.is_some_and(|connection| connection.info().is_some());
        // Our ClientHello may wait for it still, and the check that was to prove it is forgotten.
        if self.association.role() == Some(Role::Client) && !secured {
            let provider = self.config.dtls.provider();
            self.ice.prove_addresses(&remote.credentials, provider);
        }
        self.emit(SessionEvent::IceRestarted);
    }
}
