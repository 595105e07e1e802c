//! The interop matrix: our stack against every real peer that is installed, in one table.
//!
//! `interop/run.sh` builds it with what there is; `interop/README.md` says how a peer is added.

mod dtls;
mod row;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex};
use std::thread;

use clap::Parser;

use self::row::{Outcome, Row};

/// Handshakes that run at a time: they mostly wait.
const WORKERS: usize = 4;

#[derive(Debug, Parser)]
struct Arguments {
    /// Only this peer; may be given several times.
    #[arg(long, value_name = "PEER")]
    only: Vec<String>,
    /// Writes the rows to this file, as an array of JSON objects.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("matrix: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no row failed.
fn run(arguments: &Arguments) -> Result<bool, String> {
    fs::create_dir_all(folder()).map_err(|error| format!("{}: {error}", folder().display()))?;
    let names: Vec<&str> = dtls::ALL.iter().map(|peer| peer.name).collect();
    if let Some(unknown) = arguments
        .only
        .iter()
        .find(|only| !names.contains(&only.as_str()))
    {
        return Err(format!(
            "no peer {unknown}; there are: {}",
            names.join(", ")
        ));
    }
    clear_evidence().map_err(|error| format!("{}: {error}", folder().display()))?;
    let is_wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|o| o == name);
    let rows = dtls_rows(is_wanted);
    row::print_table(&rows);
    if let Some(path) = &arguments.json {
        let rows: Vec<_> = rows.iter().map(Row::to_json).collect();
        let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(rows.iter().all(|row| row.result != Outcome::Fail))
}

/// Removes what the rows of an earlier run left behind.
fn clear_evidence() -> std::io::Result<()> {
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        if path.is_file() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The rows of the peers of DTLS, in the order of their table.
fn dtls_rows(is_wanted: impl Fn(&str) -> bool) -> Vec<Row> {
    let mut jobs = Vec::new();
    let mut rows = Vec::new();
    for peer in dtls::ALL.iter().filter(|peer| is_wanted(peer.name)) {
        match (peer.version)() {
            Some(version) => {
                for shape in dtls::shapes(peer) {
                    jobs.push((rows.len() + jobs.len(), peer, version.clone(), shape));
                }
            }
            None => rows.push((
                rows.len() + jobs.len(),
                Row::absent(peer.name, peer.install),
            )),
        }
    }
    jobs.reverse();
    let jobs = Mutex::new(jobs);
    let rows = Mutex::new(rows);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("invariant: no worker panics").pop();
                    let Some((number, peer, version, shape)) = job else {
                        return;
                    };
                    let row = dtls::run(peer, &version, &shape);
                    eprintln!("{} {shape}: {}", peer.name, row.result);
                    let mut rows = rows.lock().expect("invariant: no worker panics");
                    rows.push((number, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("invariant: no worker panics");
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Where `interop/setup.sh` puts what it makes, and where the evidence of failed rows stays.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        root.unwrap_or(Path::new("")).join("target/interop")
    });
    &FOLDER
}
