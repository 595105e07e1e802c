//! The key log: off unless set, and the same on both sides.

use std::sync::{Arc, Mutex};

use dtls::{KeyLog, ProtocolVersion};

use crate::pair::{FLAVOURS, Pair, Side, config, expects};

#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl KeyLog for Lines {
    fn log(&self, line: &str) {
        self.0
            .lock()
            .expect("no panic under the lock")
            .push(line.to_owned());
    }
}

#[test]
fn both_sides_log_the_same_secrets() {
    for flavour in FLAVOURS {
        let logs = [(); 2].map(|()| Arc::new(Lines::default()));
        let configs = [0, 1].map(|n| config(flavour).key_log(Arc::clone(&logs[n]) as _));
        let mut pair = Pair::with(configs, Side::BOTH.map(expects));
        assert!(pair.connect());
        let [client, server] = logs.map(|log| {
            let mut lines = log.0.lock().expect("no panic under the lock").clone();
            lines.sort();
            lines
        });
        assert_eq!(client, server);
        let labels: Vec<_> = client
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let expected: &[&str] = match flavour.version {
            ProtocolVersion::DTLS1_2 => &["CLIENT_RANDOM"],
            _ => &[
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "EXPORTER_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_TRAFFIC_SECRET_0",
            ],
        };
        assert_eq!(labels, expected);
        let secret_digits = if flavour.version == ProtocolVersion::DTLS1_2 {
            96
        } else {
            64
        };
        for line in &client {
            let fields: Vec<_> = line.split(' ').map(str::len).collect();
            assert_eq!(fields[1..], [64, secret_digits]);
        }
    }
}
