//! The summary of `docs/interop.md` says what its rows say.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the rows of one peer have in common.
struct Peer {
    name: String,
    version: String,
    dtls: BTreeSet<String>,
    groups: BTreeSet<String>,
    roles: BTreeSet<String>,
    calls: bool,
    passed: usize,
    rows: usize,
}

/// The peers in the order of their rows: lines of eleven cells, whose tenth is the outcome.
fn peers(text: &str) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() != 13 || !matches!(cells[10], "pass" | "fail") {
            continue;
        }
        let (name, version) = (cells[1].to_owned(), cells[2].to_owned());
        if peers.last().is_none_or(|peer| peer.name != name) {
            peers.push(Peer {
                name,
                version,
                dtls: BTreeSet::new(),
                groups: BTreeSet::new(),
                roles: BTreeSet::new(),
                calls: false,
                passed: 0,
                rows: 0,
            });
        }
        let peer = peers.last_mut().expect("one was pushed");
        peer.roles.insert(cells[3].to_owned());
        peer.dtls.insert(cells[4].to_owned());
        peer.groups.insert(cells[5].to_owned());
        peer.calls |= cells[9] == "yes";
        peer.passed += usize::from(cells[10] == "pass");
        peer.rows += 1;
    }
    peers
}

fn summary(peers: &[Peer]) -> String {
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    let mut table =
        String::from("| peer | version | what | we are | DTLS | groups | rows passed |\n");
    table += "| --- | --- | --- | --- | --- | --- | --- |\n";
    for peer in peers {
        let what = if peer.calls { "calls" } else { "handshakes" };
        writeln!(
            table,
            "| {} | {} | {what} | {} | {} | {} | {} of {} |",
            peer.name,
            peer.version,
            list(&peer.roles),
            list(&peer.dtls),
            list(&peer.groups),
            peer.passed,
            peer.rows
        )
        .expect("a string takes everything");
    }
    table
}

#[test]
fn the_summary_of_the_interop_matrix_agrees_with_its_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/interop.md");
    let text = fs::read_to_string(path).expect("docs/interop.md");
    let peers = peers(&text);
    assert!(peers.len() > 20, "{} peers", peers.len());
    let expected = summary(&peers);
    assert!(
        text.contains(&expected),
        "the summary should be:\n{expected}"
    );
    let (passed, rows) = peers.iter().fold((0, 0), |(passed, rows), peer| {
        (passed + peer.passed, rows + peer.rows)
    });
    let sentence = format!("{passed} of {rows} rows pass");
    assert!(text.contains(&sentence), "it should say: {sentence}");
}
