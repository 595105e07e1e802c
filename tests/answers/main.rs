//! Answers, compared section by section with what the RFCs ask for.
//!
//! Each offer `NAME.sdp` below `tests/data/sdp` has a file `NAME.answer` beside it. That begins with the
//! rule that decides and with the conditions; then comes what has to stand in the answer, or the
//! refusal. What is random in an answer is a star, and the attributes that each section of a transport
//! has are the word `transport`.

mod laws;
mod mutations;
mod rendered;
mod scale;
mod views;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::{Description, Media, MediaKind, Section};
use portcullis::signalling::{Capabilities, Decide, Signalling, SignallingError};
use portcullis::{Session, SessionConfig, dtls};

/// One certificate for all.
static CONFIG: LazyLock<SessionConfig> = LazyLock::new(|| {
    let provider = dtls::crypto::default_provider();
    let certificate = dtls::Certificate::generate(&*provider).expect("a certificate");
    let config = dtls::Config::new(provider).expect("a configuration that works");
    let mut config = SessionConfig::new(Arc::new(config));
    config.certificate = Some(Arc::new(certificate));
    let address = "198.51.100.2:3478".parse().expect("an address");
    config.candidates = vec![Candidate::host(address, 0)];
    config
});

/// What an offer is answered by.
pub(crate) fn answer(
    offer: &Description,
    decide: impl Decide,
) -> Result<(Session, Signalling, String), SignallingError> {
    Signalling::answer(Arc::new(CONFIG.clone()), Instant::now(), offer, decide)
}

/// An offer with its expectation.
struct Form {
    name: String,
    offer: String,
    expected: String,
}

impl Form {
    /// What stands behind the `#` lines is compared; they hold the rule and the conditions.
    fn condition(&self, name: &str) -> Option<&str> {
        let lines = self.expected.lines();
        let mut conditions = lines.filter_map(|line| line.strip_prefix("# "));
        conditions.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn head(&self) -> String {
        let lines = self.expected.lines();
        lines
            .take_while(|line| line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    fn outcome(&self) -> String {
        let description = match Description::read(&self.offer) {
            Ok(description) => description,
            Err(error) => return format!("unreadable: {error}\n"),
        };
        let mut config = CONFIG.clone();
        if self.condition("role") == Some("client") {
            config.dtls_role = dtls::Role::Client;
        }
        let now = Instant::now();
        let config = Arc::new(config);
        let browser = Capabilities::browser();
        let answered = match self.condition("decision").unwrap_or("capabilities") {
            "capabilities" => Signalling::answer(config, now, &description, &browser),
            "mirror" => Signalling::answer(config, now, &description, mirror),
            "audio" => Signalling::answer(config, now, &description, audio),
            "nothing" => Signalling::answer(config, now, &description, nothing),
            other => panic!("{}: the decision {other} is unknown", self.name),
        };
        match answered {
            Err(error) => format!("refused: {error}\n"),
            Ok((_, signalling, answer)) => {
                laws::hold(&self.offer, &answer);
                let mut text = rendered::rendered(&answer);
                if let Some(peer) = signalling.peer() {
                    let ufrag = peer.credentials.ufrag();
                    let role = peer.dtls_role;
                    writeln!(text, "peer: {ufrag} {role:?}").expect("it does not fail");
                }
                text
            }
        }
    }
}

fn mirror(section: &Section, _: Option<&Media>) -> Option<Media> {
    Some(section.media.mirrored())
}

fn audio(section: &Section, _: Option<&Media>) -> Option<Media> {
    (section.media.kind == MediaKind::Audio).then(|| section.media.mirrored())
}

fn nothing(_: &Section, _: Option<&Media>) -> Option<Media> {
    None
}

fn forms(folder: &str) -> Vec<Form> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/sdp")
        .join(folder);
    let files = fs::read_dir(&folder).expect("a folder of offers");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "sdp"));
    paths.sort();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    paths
        .iter()
        .map(|path| Form {
            name: path.display().to_string(),
            offer: read(path),
            expected: read(&path.with_extension("answer")),
        })
        .collect()
}

fn all_as_expected(folder: &str, at_least: usize) {
    let forms = forms(folder);
    assert!(forms.len() >= at_least, "{} forms", forms.len());
    let mut wrong = String::new();
    for form in &forms {
        let found = form.head() + &form.outcome();
        let path = Path::new(&form.name).with_extension("answer");
        if std::env::var_os("PORTCULLIS_WRITE_ANSWERS").is_some() {
            fs::write(&path, &found).expect("a writable file");
        }
        if form.condition("rule").is_none() || found != form.expected {
            let expected = &form.expected;
            writeln!(
                wrong,
                "{}\nexpected:\n{expected}\nfound:\n{found}",
                form.name
            )
            .expect("it does not fail");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The text of every offer there is.
pub(crate) fn offers() -> Vec<String> {
    let folders = ["", "more", "forms"].into_iter();
    folders.flat_map(forms).map(|form| form.offer).collect()
}

#[test]
fn what_browsers_offer() {
    all_as_expected("", 11);
}

#[test]
fn what_other_implementations_offer() {
    all_as_expected("more", 20);
}

#[test]
fn every_form_of_an_offer() {
    all_as_expected("forms", 106);
}
