//! The summary of a call: for a reader, and as JSON.

mod json;
mod text;

use std::time::Duration;

use crate::error::Error;
use crate::media::Counters;
use crate::report::Report;

/// The summary of a call whose two sides this process has seen.
#[derive(Debug)]
pub(crate) struct Both<'a> {
    /// The calling and the answering side.
    pub(crate) sides: [&'a Report; 2],
    /// Whether the recording of the first side's voice is what it played, and of the second's.
    pub(crate) identical: [bool; 2],
}

/// The summary of a call as one side has seen it.
#[derive(Debug)]
pub(crate) struct One<'a> {
    pub(crate) report: &'a Report,
    /// Why it was not what it should be.
    pub(crate) failure: Option<&'a Error>,
}

impl Both<'_> {
    /// Whether every packet arrived, authenticated and decrypted, and both recordings are
    /// unchanged.
    pub(crate) fn is_ok(&self) -> bool {
        let [first, second] = self.sides.map(|side| side.counters);
        let arrived = |from: &Counters, to: &Counters| {
            from.rtp_sent > 0
                && from.rtp_sent == to.rtp_received
                && from.rtcp_sent == to.rtcp_received
                && to.strange == 0
        };
        self.sides.iter().all(|side| side.security.is_some())
            && arrived(&first, &second)
            && arrived(&second, &first)
            && self.identical == [true; 2]
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::archive::Recording;
    use crate::security::Security;

    fn side() -> Report {
        let fingerprint = format!("sha-256 {}", ["AB"; 32].join(":"));
        let security = Security {
            dtls_version: "1.3".to_owned(),
            cipher_suite: "TLS_AES_128_GCM_SHA256".to_owned(),
            group: "X25519".to_owned(),
            post_quantum: false,
            srtp_profile: "SRTP_AEAD_AES_128_GCM".to_owned(),
            local_fingerprint: fingerprint.clone(),
            remote_fingerprint: fingerprint,
        };
        let counters = Counters {
            rtp_sent: 1743,
            rtp_received: 1743,
            rtcp_sent: 3,
            rtcp_received: 3,
            ..Counters::default()
        };
        Report {
            security: Some(security),
            counters,
            setup: Some(Duration::from_micros(4321)),
            recordings: vec![Recording {
                path: "a/first.ogg".into(),
                packets: 1743,
                ..Recording::default()
            }],
            ..Report::default()
        }
    }

    #[test]
    fn ok_means_that_nothing_is_missing() {
        let (first, second) = (side(), side());
        let ok = |second: &Report, identical| {
            Both {
                sides: [&first, second],
                identical,
            }
            .is_ok()
        };
        assert!(ok(&second, [true, true]));
        assert!(!ok(&second, [true, false]));
        let with = |counters| Report {
            counters,
            ..second.clone()
        };
        let all = second.counters;
        assert!(!ok(
            &with(Counters {
                rtp_received: 1742,
                ..all
            }),
            [true; 2]
        ));
        assert!(!ok(
            &with(Counters {
                rtcp_received: 2,
                ..all
            }),
            [true; 2]
        ));
        assert!(!ok(
            &with(Counters {
                rtp_sent: 1744,
                ..all
            }),
            [true; 2]
        ));
        assert!(!ok(&with(Counters { strange: 1, ..all }), [true; 2]));
        assert!(!ok(
            &Report {
                security: None,
                ..second.clone()
            },
            [true; 2]
        ));
    }

    #[test]
    fn the_json_has_the_keys_that_scripts_rely_on() {
        let mut second = side();
        second.discarded.insert("srtp: replayed".to_owned(), 2);
        let json = Both {
            sides: [&side(), &second],
            identical: [true; 2],
        }
        .json();
        assert_eq!(json["ok"], true);
        assert_eq!(json["dtls_version"], "1.3");
        assert_eq!(json["setup_ms"], 4.321);
        assert_eq!(
            (&json["rtp_sent"], &json["rtp_received"]),
            (&3486.into(), &3486.into())
        );
        assert_eq!(
            (&json["rtcp_sent"], &json["rtcp_received"]),
            (&6.into(), &6.into())
        );
        let [there, back] = [&json["directions"][0], &json["directions"][1]];
        assert_eq!(
            (&there["from"], &there["rtp_sent"]),
            (&"first".into(), &1743.into())
        );
        assert_eq!(
            (&back["from"], &back["jitter_ms"]),
            (&"second".into(), &Value::Null)
        );
        assert_eq!(json["round_trip_ms"], Value::Null);
        assert_eq!((&json["lost"], &json["discarded"]), (&0.into(), &2.into()));
        assert_eq!(json["discard_reasons"]["srtp: replayed"], 2);
        assert_eq!(json["media_identical"], true);
        for key in ["cipher_suite", "group", "srtp_profile"] {
            assert!(json[key].is_string(), "{key}");
        }
    }

    #[test]
    fn the_text_fits_a_terminal() {
        let (first, mut second) = (side(), side());
        second.discarded.insert("srtp: replayed".to_owned(), 2);
        let both = Both {
            sides: [&first, &second],
            identical: [true; 2],
        }
        .to_string();
        let one = One {
            report: &second,
            failure: Some(&Error::Silent(Duration::from_secs(9))),
        }
        .to_string();
        for text in [both, one] {
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
            assert!(text.contains("TLS_AES_128_GCM_SHA256") && text.contains("replayed"));
            assert!(text.contains("1,743") && text.contains("4.32 ms"));
        }
    }
}
