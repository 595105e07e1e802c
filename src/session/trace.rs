//! The life of a session as events of `tracing`, for whoever subscribes.
//!
//! Each has the field `session`, our ICE ufrag, which is told to everybody. There is nothing
//! secret in them, and none for what an unauthenticated sender does: that is counted, so that an
//! attack can't fill a log.

use tracing::{debug, info, warn};

use super::error::SessionError;
use super::event::{CloseReason, SessionEvent};
use crate::Path;

/// Something was told, or heard, beside the media path.
pub(super) fn signalled(session: &str, what: &'static str) {
    debug!(session, "{what}");
}

pub(super) fn handshake_begun(session: &str, role: dtls::Role) {
    debug!(session, ?role, "DTLS handshake begun");
}

pub(super) fn failed(session: &str, error: &SessionError) {
    warn!(session, %error, "session failed");
}

pub(super) fn event(session: &str, event: &SessionEvent) {
    match event {
        SessionEvent::IceConnected { path } => on_path(session, path, "ICE connected"),
        SessionEvent::PathValidated { path } => on_path(session, path, "path validated"),
        SessionEvent::PathRemoved { path } => on_path(session, path, "path removed"),
        SessionEvent::PathLost { path } => on_path(session, path, "path lost to another session"),
        SessionEvent::PathRefused { path } => on_path(session, path, "path is another session's"),
        SessionEvent::ConsentRegained { path } => on_path(session, path, "consent regained"),
        SessionEvent::PathChanged { path } => on_path(session, path, "path changed"),
        SessionEvent::IceRestarted => debug!(session, "ICE restarted"),
        SessionEvent::Secured(summary) => {
            let connection = &summary.connection;
            info!(
                session,
                version = ?connection.version,
                cipher_suite = ?connection.cipher_suite,
                group = ?connection.group,
                srtp_profile = ?connection.srtp_profile,
                handshake_ms = summary.handshake_time.as_secs_f64() * 1e3,
                "secured"
            );
        }
        SessionEvent::ConsentExpired { reason } => warn!(session, ?reason, "consent expired"),
        SessionEvent::KeyLimit(limit) => warn!(session, ?limit, "key limit"),
        SessionEvent::Closed(reason @ (CloseReason::Local | CloseReason::Peer)) => {
            info!(session, %reason, "closed");
        }
        SessionEvent::Closed(reason) => warn!(session, %reason, "closed"),
        SessionEvent::ApplicationData(_) | SessionEvent::ApplicationDataDrained => {}
    }
}

fn on_path(session: &str, path: &Path, what: &'static str) {
    debug!(session, local = %path.local, remote = %path.remote, "{what}");
}
