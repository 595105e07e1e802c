//! What the host knows of a call while it lasts, as the page shows it.

use std::time::{Duration, Instant};

use portcullis::Session;
use serde_json::{Value, json};

use crate::call::discarded;
use crate::media::Media;
use crate::security::Security;

/// All of it.
pub(crate) fn of(
    session: &Session,
    security: Option<&Security>,
    media: Option<&Media>,
    now: Instant,
) -> Value {
    json!({
        "over": false,
        "security": security.map(agreed),
        "path": session.selected_path().map(|path| json!({
            "transport": format!("{:?}", path.transport).to_lowercase(),
            "local": path.local.to_string(),
            "remote": path.remote.to_string(),
        })),
        "timeline": timeline(session, now),
        "retransmitted_flights": session
            .statistics()
            .dtls
            .map(|dtls| dtls.retransmissions),
        "media": media.map(|media| counted(media, now)),
        "round_trip_ms": media
            .and_then(Media::round_trip)
            .or(session.round_trip_time())
            .map(milliseconds),
        "discarded": discarded(session),
    })
}

fn agreed(security: &Security) -> Value {
    json!({
        "dtls_version": security.dtls_version,
        "cipher_suite": security.cipher_suite,
        "group": security.group,
        "post_quantum": security.post_quantum,
        "srtp_profile": security.srtp_profile,
        "local_fingerprint": security.local_fingerprint,
        "remote_fingerprint": security.remote_fingerprint,
    })
}

/// Milliseconds from when the offer was answered.
fn timeline(session: &Session, now: Instant) -> Value {
    let times = session.timeline();
    let since = |at: Instant| milliseconds(at.saturating_duration_since(times.created));
    json!({
        "first_stun": times.first_stun.map(since),
        "ice_connected": times.ice_connected.map(since),
        "dtls_started": times.dtls_started.map(since),
        "secured": times.secured.map(since),
        "first_media": times.first_media.map(since),
        "now": since(now),
    })
}

fn counted(media: &Media, now: Instant) -> Value {
    let counters = media.counters();
    json!({
        "packets_sent": counters.rtp_sent,
        "bytes_sent": counters.rtp_sent_bytes,
        "packets_received": counters.rtp_received,
        "bytes_received": counters.rtp_received_bytes,
        "lost": counters.lost,
        "lost_at_peer": media.lost_at_peer(),
        "jitter_ms": media.jitter().map(milliseconds),
        "silent_ms": counters.heard.map(|at| milliseconds(now.saturating_duration_since(at))),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
