//! Chromium and Firefox call `demo-call listen` from its own page.
//!
//! Run with `cargo test -p interop --features browsers`; `interop/setup.sh` installs what it needs.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use interop::browser::{self, Browser, Kind};
use interop::namespace::{self, HOST};
use interop::page::Page;
use interop::program::{Running, demo_call};
use interop::tone;
use serde_json::Value;

/// Set to where `demo-call` stands: inside the namespace cargo is not run.
const PROGRAM: &str = "PORTCULLIS_DEMO_CALL";

/// Runs `body` in a network namespace, with `demo-call` built.
fn in_namespace(test: &str, body: impl FnOnce()) {
    browser::require("opusdec", "opus-tools");
    namespace::inside(test, || vec![(PROGRAM, demo_call())], body);
}

/// A call from a browser, and what the browser's page said of it.
struct Call {
    page: Page,
    _browser: Browser,
    listen: Running,
    recordings: tempfile::TempDir,
}

impl Call {
    /// Starts `listen`, opens its page in the browser and places a call.
    fn place(kind: Kind, source: &str, arguments: &[&str]) -> Self {
        let recordings = tempfile::tempdir().expect("a folder");
        let program = std::env::var_os(PROGRAM).expect("the parent says where demo-call stands");
        let mut command = Command::new(program);
        command.args([
            "listen",
            "--http",
            "127.0.0.1:0",
            "--media",
            &format!("{HOST}:0"),
        ]);
        command
            .arg("--record")
            .arg(recordings.path())
            .args(arguments);
        let mut listen = Running::start(&mut command);
        let address = listen.after("http://").trim_end_matches('/').to_owned();
        let page = Page::serve(Some(&address));
        let browser = Browser::launch(kind, &page.url(), &[]);
        page.run(&format!(
            "await until(() => by('call'), 'the page');
             doc().querySelector('input[value={source}]').click();
             by('call').click();"
        ));
        Self {
            page,
            _browser: browser,
            listen,
            recordings,
        }
    }

    /// Waits until media went both ways for a while, and gives what the page's table says then.
    fn state_after(&self, packets: u32) -> Value {
        self.page.run(&format!(
            "await until(() => by('error').hidden === false || (count('sent') > {packets} &&
                 count('packets-received') > {packets}), 'packets both ways');
             if (!by('error').hidden) throw new Error(by('error').textContent);
             return {{
                 ...Object.fromEntries([...doc().querySelectorAll('td')].map(
                     (cell) => [cell.id, cell.textContent])),
                 state: by('state').dataset.state,
                 heard: by('level-received').value,
             }};"
        ))
    }

    /// Hangs up by the page's button and returns the recording that `listen` made.
    fn hang_up(mut self) -> (PathBuf, tempfile::TempDir) {
        self.page.run("by('call').click();");
        self.listen.after("ended");
        self.listen.interrupt();
        assert!(self.listen.wait(Duration::from_secs(10)).success());
        let mut files = std::fs::read_dir(self.recordings.path()).expect("the folder");
        let file = files
            .next()
            .expect("a recording")
            .expect("its entry")
            .path();
        assert!(files.next().is_none(), "one call, one recording");
        (file, self.recordings)
    }
}

/// A call with the tone: the page shows the state expected, and the host has recorded the tone.
fn tone_call(kind: Kind, arguments: &[&str], version: &str) {
    let source = match kind {
        Kind::Chromium => "tone",
        Kind::Firefox => "microphone",
    };
    let call = Call::place(kind, source, arguments);
    let state = call.state_after(150);
    println!("{kind:?}: {state:#}");
    assert_eq!(state["state"], "connected");
    assert_eq!(state["dtls"], "connected");
    assert_eq!(state["version"], version);
    assert_eq!(state["lost-received"], "0");
    assert!(
        state["heard"].as_f64().is_some_and(|level| level > 0.2),
        "what the host plays is heard"
    );
    for fingerprint in ["fingerprint-local", "fingerprint-remote"] {
        assert!(
            state[fingerprint]
                .as_str()
                .is_some_and(|text| text.starts_with("sha-256\n"))
        );
    }
    let srtp = state["srtp"].as_str().unwrap_or_default();
    assert!(
        ["SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM"].contains(&srtp),
        "{srtp}"
    );
    let (recording, _folder) = call.hang_up();
    tone::assert_heard(&recording, 440.0);
}

#[test]
fn chromium_calls_with_its_default_settings() {
    in_namespace("chromium_calls_with_its_default_settings", || {
        tone_call(Kind::Chromium, &[], "DTLS 1.3");
    });
}

#[test]
fn firefox_calls_with_its_default_settings() {
    in_namespace("firefox_calls_with_its_default_settings", || {
        tone_call(Kind::Firefox, &[], "DTLS 1.3");
    });
}

#[test]
fn chromium_calls_a_host_that_has_only_dtls_1_2() {
    in_namespace("chromium_calls_a_host_that_has_only_dtls_1_2", || {
        tone_call(Kind::Chromium, &["--dtls", "1.2"], "DTLS 1.2");
    });
}

#[test]
fn firefox_calls_a_host_that_has_only_dtls_1_2() {
    in_namespace("firefox_calls_a_host_that_has_only_dtls_1_2", || {
        tone_call(Kind::Firefox, &["--dtls", "1.2"], "DTLS 1.2");
    });
}

#[test]
fn the_page_tells_when_the_host_hangs_up() {
    in_namespace("the_page_tells_when_the_host_hangs_up", || {
        for kind in [Kind::Chromium, Kind::Firefox] {
            let mut call = Call::place(kind, "microphone", &[]);
            call.state_after(50);
            call.listen.interrupt();
            assert!(call.listen.wait(Duration::from_secs(10)).success());
            let told = call.page.run(
                "await until(() => by('state').dataset.state !== 'connected', 'the end');
                 return by('state').textContent;",
            );
            assert_eq!(told, "The host hung up", "{kind:?}");
        }
    });
}

/// The state of the page and how long it took to say that the host is silent, by its own clock.
const SILENT: &str = "
    const begun = performance.now();
    await until(() => by('state').dataset.state !== 'connected', 'silence');
    return { state: by('state').dataset.state, text: by('state').textContent,
             within_3_s: performance.now() - begun < 3000 };";

#[test]
fn the_page_says_within_3_seconds_that_a_killed_host_is_silent() {
    let test = "the_page_says_within_3_seconds_that_a_killed_host_is_silent";
    in_namespace(test, || {
        for kind in [Kind::Chromium, Kind::Firefox] {
            let mut call = Call::place(kind, "microphone", &[]);
            call.state_after(50);
            call.listen.kill();
            let told = call.page.run(SILENT);
            println!("{kind:?}: {told:#}");
            assert_eq!(told["state"], "silent", "{kind:?}: {told:#}");
            let text = told["text"].as_str().unwrap_or_default();
            assert!(text.contains("o answer from the host since "), "{text}");
            assert_eq!(told["within_3_s"], true, "{kind:?}: {told:#}");
        }
    });
}

#[test]
fn the_page_has_the_hosts_counters_and_then_the_recording() {
    let test = "the_page_has_the_hosts_counters_and_then_the_recording";
    in_namespace(test, || {
        let call = Call::place(Kind::Chromium, "microphone", &[]);
        let state = call.state_after(150);
        assert_eq!(state["group"], "X25519MLKEM768 ", "{state:#}");
        assert_eq!(state["fingerprints"], "✓ checked by both sides");
        let counted = call.page.run(
            "await until(() => count('host-received') > 50, 'the counters of the host');
             return [count('host-sent') > 50, by('timeline').children.length];",
        );
        assert_eq!(counted, serde_json::json!([true, 7]));
        let played = call.page.run(
            "by('call').click();
             await until(() => by('recordings').querySelector('a'), 'the recording');
             const link = by('recordings').querySelector('a');
             const recording = await (await fetch(link.href)).arrayBuffer();
             return String.fromCharCode(...new Uint8Array(recording.slice(0, 4)));",
        );
        assert_eq!(played, "OggS");
    });
}

/// A call with the (fake) microphone, and the profile that the host prefers.
fn microphone_call(kind: Kind, profile: &str, shown: &str) {
    let call = Call::place(kind, "microphone", &["--profile", profile]);
    let state = call.state_after(50);
    assert!(
        state["srtp"]
            .as_str()
            .is_some_and(|name| name.contains(shown)),
        "{state:#}"
    );
    call.hang_up();
}

#[test]
fn chromium_takes_each_profile() {
    in_namespace("chromium_takes_each_profile", || {
        microphone_call(
            Kind::Chromium,
            "aes128-cm-sha1-80",
            "AES128_CM_HMAC_SHA1_80",
        );
        microphone_call(Kind::Chromium, "aead-aes-256-gcm", "AEAD_AES_256_GCM");
    });
}

#[test]
fn firefox_takes_each_profile() {
    in_namespace("firefox_takes_each_profile", || {
        microphone_call(Kind::Firefox, "aes128-cm-sha1-80", "AES128_CM_HMAC_SHA1_80");
        microphone_call(Kind::Firefox, "aead-aes-256-gcm", "AEAD_AES_256_GCM");
    });
}
