//! How a server embeds the gate: it answers the offer in a file and sends back what it hears.
//!
//! `cargo run --example embed --features tokio -- offer.sdp > answer.sdp`

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use portcullis::driver::Driver;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::Description;
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{Call, Context, Session, SessionConfig, SessionError, SessionEvent, dtls};

/// What this server does with a call.
struct Echo;

impl Call for Echo {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        // A packet that may not be sent now is lost, like what the network loses.
        let _ = cx.send_rtp(packet);
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, _: &mut Context<'_>, event: SessionEvent) {
        eprintln!("{event:?}");
    }

    fn handle_end(&mut self, session: &Session, result: Result<(), SessionError>) {
        let dropped: u64 = session.statistics().discards().map(|(.., n)| n).sum();
        eprintln!("ended: {result:?}; {dropped} datagrams dropped");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Once: the port, and what is said in every handshake.
    let driver = Driver::bind("127.0.0.1:3478".parse()?)?;
    let mut config = SessionConfig::new(Arc::new(dtls::Config::new(
        dtls::crypto::default_provider(),
    )?));
    config.candidates = vec![Candidate::host(driver.local_addr()?, 0)];
    let config = Arc::new(config);
    let handle = driver.handle();
    let serving = tokio::spawn(driver.run());

    // For each offer, wherever it comes from: HTTP (WHIP), a WebSocket, here a file.
    let path = std::env::args().nth(1).ok_or("which file has the offer?")?;
    let offer = Description::read(&std::fs::read_to_string(path)?)?;
    let capabilities = Capabilities::browser();
    let now = Instant::now();
    let (session, _, answer) = Signalling::answer(config, now, &offer, &capabilities)?;
    handle.insert(session, Echo).await?;
    println!("{answer}");

    drop(handle);
    Ok(serving.await??)
}
