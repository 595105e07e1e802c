//! The summary as one JSON object.

use serde_json::{Map, Value, json};

use super::{Both, One, milliseconds};
use crate::report::Report;
use crate::security::Security;

impl Both<'_> {
    /// The summary as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let [first, second] = self.sides;
        let sum = |of: fn(&Report) -> u64| of(first) + of(second);
        let sent = sum(|side| side.counters.rtp_sent);
        let received = sum(|side| side.counters.rtp_received);
        let mut reasons = first.discarded.clone();
        for (reason, count) in &second.discarded {
            *reasons.entry(reason.clone()).or_default() += count;
        }
        let mut object = security_json(first);
        object.extend(members(json!({
            "ok": self.is_ok(),
            "rtp_sent": sent,
            "rtp_received": received,
            "rtp_bytes": sum(|side| side.counters.rtp_sent_bytes),
            "rtcp_sent": sum(|side| side.counters.rtcp_sent),
            "rtcp_received": sum(|side| side.counters.rtcp_received),
            "lost": sent.saturating_sub(received),
            "discarded": sum(Report::discards),
            "discard_reasons": reasons,
            "media_identical": self.identical == [true; 2],
            "directions": [
                direction(("first", first), ("second", second)),
                direction(("second", second), ("first", first)),
            ],
            "round_trip_ms": first.round_trip.or(second.round_trip).map(milliseconds),
            "recordings": [recordings(first), recordings(second)],
        })));
        Value::Object(object)
    }
}

/// What one side sent and the other received.
fn direction((from, sent): (&str, &Report), (to, received): (&str, &Report)) -> Value {
    let (out, arrived) = (sent.counters, received.counters);
    json!({
        "from": from,
        "to": to,
        "rtp_sent": out.rtp_sent,
        "rtp_received": arrived.rtp_received,
        "rtp_bytes": out.rtp_sent_bytes,
        "rtcp_sent": out.rtcp_sent,
        "rtcp_received": arrived.rtcp_received,
        "lost": out.rtp_sent.saturating_sub(arrived.rtp_received),
        "jitter_ms": received.jitter.map(milliseconds),
        "round_trip_ms": sent.round_trip.map(milliseconds),
    })
}

fn recordings(side: &Report) -> Vec<String> {
    let paths = side.recordings.iter().map(|it| it.path.display());
    paths.map(|path| path.to_string()).collect()
}

impl One<'_> {
    /// The summary as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let Report { counters, .. } = self.report;
        let mut object = security_json(self.report);
        object.extend(members(json!({
            "ok": self.failure.is_none(),
            "reason": self.failure.map(ToString::to_string),
            "rtp_sent": counters.rtp_sent,
            "rtp_received": counters.rtp_received,
            "rtp_bytes": counters.rtp_sent_bytes,
            "rtcp_sent": counters.rtcp_sent,
            "rtcp_received": counters.rtcp_received,
            "lost": counters.lost,
            "lost_at_peer": self.report.lost_at_peer,
            "discarded": self.report.discards(),
            "discard_reasons": self.report.discarded,
            // Only who has both ends can tell.
            "media_identical": null,
            "round_trip_ms": self.report.round_trip.map(milliseconds),
            "jitter_ms": self.report.jitter.map(milliseconds),
            "silent_ms": self.report.silent.map(milliseconds),
            "recordings": recordings(self.report),
            "recorded": self.report.recorded(),
        })));
        Value::Object(object)
    }
}

fn security_json(side: &Report) -> Map<String, Value> {
    let of = |part: fn(&Security) -> &String| side.security.as_ref().map(part);
    members(json!({
        "dtls_version": of(|security| &security.dtls_version),
        "cipher_suite": of(|security| &security.cipher_suite),
        "group": of(|security| &security.group),
        "srtp_profile": of(|security| &security.srtp_profile),
        "local_fingerprint": of(|security| &security.local_fingerprint),
        "remote_fingerprint": of(|security| &security.remote_fingerprint),
        "setup_ms": side.setup.map(milliseconds),
    }))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
