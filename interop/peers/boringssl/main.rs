//! BoringSSL: `peer-boringssl client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use boring::hash::MessageDigest;
use boring::ssl::{
    Ssl, SslContextBuilder, SslFiletype, SslMethod, SslRef, SslStreamBuilder, SslVerifyMode,
    SslVersion,
};
use foreign_types::ForeignTypeRef as _;
use interop::peer;

/// A socket as a stream in which each write and each read is a datagram.
#[derive(Debug)]
struct Datagrams(UdpSocket);

impl Read for Datagrams {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }
}

impl Write for Datagrams {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> ExitCode {
    peer::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let [role, port, dtls, profile, certificate, key, group] = peer::arguments()?;
    let version = match dtls.as_str() {
        "1.3" => SslVersion::DTLS1_3,
        _ => SslVersion::DTLS1_2,
    };
    let mut context = SslContextBuilder::new(SslMethod::dtls())?;
    context.set_min_proto_version(Some(version))?;
    context.set_max_proto_version(Some(version))?;
    context.set_certificate_file(certificate, SslFiletype::PEM)?;
    context.set_private_key_file(key, SslFiletype::PEM)?;
    // BoringSSL's names of the CM profiles lack the HMAC.
    let ours = profile.replace("HMAC_", "");
    context.set_tlsext_use_srtp(&ours)?;
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    context.set_verify_callback(mode, |_, _| true);
    // DTLS 1.2 wants the curve of the certificate among the groups.
    let groups = if dtls == "1.2" {
        format!("{group}:P-256")
    } else {
        group
    };
    context.set_curves_list(&groups)?;
    let ssl = Ssl::new(&context.build())?;
    // SAFETY: the pointer is that of a live SSL.
    unsafe { boring_sys::SSL_set_mtu(ssl.as_ptr(), 1200) };

    let socket = socket(&role, &port)?;
    let mut stream = SslStreamBuilder::new(ssl, Datagrams(socket));
    if role == "server" {
        stream.set_accept_state();
    } else {
        stream.set_connect_state();
    }
    let mut stream = stream.handshake().map_err(|error| format!("{error:?}"))?;
    tell(stream.ssl(), &profile)?;
    // Answers what we send again, until we close or a while has passed.
    let _ = stream
        .get_ref()
        .0
        .set_read_timeout(Some(Duration::from_millis(500)));
    let _ = stream.read(&mut [0; 64]);
    Ok(())
}

fn socket(role: &str, port: &str) -> Result<UdpSocket, Box<dyn Error>> {
    let port: u16 = port.parse()?;
    let socket = UdpSocket::bind(("127.0.0.1", if role == "server" { port } else { 0 }))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    if role == "server" {
        println!("ready");
        let (_, from) = socket.peek_from(&mut [0; 64])?;
        socket.connect(from)?;
    } else {
        thread::sleep(Duration::from_millis(20));
        socket.connect(("127.0.0.1", port))?;
    }
    Ok(socket)
}

fn tell(ssl: &SslRef, profile: &str) -> Result<(), Box<dyn Error>> {
    let length = match profile {
        "SRTP_AEAD_AES_128_GCM" => 56,
        "SRTP_AEAD_AES_256_GCM" => 88,
        _ => 60,
    };
    let mut keys = vec![0; length];
    ssl.export_keying_material(&mut keys, "EXTRACTOR-dtls_srtp", None)?;
    if let Some(selected) = ssl.selected_srtp_profile() {
        let same = selected.name() == profile.replace("HMAC_", "");
        println!("profile {}", if same { profile } else { selected.name() });
    }
    peer::tell_keys(&keys);
    let certificate = ssl.peer_certificate().ok_or("no certificate of the peer")?;
    let digest = certificate.digest(MessageDigest::sha256())?;
    let digest: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    println!("fingerprint sha-256 {}", digest.join(":"));
    Ok(())
}
