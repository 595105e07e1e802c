//! The interop matrix: our stack against every real peer that is installed, in one table.
//!
//! `interop/run.sh` builds it with what there is; `interop/README.md` says how a peer is added.

mod dtls;
mod packages;
mod row;
mod webrtc;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex};
use std::thread;

use clap::Parser;
use interop::namespace::Namespace;

use self::row::{Outcome, Row};

/// Handshakes that run at a time: they mostly wait.
const WORKERS: usize = 4;

/// Calls that run at a time: browsers keep a core busy while they start.
const CALLERS: usize = 3;

/// Set in the copy of this program that runs inside a network namespace.
const INSIDE: &str = "PORTCULLIS_INSIDE_NAMESPACE";

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
    let arguments = Arguments::parse();
    if let Some(status) = in_namespace() {
        return status;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("matrix: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs this program again in a network namespace of its own, where one can be made: nothing
/// disturbs its calls there. Elsewhere they run on this host's own network.
fn in_namespace() -> Option<ExitCode> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let (host, _nowhere) = Namespace::with_route().ok()?;
    let status = host
        .command(std::env::current_exe().ok()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .status()
        .ok()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Whether no row failed.
fn run(arguments: &Arguments) -> Result<bool, String> {
    fs::create_dir_all(folder()).map_err(|error| format!("{}: {error}", folder().display()))?;
    let names = dtls::ALL.iter().map(|peer| peer.name);
    let names: Vec<&str> = names
        .chain(webrtc::ALL.iter().map(|peer| peer.name))
        .collect();
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
    let mut rows = dtls_rows(is_wanted);
    rows.extend(webrtc_rows(is_wanted)?);
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
    for peer in dtls::ALL.iter().filter(|peer| is_wanted(peer.name)) {
        match (peer.version)() {
            Some(version) => {
                let shapes = dtls::shapes(peer).into_iter();
                jobs.extend(shapes.map(|shape| Ok((peer, version.clone(), shape))));
            }
            None => jobs.push(Err(Box::new(Row::absent(peer.name, peer.install)))),
        }
    }
    work(jobs, WORKERS, |(peer, version, shape)| {
        let row = dtls::run(peer, version, shape);
        eprintln!("{} {shape}: {}", peer.name, row.result);
        row
    })
}

/// The rows of the peers of WebRTC, in the order of their table.
fn webrtc_rows(is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Row>, String> {
    let mut jobs = Vec::new();
    for peer in webrtc::ALL.iter().filter(|peer| is_wanted(peer.name)) {
        match (peer.version)() {
            Some(version) => {
                let shapes = webrtc::shapes(peer).into_iter();
                jobs.extend(shapes.map(|shape| Ok((peer, version.clone(), shape))));
            }
            None => jobs.push(Err(Box::new(Row::absent(peer.name, peer.install)))),
        }
    }
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    webrtc::prepare()?;
    Ok(work(jobs, CALLERS, |(peer, version, shape)| {
        let row = webrtc::run(peer, version, shape);
        eprintln!("{} {shape}: {}", peer.name, row.result);
        row
    }))
}

/// Does each job, some at a time, and gives all rows in the order of their jobs.
fn work<J: Send>(
    jobs: Vec<Result<J, Box<Row>>>,
    workers: usize,
    run: impl Fn(&J) -> Row + Sync,
) -> Vec<Row> {
    let jobs = Mutex::new(jobs.into_iter().enumerate());
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("invariant: no worker panics").next();
                    let Some((number, job)) = job else { return };
                    let row = job.map_or_else(|row| *row, |job| run(&job));
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
