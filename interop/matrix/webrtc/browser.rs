//! A browser's side of a call.

use std::net::SocketAddr;

use interop::browser::{Browser, Kind};
use interop::page::Page;
use serde_json::{Value, json};

use super::peer::Facts;
use super::plan::{Shape, Special};

/// The functions that the page is asked for.
const SCRIPT: &str = include_str!("browser.js");

/// A browser with the page that makes or takes a call.
pub(super) struct Caller {
    page: Page,
    options: Value,
    _browser: Browser,
}

impl Caller {
    /// Starts a browser. `listen` is where the host's HTTP is, if it has one; `media` what takes
    /// the place of its media port.
    pub(super) fn start(
        kind: Kind,
        shape: &Shape,
        listen: Option<&str>,
        media: Option<SocketAddr>,
    ) -> Self {
        let page = Page::serve(listen);
        let settings: &[&str] = match (kind, shape.special) {
            (Kind::Chromium, Special::Sped) => {
                &["--force-fieldtrials=WebRTC-IceHandshakeDtls/Enabled/"]
            }
            (Kind::Chromium, Special::Cryptex) => &["--enable-experimental-web-platform-features"],
            (Kind::Chromium, _) => &[],
            // An answer has to say where it is: nobody here resolves its names.
            (Kind::Firefox, _) => {
                &[r#"user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);"#]
            }
        };
        let browser = Browser::launch(kind, &page.url(), settings);
        page.run(SCRIPT);
        Self {
            page,
            options: json!({
                "microphone": kind == Kind::Firefox,
                "rsa": shape.special == Special::Rsa,
                "cryptex": shape.special == Special::Cryptex,
                "tcp": shape.special == Special::Tcp,
                "port": media.map(|media| media.port()),
            }),
            _browser: browser,
        }
    }

    /// Calls the host of the page.
    pub(super) fn offer(&self) {
        self.page.run(&format!("await offer({});", self.options));
    }

    /// Answers a call.
    pub(super) fn answer(&self, offer: &str) -> String {
        let script = format!("return await answer({}, {});", json!(offer), self.options);
        let answer = self.page.run(&script);
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// What the browser's statistics say after some seconds.
    pub(super) fn facts(&self) -> Facts {
        let told = self.page.run("return await facts();");
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| told[key].as_u64();
        let dtls = match text("tlsVersion").as_str() {
            "FEFC" => "1.3".to_owned(),
            "FEFD" => "1.2".to_owned(),
            other => other.to_owned(),
        };
        // Firefox leaves the prefix out of some names.
        let cipher = text("srtpCipher");
        let profile = match cipher.strip_prefix("SRTP_") {
            Some(_) => cipher,
            None => format!("SRTP_{cipher}"),
        };
        let state = text("dtlsState");
        Facts {
            connected: state == "connected",
            sent: number("sent").unwrap_or(0),
            received: number("received").unwrap_or(0),
            heard: number("heard"),
            version: Some(dtls),
            profile: Some(profile),
            error: (state != "connected").then(|| format!("dtlsState is {state}")),
        }
    }
}
