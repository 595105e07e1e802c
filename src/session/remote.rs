//! What the peer has told, and what follows from it.

use std::time::Instant;

use dtls::Role;
use ice_lite::{Candidate, Credentials};

use super::agreement::Peer;
use super::association::Association;
use super::event::SessionEvent;
use super::parameters::{
    LocalParameters, MAX_FINGERPRINTS, ParametersError, RemoteParameters, SetRemoteError,
};
use super::{Session, SessionError, credentials, trace};

/// What parameters that fit mean.
struct Meaning {
    our_role: Role,
    /// Ours, if ICE begins anew.
    restart: Option<Credentials>,
}

impl Session {
    /// What the peer has to be told. While an ICE restart that we have asked for waits for the peer,
    /// these are the credentials from then on.
    #[must_use]
    pub fn local_parameters(&self) -> LocalParameters {
        let restart = self.agreement.restart.as_deref();
        LocalParameters {
            credentials: restart.unwrap_or_else(|| self.ice.local()).clone(),
            ice_lite: self.ice.is_lite(),
            candidates: self.config.candidates.clone(),
            fingerprints: vec![self.agreement.fingerprint],
            dtls_role: self.association.role(),
            tls_id: self.agreement.tls_id.to_string(),
            cryptex: self.config.offers_cryptex(),
            sped: self.config.sped,
        }
    }

    /// Takes what the peer has told: the first time, and whenever it tells anew.
    ///
    /// Its checks, and its ClientHello, may have come before. If it leaves the DTLS role to us,
    /// [`SessionConfig::dtls_role`](crate::SessionConfig::dtls_role) decides, and
    /// [`Session::local_parameters`] tell.
    ///
    /// Later, credentials other than before are an ICE restart (RFC 8445 §9): ours change too, to
    /// those of [`Session::restart_ice`] if we have asked for it, and the [`Router`](crate::Router)
    /// has to know: see [`SessionEvent::IceRestarted`]. The DTLS association and its keys live on.
    /// With credentials as before, candidates are added. Poll afterwards.
    ///
    /// # Errors
    /// [`SetRemoteError::Refused`], and the session lives on as it was; among them
    /// [`ParametersError::NewAssociation`]. [`SetRemoteError::Failed`], and it has ended.
    pub fn set_remote(
        &mut self,
        now: Instant,
        remote: RemoteParameters,
    ) -> Result<(), SetRemoteError> {
        let meaning = self.understand(&remote)?;
        let result = self.adopt(now, remote, meaning);
        Ok(self.finish(result)?)
    }

    fn understand(&self, remote: &RemoteParameters) -> Result<Meaning, ParametersError> {
        if self.is_closed() {
            return Err(ParametersError::Closed);
        }
        if self.ice.is_lite() && remote.ice_lite {
            return Err(ParametersError::BothIceLite);
        }
        match remote.fingerprints.len() {
            0 => return Err(ParametersError::NoFingerprint),
            1..=MAX_FINGERPRINTS => {}
            _ => return Err(ParametersError::TooManyFingerprints),
        }
        if self.config.requires_cryptex() && !remote.cryptex {
            return Err(ParametersError::CryptexRequired);
        }
        let our_role = match (remote.dtls_role, self.association.role()) {
            // RFC 8842 §5.3: the roles stay while the association does.
            (Some(theirs), Some(ours)) if theirs == ours => return Err(ParametersError::RoleTaken),
            (_, Some(ours)) => ours,
            (Some(Role::Client), None) => Role::Server,
            (Some(Role::Server), None) => Role::Client,
            (None, None) => self.config.dtls_role,
        };
        let restart = match &self.agreement.peer {
            Some(peer) if !peer.keeps_association(remote) => {
                return Err(ParametersError::NewAssociation);
            }
            Some(peer) if peer.restarts_ice(remote) => Some(match &self.agreement.restart {
                Some(ours) => (**ours).clone(),
                None => credentials(&**self.config.dtls.provider())?,
            }),
            _ if self.agreement.restart.is_some() => return Err(ParametersError::IceNotRestarted),
            _ => None,
        };
        Ok(Meaning { our_role, restart })
    }

    fn adopt(
        &mut self,
        now: Instant,
        remote: RemoteParameters,
        meaning: Meaning,
    ) -> Result<(), SessionError> {
        let first = self.agreement.peer.is_none();
        self.agreement.peer = Some(Peer::new(&remote));
        if let Some(local) = meaning.restart {
            self.begin_ice_anew(now, local, &remote.credentials);
        } else if first {
            self.ice.set_remote(&remote.credentials);
        }
        for candidate in &remote.candidates {
            self.ice.add_remote_candidate(candidate);
        }
        if remote.end_of_candidates {
            self.ice.end_of_candidates();
        }
        if first {
            trace::signalled(self.local_ufrag(), "the peer's parameters are there");
            self.learn_sped(remote.sped);
            self.identify_peer(
                now,
                meaning.our_role,
                &remote.credentials,
                remote.fingerprints,
            )?;
        }
        self.follow_ice(now)
    }

    /// Takes a candidate of the peer's that came later (trickle ICE, RFC 8838). A lite agent sends no
    /// checks and has no use for it; nor is there one for TCP candidates. Poll for datagrams
    /// afterwards.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        self.ice.add_remote_candidate(candidate);
    }

    /// The peer has no more candidates (RFC 8838).
    ///
    /// A session that sends checks and finds no path fails from then on, even if there was nobody to
    /// send one to: [`CloseReason::IceFailed`](super::CloseReason::IceFailed), when 39.5 s were left to
    /// the peer's own checks (RFC 8863 §4). A lite agent has no use for it. Ask for the time of the
    /// alarm again afterwards.
    pub fn end_of_candidates(&mut self) {
        self.ice.end_of_candidates();
    }

    /// Asks for an ICE restart (RFC 8445 §9), because the path has become bad, or the server moves:
    /// gives the parameters to tell the peer, with new credentials.
    ///
    /// Until [`Session::set_remote`] brings the peer's new ones all goes on as before: checks with the
    /// old credentials count, media flows over the old path. Then [`SessionEvent::IceRestarted`] says
    /// that the [`Router`](crate::Router) has to know the new ufrag. The DTLS association and its
    /// keys live on. Asking again makes other credentials.
    ///
    /// # Errors
    /// [`ParametersError::NoRemote`], [`ParametersError::Closed`] or [`ParametersError::Crypto`]. The
    /// session lives on as it was.
    pub fn restart_ice(&mut self) -> Result<LocalParameters, ParametersError> {
        if self.is_closed() {
            return Err(ParametersError::Closed);
        }
        if self.agreement.peer.is_none() {
            return Err(ParametersError::NoRemote);
        }
        let local = credentials(&**self.config.dtls.provider())?;
        self.agreement.restart = Some(Box::new(local));
        trace::signalled(self.local_ufrag(), "ICE restart asked for");
        Ok(self.local_parameters())
    }

    /// Takes back what [`Session::restart_ice`] has asked for, if the peer has not followed yet: it
    /// has refused, or has told something else at the same time, which goes first.
    pub fn withdraw_restart(&mut self) {
        self.agreement.restart = None;
    }

    /// The old credentials of both sides are replaced by these.
    fn begin_ice_anew(&mut self, now: Instant, local: Credentials, remote: &Credentials) {
        self.agreement.restart = None;
        self.ice.restart(local);
        self.ice.set_remote(remote);
        let provider = self.config.dtls.provider();
        self.ice.prove_addresses(now, remote, provider);
        self.emit(SessionEvent::IceRestarted);
    }

    /// The peer has told who it is, and which role is ours.
    fn identify_peer(
        &mut self,
        now: Instant,
        our_role: Role,
        credentials: &Credentials,
        peer: Vec<dtls::Fingerprint>,
    ) -> Result<(), SessionError> {
        let provider = self.config.dtls.provider();
        self.ice.prove_addresses(now, credentials, provider);
        match &mut self.association {
            Association::Idle {
                role, fingerprints, ..
            } => {
                *role = Some(our_role);
                *fingerprints = Some(peer);
                Ok(())
            }
            Association::Running { connection, .. } => {
                connection.set_peer_fingerprints(now, peer)?;
                self.follow_dtls(now)
            }
        }
    }
}
