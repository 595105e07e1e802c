//! The SFU between browsers.

use interop::browser::{Browser, Kind};
use interop::page::Page;
use interop::tone;
use serde_json::Value;

use crate::{HELPERS, Served, with_example};

/// A browser with the SFU's page.
pub(crate) struct Tab {
    page: Page,
    _browser: Browser,
}

impl Tab {
    pub(crate) fn open(kind: Kind, served: &Served) -> Self {
        let page = Page::serve(Some(&served.address));
        let browser = Browser::launch(kind, &page.url(), &[]);
        Self {
            page,
            _browser: browser,
        }
    }

    pub(crate) fn run(&self, script: &str) -> Value {
        self.page.run(&format!("{HELPERS}\n{script}"))
    }

    /// Publishes a picture and a tone, and views nothing.
    fn publish(&self, kind: Kind, [width, height]: [u32; 2], layers: &str) {
        // Chromium's microphone beeps and Firefox's hums the tone; Firefox plays none without a
        // sound card.
        let tone = match kind {
            Kind::Chromium => {
                "const context = new AudioContext();
                 const tone = new OscillatorNode(context, { frequency: 440 });
                 const into = context.createMediaStreamDestination();
                 tone.connect(into); tone.start();
                 stream = new MediaStream([...into.stream.getTracks(), ...stream.getVideoTracks()]);"
            }
            Kind::Firefox => "",
        };
        self.run(&format!(
            "await wait(() => page.viewer, 'the page');
             page.viewer.connection.close();
             let stream = await navigator.mediaDevices.getUserMedia(
                 {{ audio: true, video: {{ width: {width}, height: {height}, frameRate: 15 }} }});
             {tone}
             const published = await page.publish(stream, {layers});
             await wait(() => published.connection.connectionState === 'connected', 'publishing');
             (window.published ??= []).push(published);"
        ));
    }

    /// Waits until so many pictures, of this size, have been decoded for a while.
    pub(crate) fn sees(&self, count: usize, width: u32, height: u32) {
        self.run(&format!(
            "await wait(() => page.viewer, 'viewing');
             await wait(async () => {{
                 const stats = [...(await page.viewer.connection.getStats()).values()];
                 const videos = stats.filter((it) => it.type === 'inbound-rtp' && it.kind === 'video');
                 window.seen = videos.map((it) => [it.framesDecoded, it.frameWidth, it.frameHeight]);
                 return window.seen.filter((it) =>
                     it[0] >= 100 && it[1] === {width} && it[2] === {height}).length === {count};
             }}, '{count} pictures').catch((error) => {{
                 throw new Error(`${{error.message}} ${{JSON.stringify(window.seen)}}`);
             }});"
        ));
    }

    /// Records what is heard and looks for the tone in it.
    pub(crate) fn hears(&self) {
        let recorded = self.run(
            "const video = await wait(() => [...doc().querySelectorAll('video')].find(
                 (it) => it.srcObject.getAudioTracks().some((track) => !track.muted)), 'sound');
             const recorder = new MediaRecorder(new MediaStream(video.srcObject.getAudioTracks()));
             const pieces = [];
             recorder.ondataavailable = ({ data }) => data.size > 0 && pieces.push(data);
             // Of a track that nothing comes of yet the pieces are empty.
             recorder.start(500);
             await wait(() => pieces.length >= 10, 'sound');
             await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
             const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
             return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');",
        );
        let digits = recorded.as_str().expect("hexadecimal digits").as_bytes();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16))
            .collect::<Result<_, _>>()
            .expect("two digits a byte");
        let folder = tempfile::tempdir().expect("a folder");
        let (recorded, opus) = (folder.path().join("heard"), folder.path().join("heard.ogg"));
        std::fs::write(&recorded, bytes).expect("it is written");
        let status = std::process::Command::new("ffmpeg")
            .args(["-loglevel", "error", "-i"])
            .arg(&recorded)
            // Its timestamps begin anywhere, which opusdec does not take.
            .args(["-vn", "-af", "asetpts=N/SR/TB", "-c:a", "libopus"])
            .arg(&opus)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "it is sound");
        tone::assert_heard(&opus, 440.0);
    }

    /// How often the handshake was gone through, as far as the page can tell: each DTLS transport has
    /// been connected once.
    fn transports(&self) -> Value {
        self.run(
            "const stats = [...(await page.viewer.connection.getStats()).values()];
             const transports = stats.filter((it) => it.type === 'transport');
             return transports.map((it) => [it.id, it.dtlsState]);",
        )
    }
}

/// One browser publishes, and once more while the other views.
fn pair(publisher: Kind, viewer: Kind) {
    let served = Served::on_port(5000);
    let publishing = Tab::open(publisher, &served);
    publishing.publish(publisher, [320, 240], "['h']");
    let viewing = Tab::open(viewer, &served);
    viewing.sees(1, 320, 240);
    viewing.hears();
    let before = viewing.transports();
    publishing.publish(publisher, [320, 240], "['h']");
    viewing.sees(2, 320, 240);
    assert_eq!(viewing.transports(), before, "one transport, one handshake");
    let offers = viewing.run("return page.viewer.offers;");
    assert!(offers.as_u64() >= Some(1), "by a later offer");
    publishing.run("await window.published.pop().leave();");
    viewing
        .run("await wait(() => doc().querySelectorAll('video').length === 1, 'the end of one');");
}

#[test]
fn chromium_sees_chromium() {
    with_example("sfu::chromium_sees_chromium", "sfu", || {
        pair(Kind::Chromium, Kind::Chromium);
    });
}

#[test]
fn firefox_sees_chromium() {
    with_example("sfu::firefox_sees_chromium", "sfu", || {
        pair(Kind::Chromium, Kind::Firefox);
    });
}

#[test]
fn chromium_sees_firefox() {
    with_example("sfu::chromium_sees_firefox", "sfu", || {
        pair(Kind::Firefox, Kind::Chromium);
    });
}

#[test]
fn firefox_sees_firefox() {
    with_example("sfu::firefox_sees_firefox", "sfu", || {
        pair(Kind::Firefox, Kind::Firefox);
    });
}

/// Firefox gives up what it waits for when the network changes (`network.http.network-changed.timeout`),
/// and the question for the next offer waits; the session goes on.
#[test]
fn a_viewer_whose_network_has_changed_hears_of_publishers() {
    let test = "sfu::a_viewer_whose_network_has_changed_hears_of_publishers";
    with_example(test, "sfu", || {
        let served = Served::on_port(5000);
        let viewing = Tab::open(Kind::Firefox, &served);
        viewing.run("await wait(() => page.viewer, 'viewing');");
        let status = std::process::Command::new("ip")
            .args(["address", "add", "10.77.0.9/24", "dev", "v0"])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "ip runs");
        viewing.run("await wait(() => page.viewer.lost > 0, 'a question that is given up');");
        let publishing = Tab::open(Kind::Chromium, &served);
        publishing.publish(Kind::Chromium, [320, 240], "['h']");
        viewing.sees(1, 320, 240);
    });
}

/// The layers of simulcast are told by their rids, and the viewer gets the one that it asks for.
#[test]
fn a_viewer_chooses_its_layer() {
    with_example("sfu::a_viewer_chooses_its_layer", "sfu", || {
        let served = Served::on_port(5000);
        let publishing = Tab::open(Kind::Chromium, &served);
        // What Chromium sends does not depend on how busy this machine is: all layers, from the start.
        publishing.run(
            "const prototype = page.RTCPeerConnection.prototype;
             const set = prototype.setRemoteDescription;
             prototype.setRemoteDescription = function ({ type, sdp }) {
                 const least = 'x-google-min-bitrate=2000;x-google-start-bitrate=2000';
                 const line = /a=rtpmap:(\\d+) VP8.*\\r\\n/g;
                 return set.call(this, { type, sdp: sdp.replace(line, `$&a=fmtp:$1 ${least}\\r\\n`) });
             };",
        );
        // Of less Chromium makes one layer only.
        publishing.publish(Kind::Chromium, [640, 480], "['h', 'm']");
        let viewing = Tab::open(Kind::Chromium, &served);
        viewing.sees(1, 640, 480);
        let want = |rid| {
            viewing.run(&format!(
                "by('layer').value = '{rid}'; by('layer').dispatchEvent(new Event('change'));"
            ))
        };
        want("m");
        viewing.sees(1, 320, 240);
        want("h");
        viewing.sees(1, 640, 480);
    });
}
