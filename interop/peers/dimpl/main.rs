//! dimpl: `peer-dimpl client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP`.
//!
//! It offers and takes all SRTP profiles that it has; we name just one.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output, SrtpProfile};
use interop::peer;

fn main() -> ExitCode {
    peer::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let [role, port, dtls, _profile, certificate, key, group] = peer::arguments()?;
    let der = |path: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        let text = std::fs::read(path)?;
        Ok(pem_rfc7468::decode_vec(&text)
            .map_err(|error| error.to_string())?
            .1)
    };
    let certificate = DtlsCertificate {
        certificate: der(&certificate)?,
        private_key: der(&key)?,
    };
    let group = match group.as_str() {
        "P-256" => NamedGroup::Secp256r1,
        _ => NamedGroup::X25519,
    };
    // P-256 beside it, since RFC 8422 §5.1.1 has the curve of a certificate among the groups of DTLS 1.2.
    let mut groups = vec![group, NamedGroup::Secp256r1];
    groups.dedup();
    let config = Config::builder().mtu(1200).kx_groups(&groups).build();
    let config = Arc::new(config.map_err(|error| error.to_string())?);
    let new = match dtls.as_str() {
        "1.3" => Dtls::new_13,
        _ => Dtls::new_12,
    };
    let mut connection = new(config, certificate, Instant::now());
    connection.set_active(role == "client");
    let port: u16 = port.parse()?;
    let socket = UdpSocket::bind(("127.0.0.1", if role == "server" { port } else { 0 }))?;
    println!("ready");
    let peer = (role == "client").then(|| SocketAddr::from(([127, 0, 0, 1], port)));
    exchange(&mut connection, &socket, peer)
}

fn exchange(
    connection: &mut Dtls,
    socket: &UdpSocket,
    mut peer: Option<SocketAddr>,
) -> Result<(), Box<dyn Error>> {
    let mut end = Instant::now() + Duration::from_secs(5);
    let mut connected = false;
    let (mut out, mut input) = (vec![0; 4096], [0; 4096]);
    connection.handle_timeout(Instant::now())?;
    while Instant::now() < end {
        let wake = loop {
            match connection.poll_output(&mut out) {
                Output::Packet(datagram) => {
                    socket.send_to(datagram, peer.ok_or("nobody to send to")?)?;
                }
                Output::BufferTooSmall { needed } => out.resize(needed, 0),
                Output::Timeout(at) => break at,
                Output::Connected => {
                    connected = true;
                    end = Instant::now() + Duration::from_millis(500);
                }
                Output::KeyingMaterial(keys, profile) => tell(&keys, profile),
                Output::CloseNotify => end = Instant::now(),
                _ => {}
            }
        };
        let wait = wake.saturating_duration_since(Instant::now());
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(100));
        socket.set_read_timeout(Some(wait))?;
        match socket.recv_from(&mut input) {
            Ok((length, from)) => {
                peer = Some(from);
                connection.handle_packet(&input[..length])?;
            }
            Err(_) => connection.handle_timeout(Instant::now())?,
        }
    }
    if connected {
        Ok(())
    } else {
        Err("no handshake in time".into())
    }
}

fn tell(keys: &[u8], profile: SrtpProfile) {
    let name = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        SrtpProfile::AEAD_AES_128_GCM => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AEAD_AES_256_GCM => "SRTP_AEAD_AES_256_GCM",
        _ => "unknown",
    };
    println!("profile {name}");
    peer::tell_keys(keys);
}
