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
            "recordings": [first.recordings, second.recordings],
        })));
        Value::Object(object)
    }
}

impl One<'_> {
    /// The summary as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let Report { counters, .. } = self.report;
        let mut object = security_json(self.report);
        object.extend(members(json!({
            "ok": self.ok,
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
            "recordings": self.report.recordings,
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
