//! webrtc-rs: `peer-webrtc offer URL SECONDS` or `peer-webrtc answer PORT SECONDS`. It sends back what it receives.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use interop::{host, peer, whip};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
};

/// Of what it sends.
const SSRC: u32 = 440;

fn main() -> ExitCode {
    peer::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let [mode, target, seconds] = peer::arguments()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let echo = Arc::new(Echo::default());
    let connection = if mode == "offer" {
        runtime.block_on(offer(&echo, &target))?
    } else {
        let mut answered = None;
        whip::serve(target.parse()?, |sdp| {
            let (connection, sdp) = runtime.block_on(answer(&echo, sdp))?;
            answered = Some(connection);
            Ok(sdp)
        })?;
        answered.ok_or("nobody called")?
    };
    let lasts = Duration::from_secs(seconds.parse()?);
    runtime.block_on(async {
        let connected = timeout(Duration::from_secs(10), echo.connected.notified()).await;
        connected.map_err(|_| "no connection within 10 seconds")?;
        println!("connected");
        sleep(lasts).await;
        println!(
            "sent {0}\nreceived {0}",
            echo.packets.load(Ordering::Relaxed)
        );
        Ok(connection.close().await?)
    })
}

async fn offer(echo: &Arc<Echo>, url: &str) -> Result<Box<dyn PeerConnection>, Box<dyn Error>> {
    let connection = connection(echo, RTCDtlsRole::Auto).await?;
    let offer = connection.create_offer(None).await?;
    let sdp = describe(&*connection, echo, offer).await?;
    let answer = RTCSessionDescription::answer(whip::post(url, &sdp)?)?;
    connection.set_remote_description(answer).await?;
    Ok(connection)
}

async fn answer(
    echo: &Arc<Echo>,
    offer: &str,
) -> Result<(Box<dyn PeerConnection>, String), Box<dyn Error>> {
    // Left to itself it answers `active` with `active`.
    let role = match offer.contains("a=setup:active") {
        true => RTCDtlsRole::Server,
        false => RTCDtlsRole::Client,
    };
    let connection = connection(echo, role).await?;
    let offer = RTCSessionDescription::offer(offer.to_owned())?;
    connection.set_remote_description(offer).await?;
    let answer = connection.create_answer(None).await?;
    let sdp = describe(&*connection, echo, answer).await?;
    Ok((connection, sdp))
}

async fn connection(
    echo: &Arc<Echo>,
    answering: RTCDtlsRole,
) -> Result<Box<dyn PeerConnection>, Box<dyn Error>> {
    let mut codecs = MediaEngine::default();
    codecs.register_default_codecs()?;
    let settings = SettingEngineBuilder::new().with_answering_dtls_role(answering);
    let connection = PeerConnectionBuilder::new()
        .with_media_engine(codecs)
        .with_setting_engine(settings.build())
        .with_handler(Arc::clone(echo) as Arc<dyn PeerConnectionEventHandler>)
        .with_udp_addrs(vec![(host::address()?, 0)])
        .build()
        .await?;
    let track: Arc<dyn TrackLocal> = Arc::clone(&echo.track) as _;
    connection.add_track(track).await?;
    Ok(Box::new(connection))
}

/// Sets the local description and waits for all its candidates.
async fn describe(
    connection: &dyn PeerConnection,
    echo: &Echo,
    description: RTCSessionDescription,
) -> Result<String, Box<dyn Error>> {
    connection.set_local_description(description).await?;
    echo.gathered.notified().await;
    let description = connection.local_description().await;
    Ok(description.ok_or("it describes nothing")?.sdp)
}

/// What comes, and goes back.
struct Echo {
    gathered: Notify,
    connected: Notify,
    track: Arc<TrackLocalStaticRTP>,
    packets: Arc<AtomicU64>,
}

impl Default for Echo {
    fn default() -> Self {
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(SSRC),
                ..RTCRtpCodingParameters::default()
            },
            codec: RTCRtpCodec {
                mime_type: MIME_TYPE_OPUS.to_owned(),
                clock_rate: 48_000,
                channels: 2,
                ..RTCRtpCodec::default()
            },
            ..RTCRtpEncodingParameters::default()
        };
        let [stream, track, label] = ["peer", "audio", "audio"].map(str::to_owned);
        let track =
            MediaStreamTrack::new(stream, track, label, RtpCodecKind::Audio, vec![encoding]);
        Self {
            gathered: Notify::new(),
            connected: Notify::new(),
            track: Arc::new(TrackLocalStaticRTP::new(track)),
            packets: Arc::default(),
        }
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Echo {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            self.connected.notify_one();
        }
    }

    async fn on_track(&self, remote: Arc<dyn TrackRemote>) {
        let (track, packets) = (Arc::clone(&self.track), Arc::clone(&self.packets));
        // What calls this drives the connection.
        tokio::spawn(async move {
            while let Some(event) = remote.poll().await {
                let TrackRemoteEvent::OnRtpPacket(mut packet) = event else {
                    continue;
                };
                packet.header.ssrc = SSRC;
                if track.write_rtp(packet).await.is_ok() {
                    packets.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}
