//! Secrets in the SSLKEYLOGFILE format (RFC 9850), for Wireshark and its like.

use std::fmt::Debug;

/// Receives one line per secret, without a line end.
///
/// Whoever has these lines can read the traffic: set this only to debug.
pub trait KeyLog: Debug + Send + Sync {
    /// Takes `LABEL client_random secret`, the latter two in lower-case hex.
    fn log(&self, line: &str);
}

/// The labels that we write, by RFC 9850 §2 and, for DTLS 1.2, the NSS key log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    ClientRandom,
    ClientHandshakeTrafficSecret,
    ServerHandshakeTrafficSecret,
    ClientTrafficSecret0,
    ServerTrafficSecret0,
    ExporterSecret,
}

impl Label {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClientRandom => "CLIENT_RANDOM",
            Self::ClientHandshakeTrafficSecret => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshakeTrafficSecret => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientTrafficSecret0 => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerTrafficSecret0 => "SERVER_TRAFFIC_SECRET_0",
            Self::ExporterSecret => "EXPORTER_SECRET",
        }
    }
}

/// Writes a line if a log is set; formats nothing otherwise.
pub(crate) fn log(
    key_log: Option<&dyn KeyLog>,
    label: Label,
    client_random: &[u8; 32],
    secret: &[u8],
) {
    let Some(key_log) = key_log else { return };
    let mut line = zeroize::Zeroizing::new(String::with_capacity(180));
    line.push_str(label.as_str());
    line.push(' ');
    push_hex(&mut line, client_random);
    line.push(' ');
    push_hex(&mut line, secret);
    key_log.log(&line);
}

fn push_hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            line.extend(char::from_digit(u32::from(digit), 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

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
    fn a_line_is_label_random_secret() {
        let lines = Lines::default();
        log(
            Some(&lines),
            Label::ExporterSecret,
            &[0xab; 32],
            &[0x01, 0xf0],
        );
        let expected = format!("EXPORTER_SECRET {} 01f0", "ab".repeat(32));
        assert_eq!(
            *lines.0.lock().expect("no panic under the lock"),
            [expected]
        );
    }
}
