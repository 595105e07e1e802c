//! str0m: `peer-str0m offer URL SECONDS` or `peer-str0m answer PORT SECONDS`. It sends back what it receives.

use std::error::Error;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use interop::{host, peer, whip};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::crypto::dtls::{DtlsVersion, ProtocolVersion};
use str0m::media::{Direction, MediaData, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

fn main() -> ExitCode {
    peer::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let [mode, target, seconds] = peer::arguments()?;
    let seconds = Duration::from_secs(seconds.parse()?);
    str0m::crypto::from_feature_flags().install_process_default();
    let config = Rtc::builder().clear_codecs().enable_opus(true, false);
    // It takes whichever version we offer.
    let mut rtc = config
        .set_dtls_version(DtlsVersion::Auto)
        .build(Instant::now());
    let socket = UdpSocket::bind((host::address()?, 0))?;
    rtc.add_local_candidate(Candidate::host(socket.local_addr()?, "udp")?);
    match mode.as_str() {
        "offer" => offer(&mut rtc, &target)?,
        _ => whip::serve(target.parse()?, |sdp| answer(&mut rtc, sdp))?,
    }
    Echo::default().exchange(&mut rtc, &socket, seconds)
}

fn offer(rtc: &mut Rtc, url: &str) -> Result<(), Box<dyn Error>> {
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
    let answer = whip::post(url, &offer.to_sdp_string())?;
    let answer = SdpAnswer::from_sdp_string(&answer)?;
    Ok(rtc.sdp_api().accept_answer(pending, answer)?)
}

fn answer(rtc: &mut Rtc, sdp: &str) -> Result<String, Box<dyn Error>> {
    let offer = SdpOffer::from_sdp_string(sdp)?;
    Ok(rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
}

/// What has come and gone.
#[derive(Default)]
struct Echo {
    connected: Option<Instant>,
    packets: u64,
}

impl Echo {
    /// Lasts for a while once connected.
    fn exchange(
        mut self,
        rtc: &mut Rtc,
        socket: &UdpSocket,
        lasts: Duration,
    ) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        let mut buffer = [0; 2048];
        while rtc.is_alive() && self.connected.is_none_or(|at| at.elapsed() < lasts) {
            if self.connected.is_none() && begun.elapsed() > Duration::from_secs(10) {
                return Err("no connection within 10 seconds".into());
            }
            let wake = self.say(rtc, socket)?;
            let wait = wake.saturating_duration_since(Instant::now());
            socket.set_read_timeout(Some(
                wait.clamp(Duration::from_millis(1), Duration::from_millis(100)),
            ))?;
            let input = match socket.recv_from(&mut buffer) {
                Ok((length, source)) => Input::Receive(
                    Instant::now(),
                    Receive::new(
                        Protocol::Udp,
                        source,
                        socket.local_addr()?,
                        &buffer[..length],
                    )?,
                ),
                Err(_) => Input::Timeout(Instant::now()),
            };
            rtc.handle_input(input)?;
        }
        println!("sent {0}\nreceived {0}", self.packets);
        if rtc.is_alive() {
            rtc.close()?;
            self.say(rtc, socket)?;
        }
        Ok(())
    }

    /// Sends all that there is to send, and returns when there is more.
    fn say(&mut self, rtc: &mut Rtc, socket: &UdpSocket) -> Result<Instant, Box<dyn Error>> {
        loop {
            match rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(datagram) => {
                    socket.send_to(&datagram.contents, datagram.destination)?;
                }
                Output::Event(Event::Connected) => {
                    self.connected = Some(Instant::now());
                    println!("connected");
                    match rtc.direct_api().dtls_protocol_version() {
                        Some(ProtocolVersion::DTLS1_3) => println!("version 1.3"),
                        Some(ProtocolVersion::DTLS1_2) => println!("version 1.2"),
                        other => println!("version {other:?}"),
                    }
                }
                Output::Event(Event::MediaData(data)) => self.send_back(rtc, data)?,
                Output::Event(_) => {}
            }
        }
    }

    fn send_back(&mut self, rtc: &mut Rtc, data: MediaData) -> Result<(), Box<dyn Error>> {
        // Some may come while it ends.
        let Some(writer) = rtc.writer(data.mid) else {
            return Ok(());
        };
        self.packets += 1;
        Ok(writer.write(data.pt, data.network_time, data.time, data.data)?)
    }
}
