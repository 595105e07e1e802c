//! Offer and answer (RFC 3264, RFC 8829) of one call, and what they tell its session.

use std::sync::Arc;
use std::time::Instant;

use dtls::Role;
use ice_lite::{Candidate, CandidateError, Credentials};

use super::{Audio, Direction, LocalDescription, RemoteDescription, SdpError, Setup};
use crate::session::{
    IceMode, LocalParameters, ParametersError, RemoteParameters, Session, SessionConfig,
    SessionError, SetRemoteError,
};

/// The audio section as both sides want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgreedAudio {
    /// The payload type of Opus in what we send. The peer may number it otherwise in what it sends
    /// only if it offered otherwise (RFC 3264 §5.1).
    pub payload_type: u8,
    /// Which way media flows, seen from our side.
    pub direction: Direction,
}

/// Why an offer or an answer could not be made or taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignallingError {
    /// The peer's description can't be used. A session that had begun lives on.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// A trickled candidate can't be used. The session lives on.
    #[error("a candidate of the peer can't be used: {0}")]
    Candidate(#[from] CandidateError),
    /// What the peer's description tells does not fit. A session that had begun lives on.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The session could not be made, or has ended.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl From<SetRemoteError> for SignallingError {
    fn from(error: SetRemoteError) -> Self {
        match error {
            SetRemoteError::Refused(error) => error.into(),
            SetRemoteError::Failed(error) => error.into(),
        }
    }
}

/// The offers and answers of one call, beside its [`Session`].
#[derive(Debug)]
pub struct Signalling {
    /// RFC 8829 §5.2.1: 63 bits.
    session_id: u64,
    /// How many descriptions of ours went out.
    version: u64,
    offered: Offered,
    wanted: Audio,
    agreed: Option<AgreedAudio>,
    /// The peer's latest description has these.
    peer: Option<Credentials>,
}

/// The offer of ours that waits for its answer.
#[derive(Debug)]
enum Offered {
    Nothing,
    First,
    /// It has so many sections, and this one is ours.
    Restart {
        sections: usize,
        audio: usize,
    },
}

impl Signalling {
    /// Begins a call: gives the offer for the peer. Its checks, and its ClientHello, may come before
    /// its answer.
    ///
    /// # Errors
    /// [`SignallingError::Session`].
    pub fn offer(
        config: Arc<SessionConfig>,
        audio: Audio,
        now: Instant,
    ) -> Result<(Session, Self, String), SignallingError> {
        let (session, mut signalling) = Self::begin(config, audio, now)?;
        signalling.offered = Offered::First;
        let sdp = signalling.describe(&session, Setup::ActPass, |local| local.offer());
        Ok((session, signalling, sdp))
    }

    /// Takes a call: reads the peer's offer and gives the answer to it.
    ///
    /// An ICE-lite peer sends no checks, so we do, whatever the configuration says.
    ///
    /// # Errors
    /// [`SignallingError::Sdp`] says what is wrong with the offer.
    pub fn answer(
        mut config: Arc<SessionConfig>,
        audio: Audio,
        now: Instant,
        offer: &str,
    ) -> Result<(Session, Self, String), SignallingError> {
        let remote = RemoteDescription::parse(offer)?;
        if remote.ice_lite && config.ice == IceMode::Lite {
            Arc::make_mut(&mut config).ice = IceMode::Controlling;
        }
        let (mut session, mut signalling) = Self::begin(config, audio, now)?;
        session.set_remote(now, parameters(&remote))?;
        signalling.settle(&remote);
        let sdp = signalling.describe_answer(&session, &remote);
        Ok((session, signalling, sdp))
    }

    /// Takes the answer to our offer: the first one, or that of [`Signalling::restart_ice`].
    ///
    /// # Errors
    /// [`SignallingError::Session`] if the handshake had come so far that the fingerprint shows the
    /// wrong peer: the session has ended. All others: it lives on, without an answer.
    pub fn accept_answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        answer: &str,
    ) -> Result<(), SignallingError> {
        if session.is_closed() || matches!(self.offered, Offered::Nothing) {
            return Err(SdpError::WrongState.into());
        }
        let remote = RemoteDescription::parse(answer)?;
        match self.offered {
            // RFC 3264 §6: an answer has the sections of the offer, and we offer one.
            Offered::First if remote.sections.len() != 1 => {
                return Err(SdpError::MediaMismatch.into());
            }
            Offered::First if remote.audio().port == 0 => return Err(SdpError::AllRejected.into()),
            Offered::Restart { sections, audio }
                if (remote.sections.len(), remote.audio) != (sections, audio) =>
            {
                return Err(SdpError::MediaMismatch.into());
            }
            _ => {}
        }
        // RFC 4145 §4.1, RFC 5763 §5: an answer decides.
        if remote.setup == Setup::ActPass {
            let offer = Setup::ActPass;
            let answer = remote.setup;
            return Err(SdpError::SetupConflict { offer, answer }.into());
        }
        session.set_remote(now, parameters(&remote))?;
        self.settle(&remote);
        Ok(())
    }

    /// Takes a later offer of the peer in the same call and gives the answer to it.
    ///
    /// New ICE credentials in it are an ICE restart: see [`Session::set_remote`].
    ///
    /// # Errors
    /// The session lives on as it was.
    pub fn accept_offer(
        &mut self,
        session: &mut Session,
        now: Instant,
        offer: &str,
    ) -> Result<String, SignallingError> {
        let remote = RemoteDescription::parse(offer)?;
        if self.peer.is_none() {
            return Err(SdpError::WrongState.into());
        }
        // RFC 8829 §4.1.8.2: of two offers at once, ours gives way.
        session.withdraw_restart();
        session.set_remote(now, parameters(&remote))?;
        self.settle(&remote);
        Ok(self.describe_answer(session, &remote))
    }

    /// Asks for an ICE restart: gives an offer with new credentials for
    /// [`Signalling::accept_answer`] to take the answer to. `peer` is the peer's latest description,
    /// its offer or its answer: the sections of ours are the same. See [`Session::restart_ice`].
    ///
    /// # Errors
    /// [`SdpError::WrongState`] before the first offer is answered, after the end, and if `peer` is
    /// not the latest description. The session lives on as it was.
    pub fn restart_ice(
        &mut self,
        session: &mut Session,
        peer: &str,
    ) -> Result<String, SignallingError> {
        let remote = RemoteDescription::parse(peer)?;
        let latest = self.peer.as_ref().map(Credentials::ufrag);
        if latest != Some(remote.credentials.ufrag()) {
            return Err(SdpError::WrongState.into());
        }
        session.restart_ice()?;
        self.offered = Offered::Restart {
            sections: remote.sections.len(),
            audio: remote.audio,
        };
        // RFC 8842 §5.2: an offer leaves the choice, and the answer keeps the roles.
        Ok(self.describe(session, Setup::ActPass, |local| local.later_offer(&remote)))
    }

    /// Takes a candidate of the peer that came after its description (trickle ICE, RFC 8838): the
    /// line of [RFC 8839 §5.1](https://www.rfc-editor.org/rfc/rfc8839#section-5.1), with or without
    /// `a=`. See [`Session::add_remote_candidate`].
    ///
    /// # Errors
    /// [`SignallingError::Candidate`] for a line that can't be used, such as the host name of a
    /// browser that hides its address. The session lives on.
    pub fn add_remote_candidate(
        &self,
        session: &mut Session,
        line: &str,
    ) -> Result<(), SignallingError> {
        let line = line.trim_start();
        let candidate: Candidate = line.strip_prefix("a=").unwrap_or(line).parse()?;
        session.add_remote_candidate(&candidate);
        Ok(())
    }

    /// What was agreed on for our audio section; `None` while we wait for the answer.
    #[must_use]
    pub fn audio(&self) -> Option<&AgreedAudio> {
        self.agreed.as_ref()
    }

    fn begin(
        config: Arc<SessionConfig>,
        wanted: Audio,
        now: Instant,
    ) -> Result<(Session, Self), SessionError> {
        let mut session_id = [0; 8];
        config.dtls.provider().fill_random(&mut session_id)?;
        let session = Session::new(config, now)?;
        let signalling = Self {
            session_id: u64::from_be_bytes(session_id) >> 1,
            version: 0,
            offered: Offered::Nothing,
            wanted,
            agreed: None,
            peer: None,
        };
        Ok((session, signalling))
    }

    fn settle(&mut self, remote: &RemoteDescription) {
        let audio = remote.audio();
        self.agreed = audio.opus.map(|payload_type| AgreedAudio {
            payload_type,
            direction: self.wanted.direction.agreed(audio.direction),
        });
        self.peer = Some(remote.credentials.clone());
        self.offered = Offered::Nothing;
    }

    fn describe_answer(&mut self, session: &Session, offer: &RemoteDescription) -> String {
        let setup = match session.local_parameters().dtls_role {
            Some(Role::Client) => Setup::Active,
            Some(Role::Server) | None => Setup::Passive,
        };
        self.describe(session, setup, |local| local.answer(offer))
    }

    fn describe(
        &mut self,
        session: &Session,
        setup: Setup,
        write: impl FnOnce(&LocalDescription<'_>) -> String,
    ) -> String {
        self.version += 1;
        let LocalParameters {
            credentials,
            ice_lite,
            candidates,
            tls_id,
            cryptex,
            ..
        } = session.local_parameters();
        write(&LocalDescription {
            session_id: self.session_id,
            version: self.version,
            credentials: &credentials,
            ice_lite,
            candidates: &candidates,
            fingerprint: session.local_fingerprint(),
            setup,
            tls_id: Some(&tls_id),
            cryptex,
            audio: &self.wanted,
        })
    }
}

/// What a description tells a session.
fn parameters(remote: &RemoteDescription) -> RemoteParameters {
    let mut parameters =
        RemoteParameters::new(remote.credentials.clone(), remote.fingerprints.clone());
    parameters.ice_lite = remote.ice_lite;
    parameters.candidates.clone_from(&remote.candidates);
    parameters.end_of_candidates = remote.end_of_candidates;
    parameters.dtls_role = match remote.setup {
        Setup::ActPass => None,
        Setup::Active => Some(Role::Client),
        Setup::Passive => Some(Role::Server),
    };
    parameters.tls_id.clone_from(&remote.tls_id);
    parameters.cryptex = remote.cryptex;
    parameters
}
