//! Decrypts captured SRTP with a key that is known, such as one from an SDES line of SIP (RFC 4568) or from a key log.
//!
//! Packets come on stdin, one in hexadecimal digits on each line, as `tshark` prints the payloads of UDP; the decrypted
//! ones go to stdout in the same form, for `text2pcap` or for people:
//!
//! ```text
//! tshark -r call.pcap -Y 'ip.src == 192.0.2.1 && udp.port == 3478' -T fields -e udp.payload |
//!   cargo run -p portcullis-srtp --example decrypt -- SRTP_AES128_CM_HMAC_SHA1_80 KEY SALT
//! ```
//!
//! KEY and SALT are the master key and salt of *one* direction, in hexadecimal digits; the inline key of SDES is both, one after the
//! other, in Base64. Without arguments the example seals some packets itself and reads those.

use std::error::Error;
use std::io::{self, BufRead, Write};

use srtp::{
    Kind, MAX_OVERHEAD, Profile, Receiver, ReceiverConfig, ReceiverKeys, Sender, SenderConfig,
    SenderKeys, classify,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            let capture = demonstration()?;
            decrypt(
                Profile::Aes128CmSha1_80,
                &[7; 16],
                &[8; 14],
                capture.as_bytes(),
            )
        }
        [profile, key, salt] => {
            let named = |it: &Profile| it.name() == profile;
            let known = || Profile::ALL.map(Profile::name).join(", ");
            let profile = Profile::ALL.into_iter().find(named);
            let profile = profile.ok_or_else(|| format!("expected one of {}", known()))?;
            decrypt(profile, &bytes(key)?, &bytes(salt)?, io::stdin().lock())
        }
        _ => Err("expected: PROFILE KEY SALT, and packets on stdin".into()),
    }
}

/// Unprotects each line of a capture. A packet that does not authenticate is reported on stderr, and the rest goes on.
fn decrypt(profile: Profile, key: &[u8], salt: &[u8], capture: impl BufRead) -> Result<()> {
    let keys = ReceiverKeys::from_raw(profile, key, salt)?;
    let config = ReceiverConfig {
        allow_null_cipher: true,
        ..ReceiverConfig::default()
    };
    let mut receiver = Receiver::new(keys, config)?;
    let mut out = io::stdout().lock();
    for (number, line) in (1..).zip(capture.lines()) {
        let mut packet = bytes(line?.trim())?;
        // RFC 7983: STUN and DTLS share the port.
        if !matches!(packet.first(), Some(128..=191)) {
            continue;
        }
        let unprotected = match classify(&packet) {
            Kind::Rtp => receiver.unprotect_rtp(&mut packet),
            Kind::Rtcp => receiver.unprotect_rtcp(&mut packet),
        };
        match unprotected {
            Ok(unprotected) => writeln!(out, "{}", digits(&packet[..unprotected.len]))?,
            Err(error) => eprintln!("line {number}: {error}"),
        }
    }
    Ok(())
}

/// What `tshark` would print of three packets.
fn demonstration() -> Result<String> {
    let keys = SenderKeys::from_raw(Profile::Aes128CmSha1_80, &[7; 16], &[8; 14])?;
    let mut sender = Sender::new(keys, SenderConfig::default())?;
    let mut capture = String::new();
    for sequence in 1..=3 {
        let mut packet = vec![0x80, 96, 0, sequence, 0, 0, 0, 0, 1, 2, 3, 4];
        packet.extend(format!("packet {sequence}").bytes());
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let len = sender.protect_rtp(&mut packet, len)?;
        capture += &digits(&packet[..len]);
        capture.push('\n');
    }
    Ok(capture)
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Result<Vec<u8>> {
    let wrong = || format!("no pairs of hexadecimal digits: {digits}");
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return Err(wrong().into());
    }
    let pairs = (0..digits.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
    bytes
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| wrong().into())
}
