//! How a server embeds the gate: it answers calls from browsers and echoes what it hears.
//!
//! `cargo run --release --example embed --features tokio [HTTP [MEDIA]]`, then open
//! <http://127.0.0.1:8080/>. `HTTP` is where the page is served, by default 127.0.0.1:8080, and `MEDIA`
//! the address of the gate, by default 127.0.0.1:3478. Firefox cannot reach loopback addresses.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, response::Html, routing::get};
use portcullis::driver::{Driver, Handle};
use portcullis::ice_lite::Candidate;
use portcullis::signalling::{Capabilities, Signalling, sdp::Description};
use portcullis::{
    Call, CloseReason, Context, Session, SessionConfig, SessionEvent, SessionId, dtls,
};

/// Places a call with the microphone and plays what comes back.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Echo</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 30rem; color-scheme: light dark }</style>
<h1>Echo</h1><button>Call</button> <output></output><p><audio controls autoplay></audio></p>
<script>
const [button, output, audio] = ["button", "output", "audio"].map((name) => document.querySelector(name));
button.onclick = async () => {
  const connection = new RTCPeerConnection();
  connection.ontrack = ({ track }) => { audio.srcObject = new MediaStream([track]); };
  connection.onconnectionstatechange = () => { output.textContent = connection.connectionState; };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  connection.addTrack(microphone.getTracks()[0]);
  await connection.setLocalDescription();
  const answer = await fetch("/", { method: "POST", body: connection.localDescription.sdp });
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
};
</script>"#;

/// What this server does with a call: it echoes the media.
struct Echo;

impl Call for Echo {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        // A packet that can't be sent now is dropped, as if the network had lost it.
        let _ = cx.send_rtp(packet);
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, _: &mut Context<'_>, event: SessionEvent) {
        eprintln!("{event:?}");
    }

    fn handle_end(&mut self, id: SessionId, session: &Session, reason: &CloseReason) {
        let dropped: u64 = session.statistics().discards().map(|(.., n)| n).sum();
        eprintln!("{id:?} has ended: {reason}; {dropped} datagrams dropped");
    }
}

/// Answers an offer. How offers travel is up to the server: here by HTTP, as in WHIP.
async fn answer(
    State((handle, config)): State<(Handle<Echo>, Arc<SessionConfig>)>,
    offer: String,
) -> Result<String, (StatusCode, String)> {
    let refuse = |error: &dyn Error| (StatusCode::BAD_REQUEST, error.to_string());
    let offer = Description::read(&offer).map_err(|error| refuse(&error))?;
    let capabilities = &Capabilities::browser();
    let (session, _, answer) = Signalling::answer(config, Instant::now(), &offer, capabilities)
        .map_err(|error| refuse(&error))?;
    let inserted = handle.insert(session, Echo).await;
    inserted.map_err(|error| refuse(&error)).map(|_| answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let http = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let media = arguments.next().unwrap_or("127.0.0.1:3478".to_owned());
    // Shared by all calls: the port and the DTLS configuration.
    let driver = Driver::bind(media.parse()?)?;
    let dtls = dtls::Config::new(dtls::crypto::default_provider())?;
    let mut config = SessionConfig::new(Arc::new(dtls));
    config.candidates = vec![Candidate::host(driver.local_addr()?, 0)];
    let state = (driver.handle(), Arc::new(config));
    let serving = tokio::spawn(driver.run());

    let route = get(|| async { Html(PAGE) }).post(answer);
    let listener = tokio::net::TcpListener::bind(http).await?;
    println!("open http://{}/", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", route).with_state(state)).await?;
    Ok(serving.await??)
}
