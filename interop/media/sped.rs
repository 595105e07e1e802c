//! DTLS inside STUN (SPED) with Chromium, behind its field trial.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use interop::browser::{Browser, Kind};
use interop::impaired::Impaired;
use interop::namespace::{self, HOST};
use interop::page::Page;
use portcullis::driver::Driver;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::{Description, MediaKind};
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{Call, Context, IceMode, Session, SessionConfig, dtls};
use serde_json::Value;
use tokio::runtime::Runtime;

/// What switches it on in Chromium.
const TRIAL: &str = "--force-fieldtrials=WebRTC-IceHandshakeDtls/Enabled/";

/// How long the first packet of media may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Calls over the proxy in each role.
const LOSSY: u64 = 4;

/// Tells, with each packet, how many datagrams of DTLS came in checks.
struct Listener(Sender<u64>);

impl Call for Listener {
    fn handle_rtp(&mut self, context: &mut Context<'_>, _: &mut [u8]) {
        let statistics = context.session().statistics();
        // Nobody waits any more when the test is over.
        let _ = self.0.send(statistics.dtls_in_stun_received);
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

/// Chromium with these settings calls a lite server in this role, through a proxy of this seed if there
/// is one. Gives how many datagrams of DTLS its checks have carried when media came.
fn call(settings: &[&str], role: dtls::Role, seed: Option<u64>) -> u64 {
    let page = Page::serve(None);
    let _browser = Browser::launch(Kind::Chromium, &page.url(), settings);
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
    let offer = offer.as_str().expect("an offer").to_owned();
    let (answer, carried, _proxy) = serve(&offer, role, seed);
    let named = |sdp: &str| {
        let options = |line: &&str| line.starts_with("a=ice-options:");
        sdp.lines()
            .filter(options)
            .any(|line| line.contains("sped"))
    };
    assert_eq!(named(&answer), named(&offer), "{answer}");
    page.run(&format!(
        "await connection.setRemoteDescription({{ type: 'answer', sdp: {} }});",
        Value::from(answer)
    ));
    carried.recv_timeout(LIMIT).expect("media comes")
}

/// The answer of a server that serves this one call. It ends with this program.
fn serve(
    offer: &str,
    role: dtls::Role,
    seed: Option<u64>,
) -> (String, Receiver<u64>, Option<Impaired>) {
    let offer = Description::read(offer).expect("it is SDP");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let guard = runtime.enter();
    let driver = Driver::bind(format!("{HOST}:0").parse().expect("an address"));
    let driver = driver.expect("a port");
    let address = driver.local_addr().expect("it is bound");
    let proxy = seed.map(|seed| Impaired::new(address.ip(), address, seed).expect("a port"));
    let reached = proxy.as_ref().map_or(address, Impaired::address);
    let dtls = dtls::Config::new(dtls::crypto::default_provider()).expect("it is valid");
    let mut config = SessionConfig::new(Arc::new(dtls));
    config.candidates = vec![Candidate::host(reached, 0)];
    config.dtls_role = role;
    config.sped = true;
    let (heard, carried) = channel();
    let (session, _, answer) = Signalling::answer(
        Arc::new(config),
        Instant::now(),
        &offer,
        &Capabilities::browser(),
    )
    .expect("an offer that fits");
    drop(guard);
    run(runtime, driver, session, heard);
    (answer, carried, proxy)
}

/// Drives a session until the program ends.
fn run(runtime: Runtime, driver: Driver<Listener>, session: Session, heard: Sender<u64>) {
    let handle = driver.handle();
    thread::spawn(move || {
        runtime.block_on(async move {
            let call = Listener(heard);
            let (served, _) = tokio::join!(driver.run(), handle.insert(session, call));
            served.expect("the socket works");
        });
    });
}

/// We call Chromium, in this role. Gives how many datagrams of DTLS its messages have carried when media
/// came.
fn call_chromium(role: dtls::Role) -> u64 {
    let page = Page::serve(None);
    let _browser = Browser::launch(Kind::Chromium, &page.url(), &[TRIAL]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let guard = runtime.enter();
    let driver = Driver::bind(format!("{HOST}:0").parse().expect("an address"));
    let driver = driver.expect("a port");
    let dtls = dtls::Config::new(dtls::crypto::default_provider()).expect("it is valid");
    let mut config = SessionConfig::new(Arc::new(dtls));
    config.ice = IceMode::Controlling;
    config.candidates = vec![Candidate::host(
        driver.local_addr().expect("it is bound"),
        0,
    )];
    config.dtls_role = role;
    config.sped = true;
    let now = Instant::now();
    let audio = Capabilities::browser().media(MediaKind::Audio);
    let offered = Signalling::offer(Arc::new(config), now, [audio]);
    let (mut session, mut signalling, offer) = offered.expect("an offer");
    let setup = match role {
        dtls::Role::Client => "a=setup:active",
        dtls::Role::Server => "a=setup:actpass",
    };
    let offer = offer.replace("a=setup:actpass", setup);
    let answer = page.run(&format!(
        "const context = new AudioContext();
         const tone = new OscillatorNode(context, {{ frequency: 440 }});
         const into = context.createMediaStreamDestination();
         tone.connect(into); tone.start();
         window.connection = new RTCPeerConnection();
         await connection.setRemoteDescription({{ type: 'offer', sdp: {} }});
         const [audio] = connection.getTransceivers();
         audio.direction = 'sendrecv';
         await audio.sender.replaceTrack(into.stream.getTracks()[0]);
         await connection.setLocalDescription();
         while (connection.iceGatheringState !== 'complete')
             await new Promise((wake) => setTimeout(wake, 20));
         return connection.localDescription.sdp;",
        Value::from(offer)
    ));
    let answer = answer.as_str().expect("an answer");
    assert!(answer.contains("sped"), "{answer}");
    let answer = Description::read(answer).expect("it is SDP");
    signalling
        .accept_answer(&mut session, Instant::now(), &answer)
        .expect("an answer that fits");
    let (heard, carried) = channel();
    drop(guard);
    run(runtime, driver, session, heard);
    carried.recv_timeout(LIMIT).expect("media comes")
}

#[test]
fn chromium_begins_the_handshake_in_its_checks_in_both_roles() {
    let test = "sped::chromium_begins_the_handshake_in_its_checks_in_both_roles";
    namespace::inside(test, Vec::new, || {
        // As DTLS client the ClientHello, in two datagrams.
        let as_client = call(&[TRIAL], dtls::Role::Server, None);
        assert!(as_client >= 2, "{as_client}");
        // As server it waits for our ClientHello, which comes by itself, and has a path by then.
        call(&[TRIAL], dtls::Role::Client, None);
    });
}

#[test]
fn chromium_takes_the_handshake_out_of_our_checks_in_both_roles() {
    let test = "sped::chromium_takes_the_handshake_out_of_our_checks_in_both_roles";
    namespace::inside(test, Vec::new, || {
        let as_server = call_chromium(dtls::Role::Client);
        let as_client = call_chromium(dtls::Role::Server);
        assert!(as_client >= 1, "{as_client}");
        println!("carried by Chromium: {as_server} as server, {as_client} as client");
    });
}

#[test]
fn chromium_without_the_trial_is_served_as_ever() {
    let test = "sped::chromium_without_the_trial_is_served_as_ever";
    namespace::inside(test, Vec::new, || {
        for role in [dtls::Role::Server, dtls::Role::Client] {
            assert_eq!(call(&[], role, None), 0);
        }
    });
}

#[test]
fn chromium_begins_the_handshake_in_its_checks_where_datagrams_get_lost() {
    let test = "sped::chromium_begins_the_handshake_in_its_checks_where_datagrams_get_lost";
    namespace::inside(test, Vec::new, || {
        let mut carried = 0;
        for seed in 0..LOSSY {
            carried += call(&[TRIAL], dtls::Role::Server, Some(seed));
            call(&[TRIAL], dtls::Role::Client, Some(seed));
        }
        assert!(carried >= LOSSY, "{carried}");
    });
}
