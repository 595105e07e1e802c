//! Tones: making a recording of one, and finding it again in another.

use std::f64::consts::TAU;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::browser::require;

const RATE: f64 = 48_000.0;

/// Asserts that the recording holds a tone of `frequency` Hz for at least a second, and little else.
///
/// Its middle is looked at: at the start an encoder settles and a browser fades in.
///
/// # Panics
///
/// If it does not.
pub fn assert_heard(recording: &Path, frequency: f64) {
    let samples = decode(recording);
    let second = RATE as usize;
    assert!(
        samples.len() > 2 * second,
        "{} samples were recorded",
        samples.len()
    );
    let start = (samples.len() - second) / 2;
    let middle = &samples[start..start + second];
    let all = middle.iter().map(|sample| sample * sample).sum::<f64>() / middle.len() as f64;
    let tone = power(middle, frequency);
    assert!(all > 1e-4, "the recording is silent: power {all:e}");
    assert!(
        tone > 0.8 * all,
        "{frequency} Hz has {tone:e} of the power {all:e}"
    );
    for other in [
        frequency * 0.5,
        frequency * 0.9,
        frequency * 1.1,
        frequency * 2.0,
    ] {
        let power = power(middle, other);
        assert!(
            power < 0.05 * tone,
            "{other} Hz has {power:e}, {frequency} Hz {tone:e}"
        );
    }
}

/// Makes a recording (Ogg Opus) of a tone of `frequency` Hz.
///
/// # Panics
///
/// If `opusenc` is not here or fails.
pub fn record(recording: &Path, frequency: f64, seconds: u32) {
    let count = seconds * RATE as u32;
    let sample = |n: u32| ((TAU * frequency * f64::from(n) / RATE).sin() * 10_000.0) as i16;
    let samples: Vec<u8> = (0..count).flat_map(|n| sample(n).to_le_bytes()).collect();
    let mut encoder = Command::new(require("opusenc", "opus-tools"))
        .args([
            "--quiet",
            "--raw",
            "--raw-rate",
            "48000",
            "--raw-chan",
            "1",
            "--bitrate",
            "32",
        ])
        .arg("-")
        .arg(recording)
        .stdin(Stdio::piped())
        .spawn()
        .expect("opusenc runs");
    let mut input = encoder.stdin.take().expect("stdin is a pipe");
    input.write_all(&samples).expect("opusenc reads");
    drop(input);
    let status = encoder.wait().expect("opusenc ends");
    assert!(status.success(), "opusenc: {status}");
}

/// The left channel of a recording.
fn decode(recording: &Path) -> Vec<f64> {
    let output = Command::new(require("opusdec", "opus-tools"))
        .args(["--quiet", "--rate", "48000", "--force-stereo"])
        .args([recording, Path::new("-")])
        .output()
        .expect("opusdec runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (frames, _) = output.stdout.as_chunks::<4>();
    let left = |&[low, high, _, _]: &[u8; 4]| f64::from(i16::from_le_bytes([low, high])) / 32768.0;
    frames.iter().map(left).collect()
}

/// The power of one frequency: the sum over a whole second's turns of it.
fn power(samples: &[f64], frequency: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * frequency * n as f64 / RATE).sin_cos();
        real += sample * cos;
        imaginary += sample * sin;
    }
    let length = samples.len() as f64;
    2.0 * (real * real + imaginary * imaginary) / (length * length)
}
