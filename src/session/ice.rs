//! Both kinds of ICE agent behind the same methods.

use std::time::{Duration, Instant};

use dtls::crypto::CryptoProvider;
use ice_lite::stun::MessageWriter;
use ice_lite::{
    Candidate, ControllingAgent, ControllingConfig, Credentials, Envelope, Event, LiteAgent,
    LiteConfig, Outcome, Path, PathStanding, SendRefused, Statistics, Transmit,
};
use std::sync::Arc;

use super::config::{IceMode, OnConsentExpired, SessionConfig};

/// The ICE agent of a session.
pub(super) enum Agent {
    Lite(Box<LiteAgent>),
    Controlling(Box<ControllingAgent>),
}

/// Calls the same method of either agent.
macro_rules! either {
    ($agent:expr, $name:ident => $call:expr) => {
        match $agent {
            Self::Lite($name) => $call,
            Self::Controlling($name) => $call,
        }
    };
}

impl Agent {
    pub(super) fn new(config: &SessionConfig, local: Credentials) -> Self {
        let consent_returns = config.on_consent_expired == OnConsentExpired::WaitForCheck;
        match config.ice {
            IceMode::Lite => {
                let mut lite = LiteConfig::default();
                lite.consent_timeout = config.consent_timeout;
                lite.consent_returns = consent_returns;
                Self::Lite(Box::new(LiteAgent::new(local, lite)))
            }
            IceMode::Controlling => {
                let mut full = ControllingConfig::new(random(config.dtls.provider()));
                full.consent_timeout = config.consent_timeout;
                full.consent_returns = consent_returns;
                let mut agent = ControllingAgent::new(local, full);
                for candidate in &config.candidates {
                    agent.add_local_candidate(candidate.address);
                }
                Self::Controlling(Box::new(agent))
            }
        }
    }

    pub(super) const fn is_lite(&self) -> bool {
        matches!(self, Self::Lite(_))
    }

    pub(super) fn local(&self) -> &Credentials {
        either!(self, agent => agent.local())
    }

    pub(super) fn set_remote(&mut self, remote: &Credentials) {
        either!(self, agent => agent.set_remote(remote));
    }

    /// The agent that sends checks has use for it.
    pub(super) fn add_remote_candidate(&mut self, candidate: &Candidate) {
        match self {
            Self::Lite(_) => {}
            Self::Controlling(agent) => agent.add_remote_candidate(candidate),
        }
    }

    /// Lifts the limit of addresses as soon as they are proved. The agent that sends checks anyway
    /// needs nothing more.
    pub(super) fn prove_addresses(
        &mut self,
        now: Instant,
        remote: &Credentials,
        provider: &Arc<dyn CryptoProvider>,
    ) {
        if let Self::Lite(agent) = self {
            agent.prove_addresses(now, remote, random(provider));
        }
    }

    /// The agent that sends checks waits for no more.
    pub(super) fn end_of_candidates(&mut self) {
        match self {
            Self::Lite(_) => {}
            Self::Controlling(agent) => agent.end_of_candidates(),
        }
    }

    pub(super) fn handle_datagram<'d>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'d [u8],
    ) -> Outcome<'d> {
        either!(self, agent => agent.handle_datagram(now, path, datagram))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        either!(self, agent => agent.handle_timeout(now));
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        either!(self, agent => agent.poll_transmit(now, buf))
    }

    /// As `poll_transmit`; `add` may add attributes to all but error responses.
    pub(super) fn poll_transmit_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        add: impl FnMut(&mut MessageWriter<'_>, Envelope),
    ) -> Option<Transmit> {
        either!(self, agent => agent.poll_transmit_with(now, buf, add))
    }

    /// Whether something waits for checks to carry it. A lite agent has a path as soon as its peer has
    /// reached it.
    pub(super) fn set_cargo(&mut self, waits: bool) {
        match self {
            Self::Lite(_) => {}
            Self::Controlling(agent) => agent.set_cargo(waits),
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        either!(self, agent => agent.poll_event())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        either!(self, agent => agent.poll_timeout())
    }

    /// Asks for the memory of the agent itself.
    pub(super) fn prefetch(&self) {
        either!(self, agent => srtp::prefetch(&**agent));
    }

    pub(super) fn is_valid(&self, path: &Path) -> bool {
        either!(self, agent => agent.is_valid(path))
    }

    pub(super) fn selected(&self) -> Option<Path> {
        either!(self, agent => agent.selected())
    }

    pub(super) fn authorize_send(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        either!(self, agent => agent.authorize_send(now, len))
    }

    pub(super) fn authorize_reply(
        &mut self,
        now: Instant,
        path: &Path,
        len: usize,
    ) -> Result<Path, SendRefused> {
        either!(self, agent => agent.authorize_reply(now, path, len))
    }

    pub(super) fn prove(&mut self, path: &Path) {
        either!(self, agent => agent.prove(path));
    }

    pub(super) fn standing(&self, path: &Path) -> Option<PathStanding> {
        either!(self, agent => agent.standing(path))
    }

    /// The agent that sends checks asks for consent all the time, and loses the path without it.
    pub(super) fn doubt(&mut self, now: Instant, path: &Path) -> bool {
        match self {
            Self::Lite(agent) => agent.doubt(now, path),
            Self::Controlling(_) => false,
        }
    }

    pub(super) fn credit(&mut self, path: &Path, len: usize) {
        either!(self, agent => agent.credit(path, len));
    }

    pub(super) fn confirm(&mut self, now: Instant, path: &Path) {
        either!(self, agent => agent.confirm(now, path));
    }

    pub(super) fn revoke_consent(&mut self) {
        either!(self, agent => agent.revoke_consent());
    }

    pub(super) fn restart(&mut self, local: Credentials) {
        either!(self, agent => agent.restart(local));
    }

    /// That of the checks that were answered.
    pub(super) fn rtt(&self) -> Option<Duration> {
        either!(self, agent => agent.rtt())
    }

    pub(super) fn statistics(&self) -> Statistics {
        either!(self, agent => agent.statistics())
    }

    pub(super) fn state_digest(&self) -> u64 {
        either!(self, agent => agent.state_digest())
    }
}

/// The provider's randomness in the form that ICE asks for. It worked when the credentials were
/// made; if it fails later there is no safe way to go on.
fn random(provider: &Arc<dyn CryptoProvider>) -> ice_lite::Random {
    let provider = Arc::clone(provider);
    Box::new(move |out| {
        provider
            .fill_random(out)
            .expect("invariant: a source of randomness that has worked goes on working");
    })
}
