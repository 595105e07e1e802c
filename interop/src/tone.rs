//! Finding a tone in a recording.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

use crate::launch::require;

const RATE: f64 = 48_000.0;

/// Asserts that the recording holds a tone of `frequency` Hz for at least a second, and little else.
///
/// Its middle is looked at: at the start an encoder settles and a browser fades in.
pub(crate) fn assert_heard(recording: &Path, frequency: f64) {
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
