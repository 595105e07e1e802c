//! The inner loop of a server that forwards: receive, unprotect, protect for each receiver, send.

mod port;
mod server;

use std::time::Duration;

use portcullis::dtls::SrtpProfile;
use serde_json::{Value, json};

use self::port::Manner;
use self::server::{Server, Stages};

/// Packets that come at a time: a frame of video.
const BURST: usize = 16;

/// What a packet has, in the clear.
const PACKET_LEN: usize = 1200;

const RECEIVERS: [usize; 3] = [1, 10, 100];

const PROFILES: [(&str, SrtpProfile); 2] = [
    (
        "AES128_CM_HMAC_SHA1_80",
        SrtpProfile::AES128_CM_HMAC_SHA1_80,
    ),
    ("AEAD_AES_128_GCM", SrtpProfile::AEAD_AES_128_GCM),
];

/// Turns of all servers, one after the other, so that what else the machine does hits all alike.
const TURNS: usize = 30;

/// How long a server's turn is.
const TURN: Duration = Duration::from_millis(40);

/// Every profile, number of receivers and manner of I/O.
pub(crate) fn run() -> Value {
    let mut servers = Vec::new();
    for (name, profile) in PROFILES {
        for receivers in RECEIVERS {
            for manner in [Manner::Plain, Manner::Offload] {
                let server = Server::new(profile, receivers, manner);
                servers.push((name, receivers, manner, server, Vec::new()));
            }
        }
    }
    for _ in 0..TURNS {
        for (.., server, bursts) in &mut servers {
            server.turn(TURN, bursts);
        }
    }
    let figures = servers
        .iter_mut()
        .map(|(profile, receivers, manner, _, bursts)| {
            report(profile, *receivers, *manner, bursts)
        });
    json!({ "packet_bytes": PACKET_LEN, "burst": BURST, "servers": figures.collect::<Vec<_>>() })
}

fn report(profile: &str, receivers: usize, manner: Manner, bursts: &mut [Stages]) -> Value {
    bursts.sort_by_key(Stages::total);
    let packets = (BURST * receivers) as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e9 / packets;
    let [best, median] = [0, bursts.len() / 2].map(|place| bursts[place]);
    let share = |time: Duration| 100.0 * time.as_secs_f64() / best.total().as_secs_f64();
    let shares = [best.receive, best.unprotect, best.protect, best.send].map(share);
    let [best, median] = [best, median].map(|stages| each(stages.total()));
    println!(
        "{profile}, to {receivers}, {}: {best:.0} ns a packet sent ({median:.0} median), {:.2} million a second and core; \
         receive {:.0} %, unprotect {:.0} %, protect {:.0} %, send {:.0} %",
        manner.name(),
        1e3 / best,
        shares[0],
        shares[1],
        shares[2],
        shares[3],
    );
    json!({
        "profile": profile, "receivers": receivers, "io": manner.name(),
        "ns_per_packet": best, "ns_per_packet_median": median, "packets_per_second": 1e9 / best,
        "share_receive": shares[0], "share_unprotect": shares[1],
        "share_protect": shares[2], "share_send": shares[3],
    })
}
