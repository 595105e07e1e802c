//! What is installed: the programs of peers and the versions of their libraries.

use std::path::PathBuf;
use std::process::Command;

use crate::folder;

/// A file of `interop/peers/`.
pub(crate) fn source(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "peers", path].iter().collect()
}

/// The first line that a command prints, if it runs and succeeds.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}

/// A program of this package, which stands beside this one if its feature was switched on.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.exists().then_some(path)
}

/// The version of a crate in the lock file of this workspace.
pub(crate) fn locked(name: &str) -> Option<String> {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split_once('"').map(|(version, _)| version.to_owned())
}

/// A program in C, C++ or Go, which `interop/setup.sh` has compiled.
pub(crate) fn compiled(name: &str) -> Option<PathBuf> {
    let path = folder().join("bin").join(format!("peer-{name}"));
    path.exists().then_some(path)
}

/// The version of a library, by pkg-config.
pub(crate) fn pkg_config(library: &str) -> Option<String> {
    first_line(Command::new("pkg-config").args(["--modversion", library]))
}

/// The upstream version of an installed package of Debian.
pub(crate) fn debian(package: &str) -> Option<String> {
    let version = first_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]))?;
    let end = version.find(['-', '+']).unwrap_or(version.len());
    version.get(..end).map(str::to_owned)
}
