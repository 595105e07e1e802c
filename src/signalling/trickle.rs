//! Candidates that come after the descriptions, and ICE restarts without an offer (RFC 8838, RFC 8840,
//! RFC 9725 §4.3).

use std::time::Instant;

use ice_lite::{Candidate, Credentials};
use sdp_types::Attribute;

use super::error::SignallingError;
use super::sdp::{Fragment, SdpError, fragment_of, ufrag_of};
use super::{Signalling, describe};
use crate::session::{ParametersError, Session};

impl Signalling {
    /// Takes a fragment of the peer's: candidates, and perhaps an ICE restart, which new credentials in
    /// it ask for. The answer to a restart is a fragment of ours, and only to that: over WHIP it is the
    /// body of `200 OK`, and nothing is `204 No Content` (RFC 9725 §4.3). Poll the session
    /// afterwards.
    ///
    /// Candidates of sections that are refused, and of another ufrag than the one in force, are passed
    /// over.
    ///
    /// # Errors
    /// [`SignallingError::Sdp`]: the credentials can't be used. [`SignallingError::Parameters`]: the
    /// peer's description is not there yet. [`SignallingError::Glare`]: a restart came while an offer of
    /// ours waits.
    pub fn accept_fragment(
        &mut self,
        session: &mut Session,
        now: Instant,
        fragment: &Fragment,
    ) -> Result<Option<String>, SignallingError> {
        let peer = self.peer.as_deref().ok_or(ParametersError::NoRemote)?;
        let (ufrag, password) = fragment.credentials();
        let known = &peer.credentials;
        let is_new = password.is_some_and(|password| password != known.password())
            || (password.is_some() && ufrag.is_some_and(|ufrag| ufrag != known.ufrag()));
        let credentials = match is_new {
            true => Credentials::from_sdp(
                ufrag.ok_or(SdpError::NoUfrag)?,
                password.ok_or(SdpError::NoPassword)?,
            )
            .map_err(SdpError::from)?,
            false if ufrag.is_some_and(|ufrag| ufrag != known.ufrag()) => return Ok(None),
            false => known.clone(),
        };
        if is_new && self.offered.is_some() {
            return Err(SignallingError::Glare);
        }
        let candidates = fragment.candidates(credentials.ufrag(), |mid| self.carries(mid));
        let ended = fragment.ends_candidates(|mid| self.carries(mid));
        if !is_new {
            for candidate in &candidates {
                session.add_remote_candidate(candidate);
            }
            if ended {
                session.end_of_candidates();
            }
            return Ok(None);
        }
        let mut remote = peer.clone();
        remote.credentials = credentials;
        remote.end_of_candidates = ended;
        let remembered = remote.clone();
        remote.candidates = candidates;
        session.set_remote(now, remote)?;
        self.peer = Some(Box::new(remembered));
        Ok(Some(self.fragment(session)))
    }

    /// Takes one candidate of the peer's, as scripts of browsers have them: `candidate:…`, with or
    /// without `a=`. An empty one says that there will be no more. One of another ufrag, or of no use, is
    /// passed over. Poll the session afterwards.
    ///
    /// # Errors
    /// [`SignallingError::Parameters`]: the peer's description is not there yet.
    pub fn accept_candidate(
        &mut self,
        session: &mut Session,
        line: &str,
    ) -> Result<(), SignallingError> {
        let peer = self.peer.as_deref().ok_or(ParametersError::NoRemote)?;
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        if line.is_empty() || line == "end-of-candidates" {
            session.end_of_candidates();
        } else if ufrag_of(line).is_none_or(|ufrag| ufrag == peer.credentials.ufrag())
            && let Ok(candidate) = line.parse::<Candidate>()
        {
            session.add_remote_candidate(&candidate);
        }
        Ok(())
    }

    /// Our credentials and candidates as a fragment.
    #[must_use]
    pub fn fragment(&self, session: &Session) -> String {
        let local = session.local_parameters();
        let mut attributes = describe::ice(&local);
        attributes.extend(describe::candidates(&local));
        let live = || self.lines.iter().filter(|line| line.agreed.is_some());
        let group = describe::bundle(live().filter_map(|line| line.mid.as_deref()));
        let lite = local.ice_lite.then(|| Attribute::new("ice-lite"));
        let session_level: Vec<_> = lite.into_iter().chain(group).collect();
        let tagged = live().next();
        let m_line = tagged.map(|line| {
            let words = format!("{} 9 {} {}", line.kind, line.protocol, line.formats);
            (words, line.mid.as_deref())
        });
        fragment_of(&session_level, m_line, &attributes)
    }

    /// Whether a part of a fragment is about our transport: it is about all, or about a section that we
    /// have.
    fn carries(&self, mid: Option<&str>) -> bool {
        mid.is_none_or(|mid| self.section(mid).is_some())
    }
}
