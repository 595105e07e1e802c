//! Offer and answer (RFC 3264, RFC 8829), and what each settles.

use std::sync::Arc;
use std::time::Instant;

use dtls::crypto::{CryptoError, CryptoProvider};
use dtls::{Certificate, Role};
use ice_lite::Credentials;

use super::association::Association;
use super::event::{Events, Timeline};
use super::ice::Agent;
use super::negotiation::{Negotiation, Offered};
use super::statistics::Counters;
use super::{IceMode, Session, SessionConfig, SessionError, Status, trace};
use crate::sdp::{LocalDescription, RemoteDescription, SdpError, Setup};

impl Session {
    /// Begins a call: gives the offer for the peer. Its checks, and its ClientHello, may come before
    /// its answer.
    ///
    /// # Errors
    /// [`SessionError::Certificate`] or [`SessionError::Crypto`].
    pub fn offer(config: Arc<SessionConfig>, now: Instant) -> Result<(Self, String), SessionError> {
        let mode = config.ice;
        let mut session = Self::new(config, mode, now)?;
        session.negotiation.offered = Offered::First;
        let sdp = session.describe(Setup::ActPass, |local| local.offer());
        trace::signalled(session.local_ufrag(), "offered");
        Ok((session, sdp))
    }

    /// Takes the answer to our offer: the first one, or that of [`Session::restart_ice`].
    ///
    /// # Errors
    /// [`SessionError::Sdp`], and the session lives on, without an answer. [`SessionError::Dtls`] if
    /// the handshake had come so far that the fingerprint shows the wrong peer: the session has
    /// ended.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), SessionError> {
        if self.status == Status::Closed {
            return Err(SdpError::WrongState.into());
        }
        match self.negotiation.offered {
            Offered::Nothing => Err(SdpError::WrongState.into()),
            Offered::First => self.accept_first_answer(now, RemoteDescription::parse(answer)?),
            Offered::Restart(_) => self.accept_restart(now, &RemoteDescription::parse(answer)?),
        }
    }

    fn accept_first_answer(
        &mut self,
        now: Instant,
        remote: RemoteDescription,
    ) -> Result<(), SessionError> {
        // RFC 3264 §6: an answer has the sections of the offer, and we offer one.
        if remote.sections.len() != 1 {
            return Err(SdpError::MediaMismatch.into());
        }
        if remote.audio().port == 0 {
            return Err(SdpError::AllRejected.into());
        }
        if self.ice.is_lite() && remote.ice_lite {
            return Err(SdpError::BothIceLite.into());
        }
        let role = our_role(Setup::ActPass, remote.setup)?;
        if self.association.role().is_some_and(|taken| taken != role) {
            return Err(SdpError::RoleAlreadyTaken.into());
        }
        self.negotiation
            .settle(&remote, self.config.audio.direction, self.config.cryptex);
        self.ice.set_remote(&remote);
        trace::signalled(self.local_ufrag(), "answer accepted");
        let result = self
            .identify_peer(now, role, remote)
            .and_then(|()| self.follow_ice(now));
        self.finish(result)
    }

    /// Takes a call: reads the peer's offer and gives the answer to it.
    ///
    /// An ICE-lite peer sends no checks, so we do, whatever the configuration says.
    ///
    /// # Errors
    /// [`SessionError::Sdp`] says what is wrong with the offer.
    pub fn answer(
        config: Arc<SessionConfig>,
        now: Instant,
        offer: &str,
    ) -> Result<(Self, String), SessionError> {
        let remote = RemoteDescription::parse(offer)?;
        let mode = match remote.ice_lite {
            true => IceMode::Controlling,
            false => config.ice,
        };
        let setup = match (remote.setup, config.dtls_role) {
            (Setup::Passive, _) | (Setup::ActPass, Role::Client) => Setup::Active,
            (Setup::Active, _) | (Setup::ActPass, Role::Server) => Setup::Passive,
        };
        let mut session = Self::new(config, mode, now)?;
        let config = Arc::clone(&session.config);
        session
            .negotiation
            .settle(&remote, config.audio.direction, config.cryptex);
        session.ice.set_remote(&remote);
        let sdp = session.describe(setup, |local| local.answer(&remote));
        trace::signalled(session.local_ufrag(), "answered");
        let role = match setup {
            Setup::Active => Role::Client,
            Setup::Passive | Setup::ActPass => Role::Server,
        };
        session.identify_peer(now, role, remote)?;
        Ok((session, sdp))
    }

    /// Takes a later offer of the peer in the same call and gives the answer to it.
    ///
    /// New ICE credentials in it are an ICE restart (RFC 8445 §9): ours change too, and the
    /// [`Router`](crate::Router) has to know: see
    /// [`SessionEvent::IceRestarted`](crate::SessionEvent::IceRestarted). The DTLS association and
    /// its keys live on.
    ///
    /// # Errors
    /// [`SessionError::Sdp`], and the session lives on as it was; among them
    /// [`SdpError::NewAssociation`].
    pub fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<String, SessionError> {
        let remote = RemoteDescription::parse(offer)?;
        let role = self.association.role();
        let (Some(peer), Some(role), Status::Open) = (&self.negotiation.peer, role, self.status)
        else {
            return Err(SdpError::WrongState.into());
        };
        // RFC 8842 §5.3: the roles stay while the association does.
        let setup = match role {
            Role::Client => Setup::Active,
            Role::Server => Setup::Passive,
        };
        if !peer.keeps_association(&remote) || remote.setup == setup {
            return Err(SdpError::NewAssociation.into());
        }
        let config = Arc::clone(&self.config);
        if peer.restarts_ice(&remote) {
            let local = credentials(&**config.dtls.provider())?;
            self.begin_ice_anew(local, &remote);
        }
        self.negotiation
            .settle(&remote, config.audio.direction, config.cryptex);
        let result = self.follow_ice(now);
        self.finish(result)?;
        Ok(self.describe(setup, |local| local.answer(&remote)))
    }

    fn new(config: Arc<SessionConfig>, mode: IceMode, now: Instant) -> Result<Self, SessionError> {
        let provider = &**config.dtls.provider();
        let certificate = match &config.certificate {
            Some(certificate) => Arc::clone(certificate),
            None => Arc::new(Certificate::generate(provider)?),
        };
        let ice = Agent::new(&config, mode, credentials(provider)?);
        let mut session_id = [0; 8];
        provider.fill_random(&mut session_id)?;
        Ok(Self {
            negotiation: Negotiation {
                // RFC 8829 §5.2.1: 63 bits.
                session_id: u64::from_be_bytes(session_id) >> 1,
                version: 0,
                // RFC 8842 §4: at least 120 bits; a password has 192.
                tls_id: credentials(provider)?.password().replace(['/', '+'], "-"),
                fingerprint: certificate.fingerprint_sha256(),
                offered: Offered::Nothing,
                audio: None,
                peer: None,
                cryptex: false,
            },
            ice,
            association: Association::Idle {
                certificate,
                role: None,
                fingerprints: None,
            },
            held: None,
            media: None,
            status: Status::Open,
            events: Events::default(),
            timeline: Timeline::new(now),
            counters: Counters::new(),
            config,
        })
    }

    pub(super) fn describe(
        &mut self,
        setup: Setup,
        write: impl FnOnce(&LocalDescription<'_>) -> String,
    ) -> String {
        self.negotiation.version += 1;
        let credentials = match &self.negotiation.offered {
            Offered::Restart(restart) => &restart.credentials,
            Offered::Nothing | Offered::First => self.ice.local(),
        };
        write(&LocalDescription {
            session_id: self.negotiation.session_id,
            version: self.negotiation.version,
            credentials,
            ice_lite: self.ice.is_lite(),
            candidates: &self.config.candidates,
            fingerprint: self.negotiation.fingerprint,
            setup,
            tls_id: Some(&self.negotiation.tls_id),
            cryptex: self.config.cryptex,
            audio: &self.config.audio,
        })
    }
}

/// Our role, from what we offered and what the peer answers (RFC 4145 §4.1, RFC 5763 §5).
pub(super) fn our_role(offer: Setup, answer: Setup) -> Result<Role, SdpError> {
    match (offer, answer) {
        (Setup::ActPass | Setup::Passive, Setup::Active) => Ok(Role::Server),
        (Setup::ActPass | Setup::Active, Setup::Passive) => Ok(Role::Client),
        _ => Err(SdpError::SetupConflict { offer, answer }),
    }
}

pub(super) fn credentials(provider: &dyn CryptoProvider) -> Result<Credentials, CryptoError> {
    let mut result = Ok(());
    let credentials = Credentials::generate(&mut |out| {
        if let Err(error) = provider.fill_random(out) {
            result = Err(error);
        }
    });
    result.map(|()| credentials)
}
