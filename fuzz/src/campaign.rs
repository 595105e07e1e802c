//! Running a target without libFuzzer: the corpus, its mutations, and random bytes, all from one seed.

use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// How many inputs a target gets unless `PORTCULLIS_FUZZ_RUNS` says otherwise.
const RUNS: u64 = 500;

/// The longest random input in bytes.
const LEN_MAX: usize = 2000;

/// Runs `target` on its whole corpus, then on as many mutated and random inputs as `PORTCULLIS_FUZZ_RUNS` says. Input `n` depends on
/// `PORTCULLIS_FUZZ_SEED` and `n` alone; when one fails, its bytes are written to the temporary folder and its path is printed.
///
/// # Panics
///
/// Where the target does.
pub fn run(name: &str, target: fn(&[u8])) {
    let corpus = corpus(name);
    for input in &corpus {
        run_one(name, target, input);
    }
    let seed = variable("PORTCULLIS_FUZZ_SEED").unwrap_or(1);
    for number in 0..variable("PORTCULLIS_FUZZ_RUNS").unwrap_or(RUNS) {
        let mut rng = StdRng::seed_from_u64(seed << 32 ^ number);
        run_one(name, target, &input(&mut rng, &corpus));
    }
}

/// Says where to find the input if the target panics.
struct Witness<'a> {
    name: &'a str,
    input: &'a [u8],
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("{}-failed.bin", self.name));
            match std::fs::write(&path, self.input) {
                Ok(()) => eprintln!("{} failed on {}", self.name, path.display()),
                Err(error) => eprintln!("{} failed; input not written: {error}", self.name),
            }
        }
    }
}

fn run_one(name: &str, target: fn(&[u8]), input: &[u8]) {
    let _witness = Witness { name, input };
    target(input);
}

/// The inputs of `corpus/NAME/`, which are kept because each once reached something new or failed.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("a readable file");
    paths.iter().map(read).collect()
}

fn input(rng: &mut StdRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    if corpus.is_empty() || rng.random_ratio(1, 2) {
        // Short inputs are as likely as long ones of each magnitude.
        let len = rng.random_range(0..=LEN_MAX) >> rng.random_range(0..8);
        let mut input = vec![0; len];
        rng.fill_bytes(&mut input);
        return input;
    }
    let mut input = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..8) {
        mutate(rng, &mut input);
    }
    input
}

fn mutate(rng: &mut StdRng, input: &mut Vec<u8>) {
    let at = rng.random_range(0..=input.len());
    match rng.random_range(0..5) {
        0 => input.truncate(at),
        1 => input.insert(at, rng.random()),
        2 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
        3 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
        4 if at < input.len() => {
            input.remove(at);
        }
        _ => input.extend_from_within(at..),
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
