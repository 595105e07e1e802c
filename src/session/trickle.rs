//! Candidates of the peer that come after its description (trickle ICE, RFC 8838).

use ice_lite::Candidate;

use super::{Session, SessionError};

impl Session {
    /// Takes a candidate of the peer that came after its description (trickle ICE, RFC 8838): the
    /// line of [RFC 8839 §5.1](https://www.rfc-editor.org/rfc/rfc8839#section-5.1), with or without
    /// `a=`. A lite agent sends no checks and has no use for it; nor is there one for TCP candidates
    /// and host names. Poll for datagrams afterwards.
    ///
    /// # Errors
    /// [`SessionError::Candidate`] for a line that can't be used, such as the host name of a browser
    /// that hides its address. The session lives on.
    pub fn add_remote_candidate(&mut self, line: &str) -> Result<(), SessionError> {
        let line = line.trim_start();
        let candidate: Candidate = line.strip_prefix("a=").unwrap_or(line).parse()?;
        self.ice.add_remote_candidate(&candidate);
        Ok(())
    }

    /// The peer has no more candidates (RFC 8838), as an `a=end-of-candidates` that came after its
    /// description says; one in it is heeded without this.
    ///
    /// A session that sends checks and finds no path fails from then on, even if there was nobody to
    /// send one to: [`CloseReason::IceFailed`](super::CloseReason::IceFailed), when 39.5 s were left to
    /// the peer's own checks (RFC 8863 §4). A lite agent has no use for it. Ask for the time of the
    /// alarm again afterwards.
    pub fn end_of_candidates(&mut self) {
        self.ice.end_of_candidates();
    }
}
