//! Header extensions that have to be encrypted (Cryptex, RFC 9335): a browser that can do it, and one
//! that can't.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use interop::browser::{Browser, Kind};
use interop::namespace::{self, HOST};
use interop::page::Page;
use portcullis::driver::Driver;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::Description;
use portcullis::signalling::{Capabilities, Signalling, SignallingError};
use portcullis::srtp::HeaderExtension;
use portcullis::{Call, Context, Cryptex, ParametersError, SessionConfig, dtls};
use serde_json::Value;

/// How many packets have to come, each in this time.
const PACKETS: usize = 50;
const LIMIT: Duration = Duration::from_secs(20);

/// Tells how many elements the header extension of each packet has.
struct Listener(Sender<usize>);

impl Call for Listener {
    fn handle_rtp(&mut self, _: &mut Context<'_>, packet: &mut [u8]) {
        // Nobody waits any more when the test is over.
        let _ = self.0.send(HeaderExtension::of(packet).count());
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

/// A server that requires Cryptex is called by a browser with these settings. The call lives as long as
/// the page and the browser.
fn call(settings: &[&str]) -> Result<(Receiver<usize>, Page, Browser), SignallingError> {
    let page = Page::serve(None);
    let browser = Browser::launch(Kind::Chromium, &page.url(), settings);
    let offer = page.run(
        "const context = new AudioContext();
         const tone = new OscillatorNode(context, { frequency: 440 });
         const into = context.createMediaStreamDestination();
         tone.connect(into); tone.start();
         window.connection = new RTCPeerConnection();
         connection.addTransceiver(into.stream.getTracks()[0], { direction: 'sendonly' });
         await connection.setLocalDescription();
         return connection.localDescription.sdp;",
    );
    let offer = Description::read(offer.as_str().expect("an offer")).expect("it is SDP");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let guard = runtime.enter();
    let driver = Driver::bind(format!("{HOST}:0").parse().expect("an address"));
    let driver = driver.expect("a port");
    let dtls = dtls::Config::new(dtls::crypto::default_provider()).expect("it is valid");
    let mut config = SessionConfig::new(Arc::new(dtls));
    config.candidates = vec![Candidate::host(
        driver.local_addr().expect("it is bound"),
        0,
    )];
    config.cryptex = Cryptex::Require;
    let (heard, packets) = channel();
    let capabilities = Capabilities::browser();
    let (session, _, answer) =
        Signalling::answer(Arc::new(config), Instant::now(), &offer, &capabilities)?;
    let handle = driver.handle();
    drop(guard);
    // It ends with this program, which runs this test alone.
    thread::spawn(move || {
        runtime.block_on(async move {
            let call = Listener(heard);
            let (served, _) = tokio::join!(driver.run(), handle.insert(session, call));
            served.expect("the socket works");
        });
    });
    page.run(&format!(
        "await connection.setRemoteDescription({{ type: 'answer', sdp: {} }});",
        Value::from(answer)
    ));
    Ok((packets, page, browser))
}

#[test]
fn chromium_encrypts_header_extensions_where_that_is_required() {
    let test = "cryptex::chromium_encrypts_header_extensions_where_that_is_required";
    namespace::inside(test, Vec::new, || {
        let call = call(&["--enable-experimental-web-platform-features"]);
        let (packets, _page, _browser) = call.expect("it can encrypt them");
        let mut elements = 0;
        for _ in 0..PACKETS {
            // One with elements in the clear would not have been taken.
            elements += packets.recv_timeout(LIMIT).expect("packets come");
        }
        assert!(elements >= PACKETS, "{elements}");
    });
}

#[test]
fn a_browser_that_cannot_encrypt_header_extensions_is_refused() {
    let test = "cryptex::a_browser_that_cannot_encrypt_header_extensions_is_refused";
    namespace::inside(test, Vec::new, || {
        let refused = SignallingError::from(ParametersError::CryptexRequired);
        assert_eq!(call(&[]).map(|_| ()), Err(refused));
    });
}
