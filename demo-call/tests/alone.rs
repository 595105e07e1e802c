//! `demo-call` without a command: two endpoints of one process call each other.

mod support;

use support::{COUNTING, files, folder, one_line_error, run, summary};

#[test]
fn every_packet_arrives_and_both_recordings_are_unchanged() {
    let dir = folder();
    let output = run(&dir, &["--fast", "--json"]);
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    assert_eq!(summary["ok"], true, "{summary}");
    assert_eq!(summary["media_identical"], true);
    assert_eq!(
        (&summary["lost"], &summary["dtls_version"]),
        (&0.into(), &"1.3".into())
    );
    assert_eq!(summary["rtp_sent"], summary["rtp_received"]);
    assert_eq!(summary["rtcp_sent"], summary["rtcp_received"]);
    assert!(
        summary["rtp_sent"]
            .as_u64()
            .is_some_and(|packets| packets > 1000)
    );
    assert!(summary["setup_ms"].as_f64().is_some_and(|time| time > 0.0));
    assert!(summary["discarded"].is_u64());
    for key in ["cipher_suite", "group", "srtp_profile"] {
        assert!(summary[key].is_string(), "{key}");
    }
    assert_ne!(summary["local_fingerprint"], summary["remote_fingerprint"]);
    assert_eq!(
        files(&dir.path().join("recordings")),
        ["first-caller.ogg", "second-caller.ogg"]
    );
}

#[test]
fn each_version_and_each_profile_carries_the_call() {
    for version in ["1.2", "1.3"] {
        for (profile, name) in [
            ("aead-aes-128-gcm", "SRTP_AEAD_AES_128_GCM"),
            ("aead-aes-256-gcm", "SRTP_AEAD_AES_256_GCM"),
            ("aes128-cm-sha1-80", "SRTP_AES128_CM_HMAC_SHA1_80"),
        ] {
            let dir = folder();
            let arguments = [
                "--fast",
                "--json",
                "--play",
                COUNTING,
                "--dtls",
                version,
                "--profile",
                profile,
            ];
            let output = run(&dir, &arguments);
            let summary = summary(&output);
            assert!(output.status.success(), "{summary}");
            assert_eq!(summary["dtls_version"], version);
            assert_eq!(summary["srtp_profile"], name);
        }
    }
}

#[test]
fn the_real_pace_takes_the_recordings_time() {
    let dir = folder();
    let begin = std::time::Instant::now();
    let output = run(&dir, &["--json", "--play", COUNTING, "--play", COUNTING]);
    // The last of its 113 packets goes out after 112 times 20 ms.
    assert!(begin.elapsed().as_millis() >= 2240);
    assert!(output.status.success(), "{}", summary(&output));
}

#[test]
fn the_summary_is_for_readers() {
    let dir = folder();
    let output = run(&dir, &["--fast", "--play", COUNTING, "--play", COUNTING]);
    let text = String::from_utf8(output.stdout).expect("the summary is UTF-8");
    assert!(output.status.success(), "{text}");
    for part in [
        "DTLS",
        "SRTP",
        "First caller",
        "RTP sent",
        "lost",
        "Discarded",
        "identical",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_recording_that_can_not_be_played_is_named() {
    let dir = folder();
    std::fs::write(dir.path().join("text.ogg"), "this is no recording").expect("it is written");
    let line = one_line_error(&run(&dir, &["--fast", "--play", "text.ogg"]));
    assert!(
        line.contains("text.ogg") && line.contains("not an Ogg file"),
        "{line}"
    );
    let line = one_line_error(&run(&dir, &["--fast", "--play", "absent.ogg"]));
    assert_eq!(line, "error: absent.ogg: does not exist\n");
    let line = one_line_error(&run(&dir, &["--fast", "--play", "."]));
    assert_eq!(line, "error: .: is a folder\n");
    assert_eq!(files(dir.path()), ["text.ogg"], "nothing was left behind");
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let dir = folder();
    std::fs::write(dir.path().join("file"), "").expect("it is written");
    let line = one_line_error(&run(&dir, &["--fast", "--record", "file"]));
    assert!(line.contains("file"), "{line}");
    assert_eq!(files(dir.path()), ["file"]);
}
