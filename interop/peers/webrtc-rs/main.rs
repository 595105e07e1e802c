//! webrtc-rs: `peer-webrtc-rs client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP`.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use interop::peer;
use tokio::net::UdpSocket;
use webrtc_dtls::config::{ClientAuthType, Config, ExtendedMasterSecretType};
use webrtc_dtls::conn::DTLSConn;
use webrtc_dtls::crypto::Certificate;
use webrtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile as Profile;
use webrtc_util::KeyingMaterialExporter as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // It takes rustls' provider for granted, of which two are built in beside `demo-call`.
    let _ = rustls::crypto::ring::default_provider().install_default();
    peer::end(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let [role, port, _dtls, profile, certificate, key, _group] = peer::arguments()?;
    // It reads the key first, under a label of its own.
    let key = std::fs::read_to_string(key)?.replace("PRIVATE KEY", "PRIVATE_KEY");
    let pem = key + &std::fs::read_to_string(certificate)?;
    let (id, length) = match profile.as_str() {
        "SRTP_AEAD_AES_128_GCM" => (Profile::Srtp_Aead_Aes_128_Gcm, 56),
        "SRTP_AEAD_AES_256_GCM" => (Profile::Srtp_Aead_Aes_256_Gcm, 88),
        _ => (Profile::Srtp_Aes128_Cm_Hmac_Sha1_80, 60),
    };
    let config = Config {
        certificates: vec![Certificate::from_pem(&pem)?],
        srtp_protection_profiles: vec![id],
        client_auth: ClientAuthType::RequireAnyClientCert,
        extended_master_secret: ExtendedMasterSecretType::Require,
        insecure_skip_verify: true,
        ..Config::default()
    };
    let is_client = role == "client";
    let port: u16 = port.parse()?;
    let socket = UdpSocket::bind(("127.0.0.1", if is_client { 0 } else { port })).await?;
    if is_client {
        socket.connect(("127.0.0.1", port)).await?;
    } else {
        println!("ready");
        let (_, from) = socket.peek_from(&mut [0; 64]).await?;
        socket.connect(from).await?;
    }
    let handshake = DTLSConn::new(Arc::new(socket), config, is_client, None);
    let connection = tokio::time::timeout(Duration::from_secs(5), handshake).await??;
    if connection.selected_srtpprotection_profile() == id {
        println!("profile {profile}");
    }
    let state = connection.connection_state().await;
    let keys = state
        .export_keying_material("EXTRACTOR-dtls_srtp", &[], length)
        .await?;
    peer::tell_keys(&keys);
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(())
}
